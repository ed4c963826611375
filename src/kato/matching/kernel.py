"""The hot loop: one memory against many patterns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.blocks import BlockSpace, block_space, decompose
from kato.matching.codes import code_of
from kato.matching.compiled import Array, allocating, compiled, inner
from kato.matching.fuzzy import Claims, Similar, rewrite
from kato.matching.observed import Observed, enter_row, leave_row
from kato.matching.subsequence import common_subsequence


class Patterns(NamedTuple):
    """The arrays of :class:`kato.matching.Candidates`."""

    symbols: Array
    offsets: Array
    event_ends: Array
    event_offsets: Array


class Columns(NamedTuple):
    """What :func:`align_all` writes, see :class:`kato.matching.Alignment`.

    Attributes:
        codes: int64[k, n], receives the codes of the rewritten memories; int64[0, n] if the
            memory is not rewritten.
        hits: bool[k, n], receives which observed symbols lie in a block; bool[0, n] if that is
            not asked for.
    """

    similarity: Array
    lcs: Array
    matched: Array
    blocks: Array
    past_events: Array
    present_events_end: Array
    present_start: Array
    present_end: Array
    preliminary: Array
    codes: Array
    hits: Array


class Scratch(NamedTuple):
    """Room for one candidate: its codes, the row of the subsequence, blocks and claims."""

    pattern: Array
    bits: Array
    space: BlockSpace
    claims: Claims


@allocating
def align_all(
    patterns: Patterns, memory: Observed, similar: Similar, columns: Columns, scratch: Scratch
) -> None:
    """Align the memory with every pattern.

    ``memory`` has one row for all patterns, or one for each; with similar symbols it has two, the
    observed one and room for the rewritten one.
    """
    size = memory.rows.shape[1]
    rewriting = len(similar.starts) > 0
    shared = len(memory.rows) == 1
    if shared:
        enter_row(memory, 0)
    for index in range(len(columns.lcs)):
        pattern = coded_pattern(patterns, index, memory, scratch.pattern)
        row = 0 if shared else index
        if rewriting:
            row = 1
            rewrite(pattern, memory.rows[0], similar, scratch.claims, memory.rows[1])
            _copy(memory.rows[1], columns.codes[index])
        if not shared:
            enter_row(memory, row)
        lcs = common_subsequence(pattern, len(pattern), memory.masks, scratch.bits)
        blocks = decompose(pattern, len(pattern), memory, row, scratch.space) if lcs > 0 else 0
        if not shared:
            leave_row(memory, row)
        if len(columns.hits) > 0:
            _mark_hits(scratch.space.blocks, blocks, columns.hits[index])
        matched, first, last = extent(scratch.space.blocks, blocks, len(pattern))
        past, end, start, stop = present(patterns, index, first, last, matched > 0)
        columns.lcs[index] = lcs
        columns.similarity[index] = ((2.0 * lcs / (len(pattern) + size)) * 100.0) / 100.0
        columns.matched[index] = matched
        columns.blocks[index] = blocks
        columns.past_events[index] = past
        columns.present_events_end[index] = end
        columns.present_start[index] = start
        columns.present_end[index] = stop
        columns.preliminary[index] = preliminary_potential(
            matched, len(pattern), stop - start, size, blocks
        )


@inner
def _copy(source: Array, target: Array) -> None:
    # numba compiles its own assignment of an array for 2.5 s: it spells out the shapes in errors.
    for index in range(len(source)):
        target[index] = source[index]


@compiled
def preliminary_potential(matched: int, length: int, present: int, size: int, blocks: int) -> float:
    """The potential before the ensemble is known (``spec/algorithms.md`` 7.2 and 7.3).

    Args:
        matched: Matched symbols, M.
        length: Symbols of the pattern, m.
        present: Symbols of the present.
        size: Observed symbols, n.
        blocks: Matching blocks.

    >>> preliminary_potential(2, 4, 2, 2, 1)
    2.5
    """
    evidence = matched / length
    confidence = matched / present if present > 0 else 0.0
    snr = (3 * matched - size) / (matched + size) if size > 0 else 0.0
    cohesion = 1.0 / blocks if blocks > 0 else 0.0
    return (evidence + confidence) * snr + cohesion


def scratch_of(patterns: Patterns, memory: Observed) -> Scratch:
    """Room for the longest of the patterns."""
    # Made here, not by the kernel: numba compiles a second for what makes four arrays.
    longest = int((patterns.offsets[1:] - patterns.offsets[:-1]).max(initial=0))
    claims = Claims(np.zeros(longest, np.bool_), np.zeros(len(memory.first), np.int64))
    return Scratch(
        np.zeros(longest, np.int64),
        np.zeros(memory.masks.shape[1], np.uint64),
        block_space(memory.rows.shape[1]),
        claims,
    )


@allocating
def coded_pattern(patterns: Patterns, index: int, memory: Observed, room: Array) -> Array:
    """The codes of one pattern's symbols, written into ``room``."""
    start, end = patterns.offsets[index], patterns.offsets[index + 1]
    for position in range(start, end):
        room[position - start] = code_of(memory.table, patterns.symbols[position])
    return room[: end - start]


@compiled
def extent(blocks: Array, count: int, length: int) -> tuple[int, int, int]:
    """Symbols matched, and the span of the blocks; without a block that is the whole pattern."""
    matched, first, last = 0, length if count else 0, 0 if count else length
    for block in range(count):
        matched += blocks[block, 2]
        first = min(first, blocks[block, 0])
        last = max(last, blocks[block, 0] + blocks[block, 2])
    return matched, first, last


@inner
def _mark_hits(blocks: Array, count: int, hits: Array) -> None:
    for block in range(count):
        position, size = blocks[block, 1], blocks[block, 2]
        hits[position : position + size] = True


@compiled
def present(
    patterns: Patterns, index: int, first: int, last: int, matched: bool
) -> tuple[int, int, int, int]:
    """The span of the blocks in whole events (7.1).

    Returns:
        Events before the present, events up to its end, symbols before it, symbols up to its end.
    """
    low, high = patterns.event_offsets[index], patterns.event_offsets[index + 1]
    past = _events_until(patterns.event_ends, low, high, first)
    end = _events_until(patterns.event_ends, low, high, last)
    start = _symbols_until(patterns.event_ends, low, high, past)
    # The event before the present joins it if it holds the first matched symbol: the block may
    # begin inside that event. It also takes in an event that merely repeats the symbol (Q9).
    if past > 0 and matched:
        before = _symbols_until(patterns.event_ends, low, high, past - 1)
        offset = patterns.offsets[index]
        for position in range(offset + before, offset + start):
            if patterns.symbols[position] == patterns.symbols[offset + first]:
                past, start = past - 1, before
                break
    return past, end, start, _symbols_until(patterns.event_ends, low, high, end)


@inner
def _events_until(ends: Array, low: int, high: int, symbols: int) -> int:
    """How many events of ``ends[low:high]`` it takes to have at least that many symbols."""
    if symbols == 0 or low == high:
        return symbols
    first, last = low, high - 1
    while first < last:
        middle = (first + last) // 2
        if ends[middle] < symbols:
            first = middle + 1
        else:
            last = middle
    return first - low + 1


@inner
def _symbols_until(ends: Array, low: int, high: int, events: int) -> int:
    """How many symbols the first events of ``ends[low:high]`` have."""
    return int(ends[low + events - 1]) if events > 0 and low < high else events
