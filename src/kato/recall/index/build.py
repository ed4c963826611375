"""Lay out patterns as a segment of the recall index.

A pass over all patterns in the order of their rows writes what a row has; the postings are filled
behind it. Measured: about 0.6 s per million patterns of 12 symbols on one core.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, allocating, compiled, kernel_array
from kato.recall.index.segment import (
    FREQUENT,
    PAIR_WORDS,
    TWICE,
    Segment,
    Shelved,
    pair_masks,
)
from kato.storage.ledger.journal import Sequences

IntArray = npt.NDArray[np.int64]

_ONE = np.uint64(1)
_NOT_FREQUENT = 255


def build(sequences: Sequences, first: int, last: int) -> Shelved:
    """The segment of all patterns with ids from ``first`` to ``last``.

    Args:
        sequences: Those that are not forgotten, ids ascending.
        first: The first id the segment is to answer for.
        last: The last one; below 2**32 symbols lie between.

    >>> from kato.matching import Candidates
    >>> given = Candidates.of([(7, [[3], [1], [3]]), (9, [[2, 5]])])
    >>> names = np.zeros((2, 20), np.uint8)
    >>> patterns = Sequences(
    ...     given.ids, names, given.symbols, given.offsets, given.event_ends, given.event_offsets
    ... )
    >>> built = build(patterns, 7, 9)
    >>> built.segment.cell_lengths.tolist(), built.segment.ids.tolist()
    ([2, 3], [3, 1])
    >>> built.sequences(np.arange(2)).symbols.tolist()
    [3, 1, 3, 2, 5]
    """
    lengths = np.diff(sequences.offsets)
    several = np.diff(sequences.event_offsets) > 0
    keys = 2 * lengths + several
    order = np.argsort(keys, kind="stable")
    cells = _Cells(keys[order])
    symbols = kernel_array(sequences.symbols, np.uint32)
    counts = np.bincount(symbols) if len(symbols) else np.zeros(1, np.int64)
    vocabulary = np.flatnonzero(counts).astype(np.uint32)
    frequent = _most_frequent(counts, vocabulary)
    event_offsets, event_ends = _events(sequences, order[several[order]])
    segment = Segment(
        cell_lengths=cells.lengths,
        cell_single=cells.single,
        cell_rows=cells.rows,
        cell_symbols=cells.symbols,
        cell_several=cells.several,
        ids=(sequences.ids[order] - (first - 1)).astype(np.uint32),
        names=kernel_array(sequences.names[order], np.uint8),
        symbols=np.zeros((len(symbols), _width(counts)), np.uint8),
        bits=np.zeros(len(order), np.uint64),
        pairs=np.zeros((PAIR_WORDS, len(order)), np.uint64),
        event_offsets=event_offsets,
        event_ends=event_ends,
        frequent=frequent,
        vocabulary=vocabulary,
        posting_offsets=_posting_offsets(counts, vocabulary, frequent),
        postings=np.zeros(0, np.uint32),
    )
    segment = segment._replace(postings=np.zeros(int(segment.posting_offsets[-1]), np.uint32))
    offsets = kernel_array(sequences.offsets, np.int64)
    fill(segment, symbols, offsets, order, _codes(counts, vocabulary), _bit_of(counts, frequent))
    return Shelved.of(first, last, segment)


class _Cells:
    """The cells of rows in order, by the key of each row: twice the length, 1 more if several."""

    def __init__(self, keys: IntArray) -> None:
        distinct, starts = np.unique(keys, return_index=True)
        self.rows = np.append(starts, len(keys)).astype(np.int64)
        self.lengths = (distinct // 2).astype(np.int64)
        self.single = distinct % 2 == 0
        sizes = np.diff(self.rows)
        self.symbols = _before(sizes * self.lengths)
        self.several = _before(np.where(self.single, 0, sizes))


def _before(sizes: IntArray) -> IntArray:
    """The sum of all sizes before each."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)[:-1]])[
        : len(sizes)
    ]


def _width(counts: IntArray) -> int:
    """Bytes a symbol id takes."""
    return max(2, (len(counts).bit_length() + 7) // 8)


def _most_frequent(counts: IntArray, vocabulary: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    most = min(FREQUENT, len(vocabulary))
    order = np.lexsort((vocabulary, -counts[vocabulary]))[:most]
    frequent = np.zeros(FREQUENT, np.uint32)
    frequent[:most] = vocabulary[order]
    return frequent


def _posting_offsets(
    counts: IntArray, vocabulary: npt.NDArray[np.uint32], frequent: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    sizes = counts[vocabulary]
    sizes[np.isin(vocabulary, frequent)] = 0
    return np.concatenate([np.zeros(1, np.uint32), np.cumsum(sizes, dtype=np.uint32)])


def _codes(counts: IntArray, vocabulary: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    codes = np.zeros(len(counts), np.uint32)
    codes[vocabulary] = np.arange(len(vocabulary), dtype=np.uint32)
    return codes


def _bit_of(counts: IntArray, frequent: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    bits = np.full(len(counts), _NOT_FREQUENT, np.uint8)
    known = frequent[frequent > 0]  # symbol ids begin at 1
    bits[known] = np.arange(len(known), dtype=np.uint8)
    return bits


def _events(sequences: Sequences, several: IntArray) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Event ends of the patterns with events of several symbols, in the order of their rows."""
    starts = sequences.event_offsets[several]
    sizes = sequences.event_offsets[several + 1] - starts
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    places = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    return offsets, kernel_array(sequences.event_ends[places], np.int32)


@allocating
def fill(
    segment: Segment, symbols: Array, offsets: Array, order: Array, codes: Array, bit_of: Array
) -> None:
    """Write symbols, bits, pairs and postings of all rows."""
    next_posting = segment.posting_offsets.copy()
    written = 0
    for row in range(len(order)):
        start, end = offsets[order[row]], offsets[order[row] + 1]
        for position in range(start, end):
            symbol = symbols[position]
            _write_symbol(segment.symbols, written, symbol)
            written += 1
            bit = bit_of[symbol]
            if bit == _NOT_FREQUENT:
                code = codes[symbol]
                segment.postings[next_posting[code]] = row
                next_posting[code] += 1
            else:
                _set_frequent(segment.bits, row, bit)
            if position > start:
                low, high = pair_masks(symbols[position - 1], symbol)
                segment.pairs[0, row] |= low
                segment.pairs[1, row] |= high


@compiled
def _write_symbol(symbols: Array, position: int, symbol: int) -> None:
    for byte in range(symbols.shape[1]):
        symbols[position, byte] = (np.int64(symbol) >> (8 * byte)) & 255


@compiled
def _set_frequent(bits: Array, row: int, bit: int) -> None:
    mask = _ONE << np.uint64(bit)
    if bit < TWICE and bits[row] & mask:
        bits[row] |= _ONE << np.uint64(FREQUENT + bit)
    bits[row] |= mask
