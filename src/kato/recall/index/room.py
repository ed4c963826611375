"""What a search of one segment carries along."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.blocks import BlockSpace, block_space
from kato.matching.compiled import Array, compiled
from kato.matching.kernel import Patterns
from kato.recall.index.overlap import CHUNK
from kato.recall.index.segment import Segment
from kato.recall.index.sought import Sought

GATHERED = 1 << 16
"""Rows that are gathered before the ones of the highest bounds are read."""

REMEMBERED = 64
"""Bounds are kept for memories of up to so many symbols."""

ROWS, POSTINGS, READ, ALIGNED, OFFERED = range(5)
"""Places of what is counted, see :class:`kato.recall.index.find.Work`."""


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


@compiled
def room_for(segment: Segment, sought: Sought) -> Room:
    """Room for the longest pattern of a segment."""
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
        np.empty((GATHERED, 2), np.int64),
        np.empty(GATHERED),
        np.empty(GATHERED, np.int64),
        np.zeros(1, np.int64),
        np.empty((CHUNK, 2), np.int64),
    )
