"""Find the best rows of a segment for a memory: exact, reading as few of them as it takes.

For each chunk of rows the overlap with the memory is counted from bits and postings; it bounds the
longest common subsequence, and the pairs of adjacent symbols bound the longest common run. What
cannot reach the worst of the best is never read. Of the rest, the highest bounds first, the symbols
are read: subsequence and run bound them again, or settle them; only what is still open is aligned.
Every step is valid for every row, so the answer is that of an exhaustive scan.
"""

from __future__ import annotations

import numpy as np

from kato.matching.blocks import decompose, run_of_at_most
from kato.matching.codes import SymbolTable, code_of
from kato.matching.compiled import Array, compiled
from kato.matching.kernel import extent, preliminary_potential, present
from kato.matching.subsequence import common_subsequence
from kato.recall.index.best import Best, floor_of, is_better, offer, worst_of
from kato.recall.index.gather import begin, gather
from kato.recall.index.potential import least_common, potential_of_blocks, potential_of_run
from kato.recall.index.room import ALIGNED, OFFERED, READ, Place, Room
from kato.recall.index.segment import Segment, symbol_at
from kato.recall.index.sought import Sought

STEPS = 1024
"""How finely bounds are told apart where the highest come first."""


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
        if lcs < least_common(length, size, sought.threshold):
            continue
        start, _, run = run_of_at_most(length, pattern, codes, memory, (0, length, 0, size))
        identity = place.base + segment.ids[row]
        similarity = ((2.0 * lcs / (length + size)) * 100.0) / 100.0
        doubled = start > 0 and pattern[start - 1] == pattern[start]
        potential = potential_of_run(run, length, size, single, doubled)
        if run < lcs or not single:
            potential = max(potential, potential_of_blocks(run, lcs, length, size))
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
