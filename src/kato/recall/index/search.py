"""Find the best rows of a segment for a memory: exact, reading as few of them as it takes.

For each chunk of rows the overlap with the memory is counted from bits and postings; it bounds the
longest common subsequence, and the pairs of adjacent symbols bound the longest common run. What
cannot reach the worst of the best is never read. Of the rest, the highest bounds first, the symbols
are read: subsequence and run bound them again, or settle them; only what is still open is aligned.
Every step is valid for every row, so the answer is that of an exhaustive scan.
"""

from __future__ import annotations

from kato.matching.blocks import decompose, run_of_at_most
from kato.matching.codes import SymbolTable, code_of
from kato.matching.compiled import Array, compiled, inner
from kato.matching.kernel import extent, preliminary_potential, present
from kato.matching.observed import Observed
from kato.matching.subsequence import common_subsequence
from kato.recall.index.best import Best, floor_of, is_better, offer, worst_of
from kato.recall.index.gather import Part, gather, gathering, wanted
from kato.recall.index.glance import (
    is_at_hand,
    run_at_a_glance,
    subsequence_at_a_glance,
    take_in,
)
from kato.recall.index.potential import potential_of_blocks, potential_of_run
from kato.recall.index.room import (
    ALIGNED,
    OFFERED,
    READ,
    STEPS,
    Gathered,
    ReadingRoom,
    Texts,
    gathered_room,
    reading_room,
    texts_of,
)
from kato.recall.index.segment import Shelved, symbol_at
from kato.recall.index.sought import Sought

AHEAD = 32
"""Rows that memory is asked for at once."""


def search(
    shelf: Shelved, number: int, sought: Sought, part: Part, best: Best, work: Array
) -> None:
    """Offer all rows that may be among the best, of a part of each chunk.

    Args:
        shelf: Where to look.
        number: What the segment is called in ``best.places``.
        sought: The memory, of two symbols or more.
        part: Which rows of each chunk to look at.
        best: Receives the rows.
        work: int64[5], is added to, see :class:`kato.recall.index.find.Work`.
    """
    begun, memory, out = gathering(shelf, sought), wanted(sought), gathered_room()
    texts = texts_of(shelf)
    room = reading_room(texts, sought)
    while gather(begun, memory, part, worst_of(best), out, work):
        read_gathered(texts, (number, begun.base), sought, out, room, best, work)


@compiled
def read_gathered(
    texts: Texts,
    segment: tuple[int, int],
    sought: Sought,
    gathered: Gathered,
    room: ReadingRoom,
    best: Best,
    work: Array,
) -> None:
    """Read the gathered rows, the highest bounds first; settle or align them, and offer them.

    ``segment`` is its number, and what its ids are relative to.
    """
    _put_in_order(gathered.bounds, gathered.size[0], room.starts, room.order)
    number, base = segment
    memory, size = sought.memory, len(sought.pairs) + 1
    read, aligned, offered, touched, seen = 0, 0, 0, 0, 0
    for index in range(gathered.size[0]):
        place = room.order[index]
        bound, floor = gathered.bounds[place], floor_of(best)
        if _step(bound) > _step(max(floor, -1.0)):
            break
        if bound < floor:
            continue
        if index >= seen:
            seen = index + AHEAD
            touched += _touch(texts, gathered, room.order, index)
        row, cell = gathered.rows[place, 0], gathered.rows[place, 1]
        length, single = texts.cell_lengths[cell], texts.cell_single[cell]
        first = texts.cell_symbols[cell] + (row - texts.cell_rows[cell]) * length
        read += 1
        lcs = _subsequence(texts.symbols, first, length, memory, room)
        if lcs < room.least[cell]:
            continue
        run, doubled = _run(length, memory, room)
        identity = base + texts.ids[row]
        similarity = ((2.0 * lcs / (length + size)) * 100.0) / 100.0
        potential = potential_of_run(run, length, size, single, doubled)
        if run < lcs or not single:
            potential = max(potential, potential_of_blocks(run, lcs, length, size))
            if not is_better(potential, similarity, identity, worst_of(best)):
                continue
            aligned += 1
            potential = _aligned(texts, memory, size, room, cell, row)
        if is_better(potential, similarity, identity, worst_of(best)):
            offered += 1
            offer(best, potential, similarity, identity, number, row)
    room.starts[0] = touched  # else LLVM sees that nobody needs it
    work[READ] += read
    work[ALIGNED] += aligned
    work[OFFERED] += offered


@inner
def _touch(texts: Texts, gathered: Gathered, order: Array, index: int) -> int:
    """Ask memory for the next rows all at once: it takes as long for many as for one."""
    total = 0
    for ahead in range(index, min(index + AHEAD, gathered.size[0])):
        place = order[ahead]
        row, cell = gathered.rows[place, 0], gathered.rows[place, 1]
        first = texts.cell_symbols[cell] + (row - texts.cell_rows[cell]) * texts.cell_lengths[cell]
        total += texts.symbols[first, 0] + texts.ids[row]
    return total


@inner
def _subsequence(
    symbols: Array, first: int, length: int, memory: Observed, room: ReadingRoom
) -> int:
    """The longest common subsequence of a row that is read now."""
    if is_at_hand(room.glance):
        take_in(room.glance, symbols, first, length)
        return subsequence_at_a_glance(room.glance, length)
    _code(symbols, first, length, memory.table, room.pattern)
    return common_subsequence(room.pattern, length, memory.masks, room.bits)


@inner
def _run(length: int, memory: Observed, room: ReadingRoom) -> tuple[int, bool]:
    """The longest common run of the row that was read, and whether its first symbol precedes it."""
    if is_at_hand(room.glance):
        return run_at_a_glance(room.glance, length)
    pattern, codes = room.pattern, memory.rows[0]
    start, _, run = run_of_at_most(length, pattern, codes, memory, (0, length, 0, len(codes)))
    return run, start > 0 and pattern[start - 1] == pattern[start]


@inner
def _code(symbols: Array, first: int, length: int, table: SymbolTable, pattern: Array) -> None:
    """Write the codes of a row's symbols."""
    for position in range(length):
        pattern[position] = code_of(table, symbol_at(symbols, first + position))


@inner
def _put_in_order(bounds: Array, size: int, starts: Array, order: Array) -> None:
    """Sort by counting; rows whose bounds are not told apart stay in order."""
    starts[:] = 0
    for index in range(size):
        starts[_step(bounds[index]) + 1] += 1
    for step in range(len(starts) - 1):
        starts[step + 1] += starts[step]
    for index in range(size):
        step = _step(bounds[index])
        order[starts[step]] = index
        starts[step] += 1


@inner
def _step(bound: float) -> int:
    """From 0 for the highest bound, 3, to the last for the lowest, -1."""
    return min(STEPS - 1, max(0, int((3.0 - bound) * (STEPS / 4))))


@inner
def _aligned(
    texts: Texts, memory: Observed, size: int, room: ReadingRoom, cell: int, row: int
) -> float:
    """The preliminary potential of the row that was read."""
    length = texts.cell_lengths[cell]
    begin = texts.cell_symbols[cell] + (row - texts.cell_rows[cell]) * length
    if is_at_hand(room.glance):
        _code(texts.symbols, begin, length, memory.table, room.pattern)
    for position in range(length):
        room.row.symbols[position] = symbol_at(texts.symbols, begin + position)
    blocks = decompose(room.pattern, length, memory, 0, room.space)
    matched, first, last = extent(room.space.blocks, blocks, length)
    room.row.offsets[1] = length
    room.row.event_offsets[:] = 0
    if not texts.cell_single[cell]:
        several = texts.cell_several[cell] + row - texts.cell_rows[cell]
        room.row.event_offsets[0] = texts.event_offsets[several]
        room.row.event_offsets[1] = texts.event_offsets[several + 1]
    _, _, start, stop = present(room.row, 0, first, last, matched > 0)
    return preliminary_potential(matched, length, stop - start, size, blocks)
