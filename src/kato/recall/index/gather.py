"""Gather the rows whose overlap and pairs let them be among the best; none of them is read yet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.compiled import Array, compiled, inner
from kato.recall.index.best import Worst, is_better
from kato.recall.index.overlap import (
    CHUNK,
    Lists,
    Overlap,
    bit_overlap,
    count_bits,
    count_postings,
    lists_of,
    mark_paired,
    overlap_room,
)
from kato.recall.index.potential import least_common, least_overlap, most_potential
from kato.recall.index.room import (
    GATHERED,
    POSTINGS,
    REMEMBERED,
    ROWS,
    Gathered,
    Remembered,
    Rows,
    remembered_room,
    rows_of,
)
from kato.recall.index.segment import Shelved, is_hidden
from kato.recall.index.sought import Sought

_WORD = 64
_NONE, _ONE = np.uint64(0), np.uint64(1)

Span = tuple[int, int, int]
"""The first row of a chunk, and some of its rows, from one up to another."""

PAIRED = 16
"""Memories of up to so many symbols are looked for pairs in all rows of a chunk at once."""

SELDOM = 16
"""But not where no more than one row of so many has enough: memory is read as fast as it can be,
and pairs are two thirds of what would be read of every row."""

SAMPLED = CHUNK // 16
"""Rows at the beginning of each chunk that are looked at first, for a floor."""

Part = tuple[int, int]
"""Of each chunk, the rows from one up to another."""

ALL, SAMPLE, REST = (0, CHUNK), (0, SAMPLED), (SAMPLED, CHUNK)
"""Parts of chunks. Rows are in order of length, so a part of each chunk has all lengths in it."""


class Cell(NamedTuple):
    """What the rows of a cell have in common.

    Attributes:
        number: Of the cell.
        length: Symbols of a pattern.
        single: Whether each event has one symbol.
    """

    number: int
    length: int
    single: bool


class Gathering(NamedTuple):
    """A search on its way through a segment.

    Attributes:
        rows: Of the segment.
        base: What their ids are relative to.
        lists: Where the observed symbols are.
        overlap: Room for one chunk.
        passing: int64[CHUNK, 2], rows whose overlap is enough, and the overlap.
        runs: Their runs.
        remembered: Bounds.
        position: int64[2], the next chunk and its first cell.
    """

    rows: Rows
    base: int
    lists: Lists
    overlap: Overlap
    passing: Array
    runs: Runs
    remembered: Remembered
    position: Array


class Runs(NamedTuple):
    """Room for the runs of passing rows.

    Attributes:
        low: uint64[CHUNK], the first word of their pairs.
        high: uint64[CHUNK], the second.
        bits: uint64[CHUNK], their bits.
        hits: uint64[CHUNK], a bit for each of the memory's pairs that may be in them.
        longest: int64[CHUNK], the most of the memory's pairs that may follow each other in them.
        least: int64[65], by overlap, the least run that is enough.
    """

    low: Array
    high: Array
    bits: Array
    hits: Array
    longest: Array
    least: Array


class Wanted(NamedTuple):
    """What of :class:`kato.recall.index.sought.Sought` decides before a row is read."""

    pairs: Array
    doubles: Array
    threshold: float


def gathering(shelf: Shelved, sought: Sought) -> Gathering:
    """A search before its first chunk."""
    return Gathering(
        rows_of(shelf),
        shelf.first - 1,
        lists_of(shelf.segment, sought),
        overlap_room(),
        np.empty((CHUNK, 2), np.int64),
        _runs_room(),
        remembered_room(),
        np.zeros(2, np.int64),
    )


def _runs_room() -> Runs:
    low, high, bits, hits = np.empty((4, CHUNK), np.uint64)
    return Runs(
        low, high, bits, hits, np.empty(CHUNK, np.int64), np.zeros(REMEMBERED + 1, np.int64)
    )


def wanted(sought: Sought) -> Wanted:
    """What of a memory decides before a row is read."""
    return Wanted(sought.pairs, sought.doubles, sought.threshold)


@compiled
def gather(
    begun: Gathering, memory: Wanted, part: Part, worst: Worst, out: Gathered, work: Array
) -> bool:
    """Gather rows that may be among the best, until there are many; False if there are no more.

    Args:
        begun: How far it is.
        memory: What is sought.
        part: Which rows of each chunk to look at.
        worst: What a row must surpass.
        out: Receives the rows.
        work: int64[5], see :class:`kato.recall.index.find.Work`.
    """
    chunk, count = begun.position[0], len(begun.rows.ids)
    out.size[0] = 0
    while chunk * CHUNK < count and out.size[0] + CHUNK <= GATHERED:
        start = chunk * CHUNK
        low, high = start + part[0], min(start + part[1], count)
        if low < high:
            _gather_chunk(begun, memory, (start, low, high), worst, out, work)
        chunk += 1
    begun.position[0] = chunk
    return bool(out.size[0] > 0 or chunk * CHUNK < count)


@inner
def _gather_chunk(
    begun: Gathering, memory: Wanted, span: Span, worst: Worst, out: Gathered, work: Array
) -> None:
    """Gather what passes of some rows of a chunk, cell by cell."""
    rows, number = begun.rows, begun.position[1]
    work[POSTINGS] += count_postings(begun.lists, rows.postings, span, begun.overlap)
    start, low, end = span
    while rows.cell_rows[number + 1] <= low:
        number += 1
    while low < end:
        high = min(end, rows.cell_rows[number + 1])
        cell = Cell(number, rows.cell_lengths[number], rows.cell_single[number])
        found = _passing(begun, memory, cell, (start, low, high), worst.potential, work)
        if found > 0:
            _gather_passing(begun, memory, cell, found, worst, out)
        begun.position[1] = number
        low, number = high, number + 1


@inner
def _passing(
    begun: Gathering, memory: Wanted, cell: Cell, rows: Span, floor: float, work: Array
) -> int:
    """Find the rows of a span whose overlap is enough; answers how many."""
    lists, overlap, size = begun.lists, begun.overlap, len(memory.pairs) + 1
    start, low, high = rows
    need = _need(floor, cell, size, size, memory.threshold)
    # What the bits cannot make up for must have postings.
    if need > lists.counts[1] and overlap.size[0] < high - low:
        work[ROWS] += overlap.size[0]
        return _passing_touched(lists, overlap, begun.rows.bits, need, rows, begun.passing)
    work[ROWS] += high - low
    count_bits(lists, begun.rows.bits[low:high], overlap.common[low - start : high - start])
    many = _mark_enough(overlap, need, rows) * SELDOM > high - low
    alone = _need(floor, cell, size, 1, memory.threshold)
    if many and alone > need and size <= PAIRED:
        mark_paired(lists, memory.pairs, begun.rows, rows, overlap)
        _keep_paired(overlap, alone, rows)
    return _marked(overlap, rows, begun.passing)


@inner
def _need(floor: float, cell: Cell, size: int, run: int, threshold: float) -> int:
    """The least overlap of a row of a cell, if its runs are at most so long."""
    least = least_common(cell.length, size, threshold)
    if least == 0 and floor <= 0:
        return 0  # without a threshold, what shares nothing has a potential of 0
    return max(least, least_overlap(floor, run, cell.length, size, cell.single))


@inner
def _passing_touched(
    lists: Lists, overlap: Overlap, bits: Array, need: int, rows: Span, out: Array
) -> int:
    start, low, high = rows
    common, count = overlap.common, 0
    for index in range(overlap.size[0]):
        place = overlap.touched[index]
        if low - start <= place < high - start:
            total = common[place] + bit_overlap(lists, bits[place + start])
            common[place] = 0
            if total >= need:
                out[count, 0], out[count, 1] = place + start, total
                count += 1
    return count


@inner
def _mark_enough(overlap: Overlap, need: int, rows: Span) -> int:
    """Mark the rows that have enough; answers how many."""
    start, low, high = rows
    common, passing = overlap.common[low - start : high - start], overlap.passing
    count = 0
    for index in range(high - low):
        passing[index] = 1 if common[index] >= need else 0
        count += passing[index]
    return count


@inner
def _keep_paired(overlap: Overlap, alone: int, rows: Span) -> None:
    """Take the mark from rows without a pair, which need more."""
    start, low, high = rows
    common, passing, paired = (
        overlap.common[low - start : high - start],
        overlap.passing,
        overlap.paired,
    )
    for index in range(high - low):
        passing[index] &= 1 if common[index] >= alone or paired[index] != _NONE else 0


@inner
def _marked(overlap: Overlap, rows: Span, out: Array) -> int:
    """Write the marked rows and their overlap, and take all marks away; answers how many."""
    start, low, high = rows
    common, passing = overlap.common[low - start : high - start], overlap.passing
    count, size = 0, high - low
    for word in range((size + 7) // 8):
        if overlap.words[word] != _NONE:
            for index in range(8 * word, min(size, 8 * word + 8)):
                # No branch: it would be guessed wrongly too often.
                out[count, 0], out[count, 1] = low + index, common[index]
                count += passing[index]
            overlap.words[word] = _NONE
    common[:] = 0
    return count


@inner
def _gather_passing(
    begun: Gathering, memory: Wanted, cell: Cell, found: int, worst: Worst, out: Gathered
) -> None:
    """Gather the rows that their overlap and their pairs let be among the best."""
    size, passing, runs = len(memory.pairs) + 1, begun.passing, begun.runs
    most, count = min(cell.length, size), out.size[0]
    _find_runs(begun.rows, begun.lists, begun.overlap.places, memory.pairs, passing, found, runs)
    if size <= REMEMBERED and found > most:
        _fill_least(begun.remembered, cell, size, most, runs.least, worst)
        found = _with_runs(passing, found, runs.longest, runs.least, most)
    for index in range(found):
        row, common = passing[index, 0], min(passing[index, 1], most)
        bound = 0.0
        if common > 0:
            run = min(common, runs.longest[index] + 1)
            bound = _bound(begun.remembered, cell, size, run, common, 1)
            if cell.single and bound >= worst.potential:
                lower = _bound(begun.remembered, cell, size, run, common, 0)
                if lower < bound and not _may_double(begun.rows.pairs, row, memory.doubles):
                    bound = lower
        if bound < worst.potential or is_hidden(begun.rows.hidden, row):
            continue
        if bound == worst.potential:  # the only case in which similarity is worth its divisions
            similarity = ((2.0 * common / (cell.length + size)) * 100.0) / 100.0
            if not is_better(bound, similarity, begun.base + begun.rows.ids[row], worst):
                continue
        out.rows[count, 0], out.rows[count, 1] = row, cell.number
        out.bounds[count] = bound
        count += 1
    out.size[0] = count


@inner
def _fill_least(
    remembered: Remembered, cell: Cell, size: int, most: int, least: Array, worst: Worst
) -> None:
    """Write by overlap the least run that lets a row reach the worst of the best."""
    least[0] = 0
    for common in range(1, most + 1):
        run = 1
        while run <= common and _bound(remembered, cell, size, run, common, 1) < worst.potential:
            run += 1
        least[common] = run


@inner
def _with_runs(passing: Array, found: int, longest: Array, least: Array, most: int) -> int:
    """Move the rows whose runs are enough, and their runs, to the front; answers how many."""
    count = 0
    for index in range(found):
        common = min(passing[index, 1], most)
        if min(common, longest[index] + 1) >= least[common]:
            passing[count, 0], passing[count, 1] = passing[index, 0], common
            longest[count] = longest[index]
            count += 1
    return count


@inner
def _find_runs(
    rows: Rows, lists: Lists, places: Array, pairs: Array, passing: Array, found: int, runs: Runs
) -> None:
    """Write how many pairs in a row each passing row may have, at most."""
    if len(pairs) > _WORD:
        for index in range(found):
            row = passing[index, 0]
            runs.longest[index] = _longest_of_many(rows.pairs[0, row], rows.pairs[1, row], pairs)
        return
    _fetch(rows, passing, found, runs)
    # Pair by pair, not row by row: so the processor takes eight rows at a time.
    for pair in range(len(pairs)):
        bit = _ONE << np.uint64(pair)
        _mark_hits(runs, found, (pairs[pair, 0], pairs[pair, 1], lists.pairs[pair]), bit)
    for index in range(found):
        present = places[passing[index, 0] & (CHUNK - 1)] | lists.always[0]
        word, run = runs.hits[index] & present & (present >> _ONE), 0
        while word:
            word &= word << _ONE
            run += 1
        runs.longest[index] = run


@inner
def _fetch(rows: Rows, passing: Array, found: int, runs: Runs) -> None:
    """Put side by side what decides about the pairs of passing rows; no pair is found yet."""
    for index in range(found):
        row = passing[index, 0]
        runs.low[index], runs.high[index] = rows.pairs[0, row], rows.pairs[1, row]
        runs.bits[index] = rows.bits[row]
        runs.hits[index] = _NONE


@inner
def _mark_hits(
    runs: Runs, found: int, pair: tuple[np.uint64, np.uint64, np.uint64], bit: np.uint64
) -> None:
    """Set a bit of each row that has all bits of a pair."""
    low, high, bits, hits = runs.low, runs.high, runs.bits, runs.hits
    for index in range(found):
        missing = (pair[0] & ~low[index]) | (pair[1] & ~high[index]) | (pair[2] & ~bits[index])
        hits[index] |= bit if missing == _NONE else _NONE


@inner
def _longest_of_many(low: np.uint64, high: np.uint64, pairs: Array) -> int:
    longest, run = 0, 0
    for index in range(len(pairs)):
        missing = (pairs[index, 0] & ~low) | (pairs[index, 1] & ~high)
        run = 0 if missing else run + 1
        longest = max(longest, run)
    return longest


@inner
def _may_double(pairs: Array, row: int, doubles: Array) -> bool:
    """Whether an observed symbol may stand beside itself in a row."""
    first, second = pairs[0, row], pairs[1, row]
    for index in range(len(doubles)):
        if not (doubles[index, 0] & ~first) | (doubles[index, 1] & ~second):
            return True
    return False


@inner
def _bound(
    remembered: Remembered, cell: Cell, size: int, run: int, common: int, doubled: int
) -> float:
    """The most the potential can be with a run of at most ``run``."""
    if size > REMEMBERED:
        return most_potential(common, run, cell.length, size, cell.single, doubled == 1)
    if remembered.cells[run, common, doubled] != cell.number + 1:
        remembered.cells[run, common, doubled] = cell.number + 1
        bound = most_potential(common, run, cell.length, size, cell.single, doubled == 1)
        remembered.bounds[run, common, doubled] = bound
    return float(remembered.bounds[run, common, doubled])
