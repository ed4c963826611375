"""Find the best rows that begin with a symbol, for a memory of that symbol alone (Q26)."""

from __future__ import annotations

import numpy as np

from kato.matching.compiled import Array, compiled
from kato.matching.kernel import preliminary_potential
from kato.recall.index.best import Best, beats_worst, offer
from kato.recall.index.segment import Segment, is_hidden

_READ, _OFFERED = 2, 4


@compiled
def search_first(
    segment: Segment, number: int, base: int, hidden: Array, symbol: int, best: Best, work: Array
) -> None:
    """Offer the rows that begin with a symbol; see :func:`kato.recall.index.search.search`.

    The one match is a block; its present is the pattern's first event. So the shorter the better,
    and rows ascend by length.
    """
    code = np.searchsorted(segment.vocabulary, np.uint32(symbol))
    if code == len(segment.vocabulary) or segment.vocabulary[code] != symbol:
        return
    cell = 0
    start, end = np.int64(segment.first_offsets[code]), np.int64(segment.first_offsets[code + 1])
    for index in range(start, end):
        row = segment.first_rows[index]
        while segment.cell_rows[cell + 1] <= row:
            cell += 1
        length = segment.cell_lengths[cell]
        similarity = ((2.0 / (length + 1)) * 100.0) / 100.0
        if not beats_worst(best, preliminary_potential(1, length, 1, 1, 1), similarity, 0):
            return
        if is_hidden(hidden, row):
            continue
        work[_READ] += 1
        present = _first_event(segment, cell, row)
        potential = preliminary_potential(1, length, present, 1, 1)
        if offer(best, potential, similarity, base + segment.ids[row], number, row):
            work[_OFFERED] += 1


@compiled
def _first_event(segment: Segment, cell: int, row: int) -> int:
    """How many symbols the first event of a row has."""
    if segment.cell_single[cell]:
        return 1
    several = segment.cell_several[cell] + row - segment.cell_rows[cell]
    return int(segment.event_ends[segment.event_offsets[several]])
