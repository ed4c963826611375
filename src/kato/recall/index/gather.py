"""Gather the rows whose overlap and pairs let them be among the best; none of them is read yet.

Compiled functions that run for every row take arrays instead of structures: each array of a
structure is counted as a reference at each call, which costs more than the row does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.compiled import Array, compiled
from kato.recall.index.best import Best, Worst, floor_of, is_better, worst_of
from kato.recall.index.overlap import (
    CHUNK,
    Lists,
    Overlap,
    bit_overlap,
    count_bits,
    count_postings,
    lists_of,
    overlap_room,
)
from kato.recall.index.potential import least_common, least_overlap, most_potential
from kato.recall.index.room import GATHERED, POSTINGS, REMEMBERED, ROWS, Place, Room, room_for
from kato.recall.index.segment import Segment, is_hidden
from kato.recall.index.sought import Sought

SAMPLED = 16
"""Every so many chunks one is searched first, for a floor."""


class Cell(NamedTuple):
    """What the rows of a cell have in common.

    Attributes:
        number: Of the cell.
        start: Its first row.
        length: Symbols of a pattern.
        single: Whether each event has one symbol.
        least: Least overlap of a pattern that is similar enough.
    """

    number: int
    start: int
    length: int
    single: bool
    least: int


class Search(NamedTuple):
    """A search on its way through a segment.

    Attributes:
        lists: Where the observed symbols are.
        overlap: Room for one chunk.
        room: Scratch, and the rows gathered.
        position: int64[2], the next chunk and its first cell.
    """

    lists: Lists
    overlap: Overlap
    room: Room
    position: Array


@compiled
def begin(place: Place, sought: Sought) -> Search:
    """A search before its first chunk."""
    lists = lists_of(place.segment, sought.symbols, sought.times)
    room = room_for(place.segment, sought)
    return Search(lists, overlap_room(), room, np.zeros(2, np.int64))


@compiled
def gather(
    place: Place, sought: Sought, begun: Search, sampling: bool, best: Best, work: Array
) -> bool:
    """Gather rows that may be among the best, until there are many; False if there are no more."""
    segment, room, overlap = place.segment, begun.room, begun.overlap
    rows = len(segment.ids)
    chunk, index = begun.position
    room.size[0] = 0
    while chunk * CHUNK < rows and room.size[0] + CHUNK <= GATHERED:
        start, end = chunk * CHUNK, min(chunk * CHUNK + CHUNK, rows)
        chunk += 1
        if ((chunk - 1) % SAMPLED == 0) != sampling:
            continue
        work[POSTINGS] += count_postings(begun.lists, segment.postings, start, overlap)
        while segment.cell_rows[index + 1] <= start:
            index += 1
        low = start
        while low < end:
            high = min(end, segment.cell_rows[index + 1])
            cell, part = cell_of(segment, index, sought), (start, low, high)
            gather_cell(place, sought, cell, begun.lists, overlap, part, room, best, work)
            low = high
            if segment.cell_rows[index + 1] <= end and index + 1 < len(segment.cell_lengths):
                index += 1
    begun.position[0], begun.position[1] = chunk, index
    return bool(room.size[0] > 0 or chunk * CHUNK < rows)


@compiled
def cell_of(segment: Segment, index: int, sought: Sought) -> Cell:
    """A cell, and the least overlap in it."""
    length = segment.cell_lengths[index]
    least = least_common(length, len(sought.pairs) + 1, sought.threshold)
    return Cell(index, segment.cell_rows[index], length, segment.cell_single[index], least)


@compiled
def gather_cell(
    place: Place,
    sought: Sought,
    cell: Cell,
    lists: Lists,
    overlap: Overlap,
    rows: tuple[int, int, int],
    room: Room,
    best: Best,
    work: Array,
) -> None:
    """Gather rows of one cell that may be among the best; leave their overlap 0.

    ``rows`` are the chunk's first, and the first and the end of those to look at.
    """
    _, low, high = rows
    need, floor = cell.least, floor_of(best)
    if need > 0 or floor > 0:  # without a threshold, what shares nothing has a potential of 0
        size = len(sought.pairs) + 1
        need = max(need, least_overlap(floor, cell.length, size, cell.single))
    # What the bits cannot make up for must have postings.
    missing = need - lists.counts[1]
    if missing > 0 and overlap.size[0] < high - low:
        passing = _passing_touched(lists, overlap, place.segment.bits, need, rows, room.passing)
        work[ROWS] += overlap.size[0]
    else:
        passing = _passing_all(lists, overlap, place.segment.bits, need, rows, room.passing)
        work[ROWS] += high - low
    if passing > 0:
        _gather_passing(
            place.segment.pairs,
            place.segment.ids,
            place.hidden,
            place.base,
            sought.pairs,
            sought.doubles,
            cell,
            room.passing[:passing],
            room.bounds,
            room.bounded,
            room.gathered,
            room.expected,
            room.size,
            worst_of(best),
        )


@compiled
def _passing_touched(
    lists: Lists, overlap: Overlap, bits: Array, need: int, rows: tuple[int, int, int], out: Array
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


@compiled
def _passing_all(
    lists: Lists, overlap: Overlap, bits: Array, need: int, rows: tuple[int, int, int], out: Array
) -> int:
    start, low, high = rows
    common, count = overlap.common[low - start : high - start], 0
    count_bits(lists, bits[low:high], common)
    for index in range(high - low):
        if common[index] >= need:
            out[count, 0], out[count, 1] = low + index, common[index]
            count += 1
    common[:] = 0
    return count


@compiled
def _gather_passing(
    row_pairs: Array,
    ids: Array,
    hidden: Array,
    base: int,
    pairs: Array,
    doubles: Array,
    cell: Cell,
    passing: Array,
    bounds: Array,
    bounded: Array,
    gathered: Array,
    expected: Array,
    size: Array,
    worst: Worst,
) -> None:
    """Gather the rows that their overlap and their pairs let be among the best."""
    observed_symbols, most = len(pairs) + 1, min(cell.length, len(pairs) + 1)
    count = size[0]
    for index in range(len(passing)):
        row, common = passing[index, 0], min(passing[index, 1], most)
        bound, similarity = 0.0, 0.0
        if common > 0:
            first, second = row_pairs[row, 0], row_pairs[row, 1]
            run = min(common, _run_bound(first, second, pairs))
            similarity = ((2.0 * common / (cell.length + observed_symbols)) * 100.0) / 100.0
            bound = _bound(bounds, bounded, cell, observed_symbols, run, common, 1)
            if cell.single and bound >= worst.potential:
                lower = _bound(bounds, bounded, cell, observed_symbols, run, common, 0)
                if lower < bound and not _may_double(first, second, doubles):
                    bound = lower
        if bound < worst.potential:
            continue
        if is_better(bound, similarity, base + ids[row], worst) and not is_hidden(hidden, row):
            gathered[count, 0], gathered[count, 1] = row, cell.number
            expected[count] = bound
            count += 1
    size[0] = count


@compiled
def _run_bound(first: np.uint64, second: np.uint64, pairs: Array) -> int:
    """How long a common run can be, by the pairs of a row."""
    longest, run = 0, 0
    for index in range(len(pairs)):
        missing = (pairs[index, 0] & ~first) | (pairs[index, 1] & ~second)
        run = 0 if missing else run + 1
        longest = max(longest, run)
    return longest + 1


@compiled
def _may_double(first: np.uint64, second: np.uint64, doubles: Array) -> bool:
    """Whether an observed symbol may stand beside itself in a row."""
    for index in range(len(doubles)):
        if not (doubles[index, 0] & ~first) | (doubles[index, 1] & ~second):
            return True
    return False


@compiled
def _bound(
    bounds: Array, bounded: Array, cell: Cell, size: int, run: int, common: int, doubled: int
) -> float:
    """The most the potential can be with a run of at most ``run``."""
    if size > REMEMBERED:
        return most_potential(common, run, cell.length, size, cell.single, doubled == 1)
    if bounded[run, common, doubled] != cell.number + 1:
        bounded[run, common, doubled] = cell.number + 1
        bound = most_potential(common, run, cell.length, size, cell.single, doubled == 1)
        bounds[run, common, doubled] = bound
    return float(bounds[run, common, doubled])
