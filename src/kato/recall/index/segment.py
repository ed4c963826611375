"""A segment of the recall index: the patterns of a range of ids, laid out to be searched.

A pattern is a row. Rows of one length, and of single-symbol events or not, make a *cell*, by
ascending id; so a row needs neither a length nor an offset of its own. What a row shares with a
memory is known without reading its symbols: from 64 *bits* for the most frequent symbols, and from
*postings* (ascending rows) for all others. How long a common run can be follows from the *pairs*
of adjacent symbols, hashed to 128 bits. Both may say too much, never too little.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, compiled
from kato.storage.ledger.journal import Sequences

FREQUENT = 56
"""Symbols that have a bit in every row."""

TWICE = 8
"""The most frequent symbols, with a second bit: whether they occur more than once."""

PAIR_WORDS = 2

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_WORD = np.uint64(64)
_SIXTY_THREE = np.uint64(63)
_HIGH_HALF = np.uint64(32)
# Fibonacci hashing (Knuth, TAOCP 6.4): the highest 7 bits of the product number 128 bits.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_FIELD = np.uint64(127)
_SHIFTS = (np.uint64(57), np.uint64(50), np.uint64(43))


class Segment(NamedTuple):
    """The arrays of a segment; r rows in c cells, v distinct symbols.

    Attributes:
        cell_lengths: int64[c], symbols of each of a cell's patterns, ascending.
        cell_single: bool[c], whether each event has one symbol.
        cell_rows: int64[c + 1], the first row of each cell.
        cell_symbols: int64[c], where its symbols begin, in symbols.
        cell_several: int64[c], its first row among those with events of several symbols.
        ids: uint32[r], pattern ids, less the id before the segment's first.
        names: uint8[r, 20].
        symbols: uint8[symbols, 2 to 4], the rows' symbol ids, the least significant byte first.
        bits: uint64[r], see :data:`FREQUENT` and :data:`TWICE`.
        pairs: uint64[2, r], a Bloom filter of the pairs of adjacent symbols, three bits each: the
            low words of all rows, then the high ones.
        event_offsets: int64[s + 1], for the rows with events of several symbols, into event_ends.
        event_ends: int32[e], symbols up to each event's end.
        frequent: uint32[56], the symbols of the bits; 0 where there is none.
        vocabulary: uint32[v], the distinct symbols, ascending.
        posting_offsets: uint32[v + 1], into postings.
        postings: uint32[p], rows by symbol, as often as the symbol occurs; none of frequent ones.
    """

    cell_lengths: Array
    cell_single: Array
    cell_rows: Array
    cell_symbols: Array
    cell_several: Array
    ids: Array
    names: Array
    symbols: Array
    bits: Array
    pairs: Array
    event_offsets: Array
    event_ends: Array
    frequent: Array
    vocabulary: Array
    posting_offsets: Array
    postings: Array


class Shelved(msgspec.Struct, frozen=True, eq=False):
    """A segment and what is said of it.

    Attributes:
        first: The first pattern id it answers for; ids that no row has are forgotten.
        last: The last one.
        segment: Its arrays.
        hidden: uint64[r / 64 + 1], a bit for each row that was forgotten since it was built.
    """

    first: int
    last: int
    segment: Segment
    hidden: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, first: int, last: int, segment: Segment) -> Shelved:
        """The segment with no row hidden."""
        return cls(first, last, segment, np.zeros(len(segment.ids) // 64 + 1, np.uint64))

    @property
    def bytes(self) -> int:
        """Bytes of all arrays."""
        return self.hidden.nbytes + sum(array.nbytes for array in self.segment)

    def sequences(self, rows: npt.NDArray[np.int64]) -> Sequences:
        """The patterns of some rows, by ascending id."""
        segment = self.segment
        ids = segment.ids[rows].astype(np.int64) + (self.first - 1)
        order = np.argsort(ids, kind="stable")
        rows = np.ascontiguousarray(rows[order], np.int64)
        cells = np.searchsorted(segment.cell_rows, rows, side="right") - 1
        offsets = _offsets(segment.cell_lengths[cells])
        events = np.zeros(len(rows), np.int64)
        count_events(segment, rows, cells, events)
        event_offsets = _offsets(events)
        symbols = np.zeros(int(offsets[-1]), np.uint32)
        event_ends = np.zeros(int(event_offsets[-1]), np.int32)
        copy_rows(segment, rows, cells, symbols, event_ends)
        return Sequences(
            ids[order], segment.names[rows], symbols, offsets, event_ends, event_offsets
        )

    def shown(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of the rows that are not hidden."""
        bits = self.hidden[rows >> 6] >> (rows & 63).astype(np.uint64)
        shown: npt.NDArray[np.int64] = rows[bits & _ONE == 0]
        return shown

    def hide(self, ids: npt.NDArray[np.int64]) -> None:
        """Leave out the patterns with these ids from now on."""
        inside = np.unique(ids[(ids >= self.first) & (ids <= self.last)])
        relative = (inside - (self.first - 1)).astype(np.uint32)
        hide_ids(self.segment.cell_rows, self.segment.ids, relative, self.hidden)

    def hide_all_but(self, ids: npt.NDArray[np.int64]) -> None:
        """Leave out all patterns but those with these ids."""
        hide_unknown(self.segment.ids, self._known(ids), self.hidden)

    def show_only(self, ids: npt.NDArray[np.int64]) -> None:
        """Leave out just the patterns without these ids, also where some were left out before."""
        hidden = np.zeros_like(self.hidden)  # who searches now sees none that is to stay hidden
        hide_unknown(self.segment.ids, self._known(ids), hidden)
        self.hidden[:] = hidden

    def _known(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        known = np.zeros(self.last - self.first + 2, np.bool_)
        known[ids[(ids >= self.first) & (ids <= self.last)] - (self.first - 1)] = True
        return known


def _offsets(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


@compiled
def symbol_at(symbols: Array, position: int) -> int:
    """The symbol id at a position."""
    symbol = np.int64(symbols[position, 0]) | (np.int64(symbols[position, 1]) << 8)
    if symbols.shape[1] > 2:
        symbol |= np.int64(symbols[position, 2]) << 16
    if symbols.shape[1] > 3:
        symbol |= np.int64(symbols[position, 3]) << 24
    return int(symbol)


@compiled
def pair_masks(first: int, second: int) -> tuple[np.uint64, np.uint64]:
    """The bits of two symbols that follow each other, in the two words of a row."""
    key = (np.uint64(first) << _HIGH_HALF) | np.uint64(second)
    product = key * _FACTOR
    low, high = _NONE, _NONE
    for shift in _SHIFTS:
        bit = (product >> shift) & _FIELD
        if bit < _WORD:
            low |= _ONE << bit
        else:
            high |= _ONE << (bit - _WORD)
    return low, high


@compiled
def is_hidden(hidden: Array, row: int) -> bool:
    """Whether a row is to be left out."""
    return bool((hidden[row >> 6] >> (np.uint64(row) & _SIXTY_THREE)) & _ONE)


@compiled
def hide_row(hidden: Array, row: int) -> None:
    """Leave out a row."""
    hidden[row >> 6] |= _ONE << (np.uint64(row) & _SIXTY_THREE)


@compiled
def first_from(values: Array, low: int, high: int, value: int) -> int:
    """The first place from ``low`` up to ``high`` whose value is not below; values ascend."""
    # np.searchsorted would be compiled in three times the time: it orders complex numbers as well.
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def hide_ids(cell_rows: Array, ids: Array, wanted: Array, hidden: Array) -> None:
    """Leave out the rows with the wanted ids."""
    for cell in range(len(cell_rows) - 1):
        start, end = cell_rows[cell], cell_rows[cell + 1]
        for number in wanted:
            row = first_from(ids, start, end, number)
            if row < end and ids[row] == number:
                hide_row(hidden, row)


@compiled
def hide_unknown(ids: Array, known: Array, hidden: Array) -> None:
    """Leave out the rows whose id is not known."""
    for row in range(len(ids)):
        if not known[ids[row]]:
            hide_row(hidden, row)


@compiled
def count_events(segment: Segment, rows: Array, cells: Array, counts: Array) -> None:
    """Write how many event ends each row has: none if each event has one symbol."""
    for index in range(len(rows)):
        cell = cells[index]
        if not segment.cell_single[cell]:
            several = segment.cell_several[cell] + rows[index] - segment.cell_rows[cell]
            counts[index] = segment.event_offsets[several + 1] - segment.event_offsets[several]


@compiled
def copy_rows(
    segment: Segment, rows: Array, cells: Array, symbols: Array, event_ends: Array
) -> None:
    """Write the rows' symbols and event ends, one row after the other."""
    symbol, event = 0, 0
    for index in range(len(rows)):
        cell = cells[index]
        length, place = segment.cell_lengths[cell], rows[index] - segment.cell_rows[cell]
        start = segment.cell_symbols[cell] + place * length
        for position in range(start, start + length):
            symbols[symbol] = symbol_at(segment.symbols, position)
            symbol += 1
        if not segment.cell_single[cell]:
            several = segment.cell_several[cell] + place
            for end in range(segment.event_offsets[several], segment.event_offsets[several + 1]):
                event_ends[event] = segment.event_ends[end]
                event += 1
