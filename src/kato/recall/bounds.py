"""How good a match can be at best, before its blocks are known.

Let M of the n observed symbols be matched in a pattern of m symbols, s = (3M - n) / (M + n) the
signal to noise, L the longest common subsequence and R the longest common contiguous run. The
preliminary potential (``spec/algorithms.md`` 7.3) is (M/m + confidence) * s + 1/blocks. The first
block is a longest run, so R <= M <= L; either it is the only one, then M = R, or there are at least
max(2, ceil(M/R)) of them. Confidence is at most 1, which bounds the value for s >= 0. It is at
least M/m; and one block of events with one symbol each has at most one more event in its present
(7.1, step 3), so at least M/(M + 1): that bounds it for s < 0. The greatest over M is the bound.

Where R = L the run is the only block; and where events have one symbol each the present is the run
itself, unless the symbol before it is its first one again. Then the potential is known without
looking for blocks. That settles most patterns: those that share one symbol.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import Candidates, Observation
from kato.matching.alignment import kernel_patterns
from kato.matching.blocks import longest_run
from kato.matching.compiled import Array, allocating, compiled, kernel_array
from kato.matching.kernel import Patterns, coded_pattern, preliminary_potential
from kato.matching.observed import Observed, enter_row, observed
from kato.matching.subsequence import common_subsequence

_NEVER = 2**31

_SLACK = 1e-9
"""The bounds and the potential are rounded differently; neither by this much."""

LONGEST = 128
"""Patterns of this length and longer need the same overlap."""

MANY = 10_000
"""From this many candidates on a thread is worth its start."""


class Bounds(msgspec.Struct, frozen=True, eq=False):
    """What is known of k candidates before they are aligned.

    Attributes:
        similarity: float64[k].
        potential: float64[k], the most the preliminary potential can be; -inf for a candidate that
            surely misses the floor, of which nothing else is known then.
        exact: bool[k], whether it is just that.
    """

    similarity: npt.NDArray[np.float64]
    potential: npt.NDArray[np.float64]
    exact: npt.NDArray[np.bool_]


def bounds_of(observation: Observation, candidates: Candidates, floor: float = -np.inf) -> Bounds:
    """Bound the match of each candidate with the memory.

    Args:
        observation: The memory.
        candidates: The patterns.
        floor: A preliminary potential; candidates that cannot reach it are given up early.

    >>> memory = Observation.of([["b"], ["c"]], {"b": 2, "c": 3})
    >>> found = bounds_of(memory, Candidates.of([(1, [[1], [2], [3]]), (2, [[3, 4], [2]])]))
    >>> found.similarity.tolist(), found.potential.round(6).tolist(), found.exact.tolist()
    ([0.8, 0.4], [2.666667, 1.444444], [True, False])
    """
    symbols = kernel_array(observation.symbols, np.uint32)[np.newaxis]
    count = len(candidates)
    found = Bounds(np.zeros(count), np.zeros(count), np.zeros(count, np.bool_))
    patterns, needs = kernel_patterns(candidates), _needs(floor, len(observation))

    def bound(part: slice) -> None:
        columns = found.similarity[part], found.potential[part], found.exact[part]
        _bound_all(_part_of(patterns, part), observed(symbols), needs, columns)

    middle = count // 2 if count >= MANY else count
    # The kernel releases the interpreter: the other half is bounded on another core.
    with ThreadPoolExecutor(1) if middle < count else nullcontext() as other:
        half = other.submit(bound, slice(middle, count)) if other else None
        bound(slice(0, middle))
        if half:
            half.result()
    return found


def _part_of(patterns: Patterns, part: slice) -> Patterns:
    """Some of the patterns; the symbols are shared."""
    offsets = patterns.offsets[part.start : part.stop + 1]
    event_offsets = patterns.event_offsets[part.start : part.stop + 1]
    return Patterns(patterns.symbols, offsets, patterns.event_ends, event_offsets)


@compiled
def potential_bound(lcs: int, run: int, length: int, size: int, single: bool) -> float:
    """The most the preliminary potential can be; 0 where nothing is common.

    Args:
        lcs: Longest common subsequence, L.
        run: Longest common contiguous run, R.
        length: Symbols of the pattern, m.
        size: Observed symbols, n.
        single: Whether each event of the pattern has one symbol.
    """
    if lcs == 0:
        return 0.0
    best = -np.inf
    for matched in range(run, lcs + 1):
        snr = (3 * matched - size) / (matched + size)
        blocks = 1 if matched == run else max(2, (matched + run - 1) // run)
        confidence = 1.0
        if snr < 0:
            confidence = matched / (matched + 1) if single and blocks == 1 else matched / length
        best = max(best, (matched / length + confidence) * snr + 1.0 / blocks)
    return best


def least_overlaps(floor: float, size: int, longest: int, *, single: bool) -> list[int]:
    """How many symbols a pattern must share with the memory for its bound to reach the floor.

    Args:
        floor: A preliminary potential.
        size: Observed symbols, n.
        longest: Greatest length to tell apart.
        single: Whether each event of the patterns has one symbol.

    Returns:
        The least overlap for each length from 1 to ``longest``; more than any if none does. The
        last is the least for all longer ones too.

    >>> least_overlaps(2.5, 2, 4, single=True)
    [2, 2, 2, 2]
    """
    matched = np.arange(1, size + 1)
    # The bounds go up or down with the length, so of long patterns the extremes tell: the last row.
    share = matched / np.append(np.arange(1.0, longest + 1), np.inf)[:, np.newaxis]
    snr = (3 * matched - size) / (matched + size)
    # One block is the best case. Below zero, two blocks of a low confidence can be better.
    least = matched / (matched + 1) if single else share
    one = (share + np.where(snr < 0, least, 1.0)) * snr + 1.0
    two = np.where(snr < 0, 2 * share * snr + 0.5, -np.inf)
    reaching = np.maximum(one, two) >= floor
    needs = np.where(reaching.any(axis=1), reaching.argmax(axis=1) + 1, _NEVER)
    needs[-2] = min(needs[-2], needs[-1])
    least_by_length: list[int] = needs[:-1].tolist()
    return least_by_length


def _needs(floor: float, size: int) -> Array:
    """int64[2, LONGEST + 1], the least overlaps by length, of events of several symbols and one."""
    if floor <= 0:  # patterns that share nothing have a potential of 0
        return np.zeros((2, LONGEST + 1), np.int64)
    rows = [
        least_overlaps(floor - _SLACK, size, LONGEST, single=single) for single in (False, True)
    ]
    return np.array([[0, *row] for row in rows], np.int64)


@allocating
def _bound_all(
    patterns: Patterns,
    memory: Observed,
    needs: Array,
    columns: tuple[Array, Array, Array],
) -> None:
    similarity, potential, exact = columns
    enter_row(memory, 0)
    size = memory.rows.shape[1]
    bits = np.zeros(memory.masks.shape[1], np.uint64)
    room = np.zeros(_longest(patterns), np.int64)
    for index in range(len(potential)):
        length = patterns.offsets[index + 1] - patterns.offsets[index]
        single = patterns.event_offsets[index] == patterns.event_offsets[index + 1]
        need = needs[1 if single else 0, min(length, LONGEST)]
        potential[index] = -np.inf
        if need > size:
            continue
        pattern = coded_pattern(patterns, index, memory, room)
        lcs, start = _overlap(pattern)
        if lcs > 1 and lcs >= need:
            lcs = common_subsequence(pattern, length, memory.masks, bits)
        if lcs < need:
            continue
        run = lcs
        if lcs > 1:
            start, _, run = longest_run(pattern, memory.rows[0], memory, (0, length, 0, size))
        similarity[index] = ((2.0 * lcs / (length + size)) * 100.0) / 100.0
        if lcs == run and single and not (start > 0 and pattern[start - 1] == pattern[start]):
            exact[index] = True
            present = run if run > 0 else length
            blocks = 1 if run > 0 else 0
            potential[index] = preliminary_potential(run, length, present, size, blocks)
        else:
            potential[index] = potential_bound(lcs, run, length, size, single)


@compiled
def _overlap(pattern: Array) -> tuple[int, int]:
    """How many symbols of a coded pattern are observed, and where the last of them is.

    None or one are most patterns, and all there is to know of them.
    """
    count, last = 0, 0
    for position in range(len(pattern)):
        if pattern[position] >= 0:
            count, last = count + 1, position
    return count, last


@compiled
def _longest(patterns: Patterns) -> int:
    longest = 0
    for index in range(len(patterns.offsets) - 1):
        longest = max(longest, patterns.offsets[index + 1] - patterns.offsets[index])
    return longest
