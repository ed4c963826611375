"""How many observed symbols the rows of a chunk have, at most: from bits and postings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.bits import bit_count
from kato.matching.compiled import Array, compiled, inner
from kato.recall.index.room import Rows
from kato.recall.index.segment import FREQUENT, TWICE, Segment, first_from
from kato.recall.index.sought import Sought

CHUNK = 4096
"""Rows that are counted at a time."""

FEW = 512
"""Rows that are looked for pairs at a time."""

_WORD = 63
_NONE, _ONE = np.uint64(0), np.uint64(1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


class Lists(NamedTuple):
    """Where a segment keeps the observed symbols.

    Attributes:
        mask: uint64[1], the bits of observed frequent symbols.
        repeated: uint64[d], for the first ``counts[2]``: a bit that says a symbol may be there
            more often than once.
        extra: int64[d], how many matches more that makes.
        cursors: int64[d], for the first ``counts[0]``: the next posting of a symbol.
        ends: int64[d], behind its last posting.
        times: int64[d], how often it was observed.
        places: uint64[d], its places in the memory.
        always: uint64[1], the places of symbols that have no postings because they have a bit.
        pairs: uint64[n - 1], the bits a row has if it has both symbols of a pair.
        counts: int64[3]: posting lists; matches all the bits can make together; repeated bits.
    """

    mask: Array
    repeated: Array
    extra: Array
    cursors: Array
    ends: Array
    times: Array
    places: Array
    always: Array
    pairs: Array
    counts: Array


class Overlap(NamedTuple):
    """What is counted of the rows of one chunk.

    Attributes:
        common: int32[CHUNK], observed symbols of each row; all 0 between chunks.
        places: uint64[CHUNK], the places in the memory of those with a posting.
        paired: uint64[CHUNK], not 0 where a row of a span may have one of the memory's pairs.
        passing: uint8[CHUNK], 1 where a row of a span has enough; all 0 between spans.
        words: uint64[CHUNK / 8], the same, eight rows at a time.
        touched: int64[CHUNK], for the first ``size[0]``: rows with a posting.
        size: int64[1].
    """

    common: Array
    places: Array
    paired: Array
    passing: Array
    words: Array
    touched: Array
    size: Array


def overlap_room() -> Overlap:
    """Room for one chunk."""
    passing = np.zeros(CHUNK, np.uint8)
    return Overlap(
        np.zeros(CHUNK, np.int32),
        np.zeros(CHUNK, np.uint64),
        np.zeros(CHUNK, np.uint64),
        passing,
        passing.view(np.uint64),
        np.zeros(CHUNK, np.int64),
        np.zeros(1, np.int64),
    )


def lists_of(segment: Segment, sought: Sought) -> Lists:
    """Find the distinct observed symbols in a segment."""
    symbols = sought.symbols
    lists = _no_lists(len(symbols), len(sought.pairs))
    if not len(segment.vocabulary):  # all its patterns are forgotten
        return lists
    codes = np.searchsorted(segment.vocabulary, symbols)
    codes[codes == len(segment.vocabulary)] = 0
    known = segment.vocabulary[codes] == symbols
    starts, ends = segment.posting_offsets[codes], segment.posting_offsets[codes + 1]
    fill_lists(
        segment.frequent,
        symbols,
        sought.times,
        sought.places,
        known,
        starts.astype(np.int64),
        ends.astype(np.int64),
        lists,
    )
    return lists


def _no_lists(count: int, pairs: int) -> Lists:
    return Lists(
        np.zeros(1, np.uint64),
        np.zeros(count, np.uint64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.uint64),
        np.full(1, _ALL, np.uint64),
        np.zeros(pairs, np.uint64),
        np.zeros(3, np.int64),
    )


@compiled
def fill_lists(
    frequent: Array,
    symbols: Array,
    times: Array,
    places: Array,
    known: Array,
    starts: Array,
    ends: Array,
    lists: Lists,
) -> None:
    """Enter each symbol that is known: by its bit, or where its postings start and end."""
    for index in range(len(symbols)):
        bit = _bit_of(frequent, symbols[index])
        if bit >= 0:
            _add_bit(lists, bit, times[index])
            _add_pairs(lists.pairs, bit, places[index])
            continue
        lists.always[0] &= ~places[index]
        if known[index]:
            place = lists.counts[0]
            lists.cursors[place], lists.ends[place] = starts[index], ends[index]
            lists.times[place], lists.places[place] = times[index], places[index]
            lists.counts[0] = place + 1


@inner
def _bit_of(frequent: Array, symbol: int) -> int:
    for bit in range(FREQUENT):
        if frequent[bit] == symbol:
            return bit
    return -1


@inner
def _add_bit(lists: Lists, bit: int, times: int) -> None:
    lists.mask[0] |= _ONE << np.uint64(bit)
    lists.counts[1] += times
    if times > 1:
        place = lists.counts[2]
        lists.repeated[place] = _ONE << np.uint64(bit + FREQUENT if bit < TWICE else bit)
        lists.extra[place] = times - 1
        lists.counts[2] = place + 1


@inner
def _add_pairs(pairs: Array, bit: int, places: np.uint64) -> None:
    """Enter the bit of a symbol with the pairs it is in, and its second if it is both."""
    for pair in range(min(len(pairs), _WORD)):
        first = (places >> np.uint64(pair)) & _ONE
        second = (places >> np.uint64(pair + 1)) & _ONE
        if first or second:
            pairs[pair] |= _ONE << np.uint64(bit)
        if first and second and bit < TWICE:
            pairs[pair] |= _ONE << np.uint64(bit + FREQUENT)


@inner
def count_postings(
    lists: Lists, postings: Array, span: tuple[int, int, int], overlap: Overlap
) -> int:
    """Count the postings of some rows of a chunk; answers how many were read.

    ``span`` is the first row of the chunk, and those rows, from one up to another.
    """
    read, touched = 0, 0
    start, low, end = span
    for index in range(overlap.size[0]):
        overlap.places[overlap.touched[index]] = _NONE
    for index in range(lists.counts[0]):
        cursor, last, times = lists.cursors[index], lists.ends[index], lists.times[index]
        if cursor < last and postings[cursor] < low:  # rows were left out
            cursor = first_from(postings, cursor, last, low)
        before, repeats = -1, 0
        first = cursor
        while cursor < last and postings[cursor] < end:
            row = int(postings[cursor]) - start
            cursor += 1
            repeats = repeats + 1 if row == before else 1
            before = row
            if repeats <= times:
                if overlap.common[row] == 0:
                    overlap.touched[touched] = row
                    touched += 1
                overlap.common[row] += 1
                overlap.places[row] |= lists.places[index]
        read += cursor - first
        lists.cursors[index] = cursor
    overlap.size[0] = touched
    return int(read)


@inner
def count_bits(lists: Lists, bits: Array, common: Array) -> None:
    """Add the frequent symbols of rows whose bits are given."""
    mask = lists.mask[0]
    for row in range(len(bits)):
        common[row] += bit_count(bits[row] & mask)
    for index in range(lists.counts[2]):
        bit, extra = lists.repeated[index], lists.extra[index]
        for row in range(len(bits)):
            if bits[row] & bit:
                common[row] += extra


@inner
def bit_overlap(lists: Lists, bits: np.uint64) -> int:
    """The frequent symbols of one row."""
    total = int(bit_count(bits & lists.mask[0]))
    for index in range(lists.counts[2]):
        if bits & lists.repeated[index]:
            total += lists.extra[index]
    return total


@inner
def mark_paired(
    lists: Lists, pairs: Array, rows: Rows, span: tuple[int, int, int], overlap: Overlap
) -> None:
    """Mark the rows from one up to another that may have a pair; all with a posting may."""
    start, low, high = span
    paired = overlap.paired[: high - low]
    for row in range(high - low):
        paired[row] = overlap.places[low - start + row]
    always = lists.always[0] & (lists.always[0] >> _ONE)
    # Few rows at a time stay in the first cache for all pairs.
    for first in range(low, high, FEW):
        last = min(high, first + FEW)
        for pair in range(len(pairs)):
            if always & (_ONE << np.uint64(pair)):
                masks = pairs[pair, 0], pairs[pair, 1], lists.pairs[pair]
                few = paired[first - low : last - low]
                low_words, high_words = rows.pairs[0, first:last], rows.pairs[1, first:last]
                _mark_pair(low_words, high_words, rows.bits[first:last], masks, few)


@inner
def _mark_pair(
    low: Array,
    high: Array,
    bits: Array,
    masks: tuple[np.uint64, np.uint64, np.uint64],
    paired: Array,
) -> None:
    first, second, third = masks
    for row in range(len(paired)):
        missing = (first & ~low[row]) | (second & ~high[row]) | (third & ~bits[row])
        paired[row] |= _ONE if missing == _NONE else _NONE
