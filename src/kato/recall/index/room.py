"""What a search of one segment carries along, parted by who needs it.

A compiled function is compiled the slower the more arrays it is given, used or not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.blocks import BlockSpace
from kato.matching.compiled import Array
from kato.matching.kernel import Patterns
from kato.recall.index.glance import Glance, glance_of
from kato.recall.index.potential import fill_least_common
from kato.recall.index.segment import Shelved
from kato.recall.index.sought import Sought

GATHERED = 1 << 16
"""Rows that are gathered before the ones of the highest bounds are read."""

STEPS = 1024
"""How finely bounds are told apart where the highest come first."""

REMEMBERED = 64
"""Bounds are kept for memories of up to so many symbols."""

ROWS, POSTINGS, READ, ALIGNED, OFFERED = range(5)
"""Places of what is counted, see :class:`kato.recall.index.find.Work`."""


class Rows(NamedTuple):
    """What of :class:`kato.recall.index.segment.Segment` is looked at before a row is read."""

    cell_lengths: Array
    cell_single: Array
    cell_rows: Array
    ids: Array
    bits: Array
    pairs: Array
    postings: Array
    hidden: Array


class Texts(NamedTuple):
    """What of :class:`kato.recall.index.segment.Segment` is looked at to read a row."""

    cell_lengths: Array
    cell_single: Array
    cell_rows: Array
    cell_symbols: Array
    cell_several: Array
    ids: Array
    symbols: Array
    event_offsets: Array
    event_ends: Array


class Gathered(NamedTuple):
    """Rows that may be among the best.

    Attributes:
        rows: int64[GATHERED, 2], the rows and their cells.
        bounds: float64[GATHERED], the most their potentials can be.
        size: int64[1], how many there are.
    """

    rows: Array
    bounds: Array
    size: Array


class Remembered(NamedTuple):
    """Bounds that were computed for a cell.

    Attributes:
        bounds: float64[65, 65, 2], by run, overlap and whether a symbol may be doubled.
        cells: int64[65, 65, 2], for which cell, plus 1.
    """

    bounds: Array
    cells: Array


class ReadingRoom(NamedTuple):
    """Scratch to read a row.

    Attributes:
        pattern: int64[longest], its codes.
        row: The row as :func:`kato.matching.kernel.present` takes it.
        bits: uint64[words], of the subsequence.
        space: Of the blocks.
        starts: int64[STEPS + 1], of the rows by bound.
        order: int64[GATHERED], gathered rows, highest bounds first.
        glance: At a row, where the memory is short enough.
        least: int64[c], by cell, the least common subsequence that is similar enough.
    """

    pattern: Array
    row: Patterns
    bits: Array
    space: BlockSpace
    starts: Array
    order: Array
    glance: Glance
    least: Array


def rows_of(shelf: Shelved) -> Rows:
    """What is looked at before a row is read."""
    arrays = {name: getattr(shelf.segment, name) for name in Rows._fields[:-1]}
    return Rows(**arrays, hidden=shelf.hidden)


def texts_of(shelf: Shelved) -> Texts:
    """What is looked at to read a row."""
    return Texts(*(getattr(shelf.segment, name) for name in Texts._fields))


def gathered_room() -> Gathered:
    """Room for gathered rows; memory that is not used is never touched."""
    size = np.zeros(1, np.int64)
    return Gathered(np.empty((GATHERED, 2), np.int64), np.empty(GATHERED), size)


def remembered_room() -> Remembered:
    """Nothing remembered."""
    shape = REMEMBERED + 1, REMEMBERED + 1, 2
    return Remembered(np.zeros(shape), np.zeros(shape, np.int64))


def reading_room(texts: Texts, sought: Sought) -> ReadingRoom:
    """Room for the longest pattern of a segment."""
    longest = int(texts.cell_lengths.max(initial=0))
    symbols, offsets = np.zeros(longest, np.uint32), np.zeros(2, np.int64)
    row = Patterns(symbols, offsets, texts.event_ends, np.zeros(2, np.int64))
    size = len(sought.pairs) + 1
    space = BlockSpace(np.empty((size, 3), np.int64), np.empty((size + 2, 5), np.int64))
    words = sought.memory.masks.shape[1]
    return ReadingRoom(
        np.zeros(longest, np.int64),
        row,
        np.zeros(words, np.uint64),
        space,
        np.zeros(STEPS + 1, np.int64),
        np.empty(GATHERED, np.int64),
        glance_of(sought.memory, longest),
        _least(texts, size, sought.threshold),
    )


def _least(texts: Texts, size: int, threshold: float) -> Array:
    least = np.zeros(len(texts.cell_lengths), np.int64)
    fill_least_common(texts.cell_lengths, size, threshold, least)
    return least
