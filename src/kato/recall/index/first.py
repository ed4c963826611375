"""Find the best rows that begin with a symbol, for a memory of that symbol alone (Q26)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, compiled
from kato.matching.kernel import preliminary_potential
from kato.recall.index.best import Best, beats_worst, offer
from kato.recall.index.room import OFFERED, READ, Texts, texts_of
from kato.recall.index.segment import Segment, Shelved

STEP = 2048
"""Rows, or rows that have the symbol, that are looked at before the best are offered."""

IntArray = npt.NDArray[np.int64]


def search_first(shelf: Shelved, number: int, symbol: int, best: Best, work: Array) -> None:
    """Offer the rows that begin with a symbol; see :func:`kato.recall.index.search.search`."""
    texts = texts_of(shelf)
    for rows in beginning(shelf, symbol):
        if not offer_first(texts, (number, shelf.first - 1), rows, best, work):
            return


def beginning(shelf: Shelved, symbol: int) -> Iterator[IntArray]:
    """The rows that begin with a symbol and are not hidden, ascending, some at a time."""
    segment = shelf.segment
    if symbol >> (8 * segment.symbols.shape[1]):
        return  # no symbol of the segment has so many bytes
    spelled = np.frombuffer(symbol.to_bytes(4, "little"), np.uint8)[: segment.symbols.shape[1]]
    for rows in _having(segment, symbol):
        cells = np.searchsorted(segment.cell_rows, rows, side="right") - 1
        inside = (rows - segment.cell_rows[cells]) * segment.cell_lengths[cells]
        firsts = segment.symbols[segment.cell_symbols[cells] + inside]
        yield shelf.shown(rows[(firsts == spelled).all(axis=1)])


def _having(segment: Segment, symbol: int) -> Iterator[IntArray]:
    """The rows that have a symbol, ascending, some at a time."""
    bits = np.flatnonzero(segment.frequent == symbol)
    if len(bits):
        mask = np.uint64(1 << int(bits[0]))
        for start in range(0, len(segment.ids), STEP):
            yield start + np.flatnonzero(segment.bits[start : start + STEP] & mask)
        return
    code = int(np.searchsorted(segment.vocabulary, np.uint32(symbol)))
    if code == len(segment.vocabulary) or segment.vocabulary[code] != symbol:
        return
    low, high = segment.posting_offsets[code : code + 2].tolist()
    rows = segment.postings[low:high].astype(np.int64)
    rows = rows[np.diff(rows, prepend=-1) > 0]
    for start in range(0, len(rows), STEP):
        yield rows[start : start + STEP]


@compiled
def offer_first(
    texts: Texts, segment: tuple[int, int], rows: Array, best: Best, work: Array
) -> bool:
    """Offer rows of a segment; False if none behind them can be among the best.

    The one match is a block; its present is the pattern's first event. So the shorter the better,
    and rows ascend by length. ``segment`` is its number, and what its ids are relative to.
    """
    (number, base), cell = segment, 0
    for row in rows:
        while texts.cell_rows[cell + 1] <= row:
            cell += 1
        length = texts.cell_lengths[cell]
        similarity = ((2.0 / (length + 1)) * 100.0) / 100.0
        if not beats_worst(best, preliminary_potential(1, length, 1, 1, 1), similarity, 0):
            return False
        work[READ] += 1
        potential = preliminary_potential(1, length, _first_event(texts, cell, row), 1, 1)
        if offer(best, potential, similarity, base + texts.ids[row], number, row):
            work[OFFERED] += 1
    return True


@compiled
def _first_event(texts: Texts, cell: int, row: int) -> int:
    """How many symbols the first event of a row has."""
    if texts.cell_single[cell]:
        return 1
    several = texts.cell_several[cell] + row - texts.cell_rows[cell]
    return int(texts.event_ends[texts.event_offsets[several]])
