"""Find the best rows of a segment for a memory: exact, reading as few of them as it takes.

For each chunk of rows the overlap with the memory is counted from bits and postings; it bounds the
longest common subsequence, and the hashed pairs bound the longest common run. What cannot reach
the worst of the best by :func:`kato.recall.bounds.potential_bound` is never read. The symbols of
the rest are read: subsequence and run bound them again, or settle them; only what is still open
is aligned. Every step is valid for every row, so the answer is that of an exhaustive scan; bound
and potential are computed by the same operations in the same order, and rounding is monotonic, so
they can be compared as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.blocks import BlockSpace, block_space, decompose, run_of_at_most
from kato.matching.codes import SymbolTable, code_of
from kato.matching.compiled import Array, compiled
from kato.matching.kernel import Patterns, extent, preliminary_potential, present
from kato.matching.observed import Observed
from kato.matching.subsequence import common_subsequence
from kato.recall.index.best import (
    Best,
    Worst,
    floor_of,
    is_better,
    offer,
    worst_of,
)
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
from kato.recall.index.segment import Segment, is_hidden, pair_masks, symbol_at

SAMPLED = 16
"""Every so many chunks one is searched first, for a floor."""

GATHERED = 1 << 16
"""Rows that are gathered before the ones of the highest bounds are read."""

STEPS = 1024
"""How finely bounds are told apart where the highest come first."""

REMEMBERED = 64
"""Bounds are kept for memories of up to so many symbols."""

ROWS, POSTINGS, READ, ALIGNED, OFFERED = range(5)
"""What is counted of the work: see :class:`Work`."""

_NEVER = 2**31
_ONE = np.uint64(1)


class Sought(NamedTuple):
    """A memory of n symbols, d of them distinct.

    Attributes:
        memory: The memory with its first row entered.
        symbols: uint32[d], ascending.
        times: int64[d], how often each was observed.
        pairs: uint64[n - 1, 2], the bits of adjacent symbols.
        doubles: uint64[d, 2], the bits of each symbol beside itself.
        threshold: Least similarity.
    """

    memory: Observed
    symbols: Array
    times: Array
    pairs: Array
    doubles: Array
    threshold: float


class Room(NamedTuple):
    """Scratch for one segment.

    Attributes:
        pattern: int64[longest], codes of a row.
        row: One row as :func:`kato.matching.kernel.present` takes it.
        bits: uint64[words], of the subsequence.
        space: Of the blocks.
        bounds: float64[65, 65, 2], by run, overlap and whether a symbol may be doubled, the bounds
            of a cell.
        bounded: int64[65, 65, 2], for which cell a bound was computed, plus 1.
        gathered: int64[GATHERED, 2], rows that may be among the best, and their cells.
        expected: float64[GATHERED], their bounds.
        order: int64[GATHERED], the same, highest bounds first.
        size: int64[1], how many are gathered.
        passing: int64[CHUNK, 2], rows whose overlap is enough, and the overlap.
    """

    pattern: Array
    row: Patterns
    bits: Array
    space: BlockSpace
    bounds: Array
    bounded: Array
    gathered: Array
    expected: Array
    order: Array
    size: Array
    passing: Array


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


@compiled
def doubles_of(symbols: Array) -> Array:
    """The bits of each symbol beside itself."""
    doubles = np.zeros((len(symbols), 2), np.uint64)
    for index in range(len(symbols)):
        doubles[index, 0], doubles[index, 1] = pair_masks(symbols[index], symbols[index])
    return doubles


@compiled
def pairs_of(symbols: Array) -> Array:
    """The bits of the adjacent symbols of a memory."""
    pairs = np.zeros((max(0, len(symbols) - 1), 2), np.uint64)
    for index in range(len(pairs)):
        pairs[index, 0], pairs[index, 1] = pair_masks(symbols[index], symbols[index + 1])
    return pairs


class Place(NamedTuple):
    """A segment as it is searched.

    Attributes:
        segment: Its arrays.
        number: What it is called in ``best.places``.
        base: What its ids are relative to.
        hidden: uint64, a bit for each row to leave out.
    """

    segment: Segment
    number: int
    base: int
    hidden: Array


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
def search(place: Place, sought: Sought, sampling: bool, best: Best, work: Array) -> None:
    """Offer all rows that may be among the best, of the sampled chunks or of all others.

    Args:
        place: Where to look.
        sought: The memory, of two symbols or more.
        sampling: Whether to look at every sixteenth chunk, or at all the others.
        best: Receives the rows.
        work: int64[5], is added to: rows whose overlap was counted, postings read, rows whose
            symbols were read, rows aligned, rows that were among the best for a while.
    """
    begun = begin(place, sought)
    while gather(place, sought, begun, sampling, best, work):
        _read_gathered(place, sought, begun.room, best, work)


@compiled
def begin(place: Place, sought: Sought) -> Search:
    """A search before its first chunk."""
    lists = lists_of(place.segment, sought.symbols, sought.times)
    room = _room(place.segment, sought)
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
            cell, part = _cell(segment, index, sought), (start, low, high)
            _gather_cell(place, sought, cell, begun.lists, overlap, part, room, best, work)
            low = high
            if segment.cell_rows[index + 1] <= end and index + 1 < len(segment.cell_lengths):
                index += 1
    begun.position[0], begun.position[1] = chunk, index
    return bool(room.size[0] > 0 or chunk * CHUNK < rows)


@compiled
def _cell(segment: Segment, index: int, sought: Sought) -> Cell:
    length = segment.cell_lengths[index]
    least = _least_common(length, len(sought.pairs) + 1, sought.threshold)
    return Cell(index, segment.cell_rows[index], length, segment.cell_single[index], least)


@compiled
def _gather_cell(
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
    start, low, high = rows
    need = max(cell.least, _least_overlap(floor_of(best), cell, len(sought.pairs) + 1))
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
def _read_gathered(place: Place, sought: Sought, room: Room, best: Best, work: Array) -> None:
    """Read the gathered rows, the highest bounds first; settle or align them, and offer them."""
    _put_in_order(room)
    segment, memory, size = place.segment, sought.memory, len(sought.pairs) + 1
    codes, pattern, read, aligned, offered = memory.rows[0], room.pattern, 0, 0, 0
    for index in range(room.size[0]):
        gathered = room.order[index]
        if room.expected[gathered] < floor_of(best):
            continue
        row, number = room.gathered[gathered, 0], room.gathered[gathered, 1]
        length, single = segment.cell_lengths[number], segment.cell_single[number]
        first = segment.cell_symbols[number] + (row - segment.cell_rows[number]) * length
        read += 1
        _code(segment.symbols, first, length, memory.table, room.row.symbols, pattern)
        lcs = common_subsequence(pattern, length, memory.masks, room.bits)
        if lcs < _least_common(length, size, sought.threshold):
            continue
        start, _, run = run_of_at_most(length, pattern, codes, memory, (0, length, 0, size))
        identity = place.base + segment.ids[row]
        similarity = ((2.0 * lcs / (length + size)) * 100.0) / 100.0
        doubled = start > 0 and pattern[start - 1] == pattern[start]
        potential = _potential_of_run(run, length, size, single, doubled)
        if run < lcs or not single:
            potential = max(potential, _potential_of_blocks(run, lcs, length, size))
            if not is_better(potential, similarity, identity, worst_of(best)):
                continue
            aligned += 1
            potential = _aligned(segment, sought, room, number, row)
        if is_better(potential, similarity, identity, worst_of(best)):
            offered += 1
            offer(best, potential, similarity, identity, place.number, row)
    room.size[0] = 0
    work[READ] += read
    work[ALIGNED] += aligned
    work[OFFERED] += offered


@compiled
def _code(
    symbols: Array, first: int, length: int, table: SymbolTable, raw: Array, pattern: Array
) -> None:
    """Write a row's symbols and their codes."""
    for position in range(length):
        symbol = symbol_at(symbols, first + position)
        raw[position] = symbol
        pattern[position] = code_of(table, symbol)


@compiled
def _put_in_order(room: Room) -> None:
    """Sort by counting; rows whose bounds are not told apart stay in order."""
    starts = np.zeros(STEPS + 1, np.int64)
    for index in range(room.size[0]):
        starts[_step(room.expected[index]) + 1] += 1
    for step in range(STEPS):
        starts[step + 1] += starts[step]
    for index in range(room.size[0]):
        step = _step(room.expected[index])
        room.order[starts[step]] = index
        starts[step] += 1


@compiled
def _step(bound: float) -> int:
    """From 0 for the highest bound, 3, to the last for the lowest, -1."""
    return min(STEPS - 1, max(0, int((3.0 - bound) * (STEPS / 4))))


@compiled
def _room(segment: Segment, sought: Sought) -> Room:
    longest = segment.cell_lengths[-1] if len(segment.cell_lengths) else 0
    row = Patterns(
        np.zeros(longest, np.uint32),
        np.zeros(2, np.int64),
        segment.event_ends,
        np.zeros(2, np.int64),
    )
    return Room(
        np.zeros(longest, np.int64),
        row,
        np.zeros(sought.memory.masks.shape[1], np.uint64),
        block_space(len(sought.pairs) + 1),
        np.zeros((REMEMBERED + 1, REMEMBERED + 1, 2)),
        np.zeros((REMEMBERED + 1, REMEMBERED + 1, 2), np.int64),
        np.zeros((GATHERED, 2), np.int64),
        np.zeros(GATHERED),
        np.zeros(GATHERED, np.int64),
        np.zeros(1, np.int64),
        np.zeros((CHUNK, 2), np.int64),
    )


@compiled
def _least_common(length: int, size: int, threshold: float) -> int:
    """The least common subsequence that is similar enough, as similarity is rounded."""
    if threshold == 0:
        return 0
    least = max(1, int(threshold * (length + size) / 2) - 1)
    while ((2.0 * least / (length + size)) * 100.0) / 100.0 < threshold:
        least += 1
    return least


@compiled
def _least_overlap(floor: float, cell: Cell, size: int) -> int:
    """The least overlap whose bound reaches the floor, whatever the runs are."""
    if floor <= 0 and cell.least == 0:
        return 0
    # The bound grows with the overlap.
    low, high = 1, min(size, cell.length) + 1
    while low < high:
        middle = (low + high) // 2
        if most_potential(middle, middle, cell.length, size, cell.single, True) >= floor:
            high = middle
        else:
            low = middle + 1
    return low if low <= min(size, cell.length) else _NEVER


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


@compiled
def most_potential(
    common: int, run: int, length: int, size: int, single: bool, doubled: bool
) -> float:
    """The most the preliminary potential can be, where neither argument need be reached.

    Args:
        common: Longest common subsequence at most, 1 or more.
        run: Longest common contiguous run at most, 1 or more.
        length: Symbols of the pattern.
        size: Observed symbols.
        single: Whether each event of the pattern has one symbol.
        doubled: Whether an observed symbol may stand beside itself in the pattern: then the present
            of one block may begin an event earlier (7.1, step 3).
    """
    best = -np.inf
    for matched in range(1, common + 1):
        snr = (3 * matched - size) / (matched + size)
        share = matched / length
        if matched <= run:
            confidence = 1.0
            if snr < 0 and not single:
                confidence = share
            elif snr < 0 and doubled:
                confidence = matched / (matched + 1)
            best = max(best, (share + confidence) * snr + 1.0)
        if matched > 1:
            blocks = max(2, (matched + run - 1) // run)
            confidence = 1.0 if snr >= 0 else share
            best = max(best, (share + confidence) * snr + 1.0 / blocks)
    return best


@compiled
def _potential_of_run(run: int, length: int, size: int, single: bool, doubled: bool) -> float:
    """The potential if the longest run is the only block: exact where events have one symbol.

    Else the most it can be. The event before the run joins the present if it is the run's first
    symbol once more (7.1, step 3).
    """
    if run == 0:
        return 0.0
    present = run + 1 if doubled else run
    if not single:
        present = length if 3 * run < size else run
    return preliminary_potential(run, length, present, size, 1)


@compiled
def _potential_of_blocks(run: int, lcs: int, length: int, size: int) -> float:
    """The most the potential can be if the longest run is not the only block."""
    best = -np.inf
    for matched in range(run + 1, lcs + 1):
        present = length if 3 * matched < size else matched
        blocks = max(2, (matched + run - 1) // run)
        best = max(best, preliminary_potential(matched, length, present, size, blocks))
    return best


@compiled
def _aligned(segment: Segment, sought: Sought, room: Room, cell: int, row: int) -> float:
    """The preliminary potential of the row that was read."""
    length, size = segment.cell_lengths[cell], len(sought.pairs) + 1
    blocks = decompose(room.pattern, length, sought.memory, 0, room.space)
    matched, first, last = extent(room.space.blocks, blocks, length)
    room.row.offsets[1] = length
    room.row.event_offsets[:] = 0
    if not segment.cell_single[cell]:
        several = segment.cell_several[cell] + row - segment.cell_rows[cell]
        room.row.event_offsets[0] = segment.event_offsets[several]
        room.row.event_offsets[1] = segment.event_offsets[several + 1]
    _, _, start, stop = present(room.row, 0, first, last, matched > 0)
    return preliminary_potential(matched, length, stop - start, size, blocks)
