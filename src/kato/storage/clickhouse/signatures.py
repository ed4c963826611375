"""What patterns share with a memory at most, from bits that ClickHouse keeps beside them.

A pattern's signature is its shape, a bit for each of its frequent symbols, hashed bits of the
others, and a Bloom filter of its pairs of adjacent symbols. A bit that it lacks is an observed
symbol that it lacks; a pair that it lacks is one that no block of a match holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.storage.ledger.journal import Sequences

LENGTHS = 127
"""Patterns of this length and longer are not told apart."""

SHAPES = 255
"""The greatest shape of a pattern, see :func:`shapes_of`."""

MOST_PAIRS = 32
"""Pairs, and symbols beside themselves, that a statement asks for; with more of them the symbols
alone decide."""

FREQUENT = 64
"""Symbols up to this id have a bit of their own."""

# Fibonacci hashing (Knuth, TAOCP 6.4).
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_SIXTY_THREE = np.uint64(63)
_HIGH_HALF = np.uint64(32)
_BIT_OF_OTHERS = np.uint64(58)
_BITS_OF_PAIRS = (np.uint64(57), np.uint64(51), np.uint64(45))

_WORDS = ("low_pairs", "high_pairs")

_LACKING = """
bitCount(bitAnd(bitNot(frequent), {frequent:UInt64}))
+ bitCount(bitAnd(bitNot(others), {others:UInt64}))
"""


class Reaching(msgspec.Struct, frozen=True, eq=False):
    """Which signatures may belong to patterns that are good enough.

    Attributes:
        symbols: uint32[d], the distinct observed symbols that are known.
        observed: How many they are, repeats included.
        pairs: uint32[p, 2], adjacent observed symbols, at most :data:`MOST_PAIRS`.
        needs: int64[1 or 2, SHAPES, w], how many observed symbols a pattern must share: of one
            where no observed symbol stands beside itself, and of the others, if these need fewer;
            by shape from 1; and by how many of the pairs it has from 0, the last for all that have
            more.
    """

    symbols: npt.NDArray[np.uint32]
    observed: int
    pairs: npt.NDArray[np.uint32]
    needs: npt.NDArray[np.int64]

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL over the columns of a signature, and its parameters."""
        frequent, others = _symbol_bits(self.symbols)
        given: dict[str, Any] = {"frequent": frequent, "others": others, "observed": self.observed}
        tables, _, width = self.needs.shape
        place = f"(shape - 1) * {width} + 1"
        if width > 1:
            tests, masks = _tests("pair", self.pairs)
            given |= masks
            place += f" + least({' + '.join(tests)}, {width - 1})"
        if tables > 1:
            tests, masks = _tests("double", np.stack([self.symbols, self.symbols], axis=1))
            given |= masks
            place += f" + ({' OR '.join(tests)}) * {SHAPES * width}"
        # Few rows share enough symbols, whatever their pairs: only of those the pairs are read.
        last = f"(shape + {SHAPES * (tables - 1)}) * {width}"
        return f"{_enough(last)} AND {_enough(place)}", {**given, "needs": _text(self.needs)}

    def among(self, signatures: Signatures) -> npt.NDArray[np.bool_]:
        """Which of these signatures meet the condition."""
        frequent, others = (np.uint64(bits) for bits in _symbol_bits(self.symbols))
        lacking = np.bitwise_count(frequent & ~signatures.frequent).astype(np.int64)
        lacking += np.bitwise_count(others & ~signatures.others)
        tables, _, width = self.needs.shape
        hits, doubled = np.zeros((2, len(lacking)), np.int64)
        if width > 1:
            for found in signatures.having(self.pairs):
                hits += found
        if tables > 1:
            for found in signatures.having(np.stack([self.symbols, self.symbols], axis=1)):
                doubled |= found
        needs = self.needs[doubled, signatures.shapes - 1, np.minimum(hits, width - 1)]
        enough: npt.NDArray[np.bool_] = lacking + needs <= self.observed
        return enough


class Signatures(msgspec.Struct, frozen=True, eq=False):
    """What ClickHouse keeps of k patterns, computed here.

    Attributes:
        shapes: int64[k].
        frequent: uint64[k], a bit for each frequent symbol.
        others: uint64[k], hashed bits of the other symbols.
        pairs: uint64[2, k], the bits of low and of high pairs.
    """

    shapes: npt.NDArray[np.int64]
    frequent: npt.NDArray[np.uint64]
    others: npt.NDArray[np.uint64]
    pairs: npt.NDArray[np.uint64]

    def having(self, pairs: npt.NDArray[np.uint32]) -> Iterator[npt.NDArray[np.bool_]]:
        """For each pair, which of the patterns may have it."""
        words, masks = pair_bits(pairs)
        for word, mask in zip(words, masks, strict=True):
            yield self.pairs[word] & mask == mask


def signatures_of(sequences: Sequences) -> Signatures:
    """The signatures of patterns, as they stand in the table."""
    if not len(sequences.ids):  # nothing can be reduced
        none = np.zeros(0, np.uint64)
        return Signatures(none.astype(np.int64), none, none, np.stack([none, none]))
    symbols = sequences.symbols.astype(np.uint64)
    is_frequent = symbols <= FREQUENT
    frequent = np.where(is_frequent, _ONE << ((symbols - _ONE) & _SIXTY_THREE), _NONE)
    others = np.where(is_frequent, _NONE, _ONE << ((symbols * _FACTOR) >> _BIT_OF_OTHERS))
    words, masks = pair_bits(np.stack([sequences.symbols, np.roll(sequences.symbols, -1)], axis=1))
    masks[sequences.offsets[1:] - 1] = _NONE  # the last symbol of a pattern has none beside it
    low, high = np.where(words == 0, masks, _NONE), np.where(words == 1, masks, _NONE)
    starts = sequences.offsets[:-1]
    bits = [np.bitwise_or.reduceat(each, starts) for each in (frequent, others, low, high)]
    lengths, several = np.diff(sequences.offsets), np.diff(sequences.event_offsets) > 0
    return Signatures(shapes_of(lengths, several), bits[0], bits[1], np.stack(bits[2:]))


def shapes_of(
    lengths: npt.NDArray[np.integer], several: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The shapes of patterns: their length, up to :data:`LENGTHS`, and a bit for the others.

    Args:
        lengths: Their symbols.
        several: Whether some event has several symbols; these need to share fewer.

    >>> shapes_of(np.array([3, 3, 1000]), np.array([False, True, False])).tolist()
    [3, 131, 127]
    """
    shapes: npt.NDArray[np.int64] = np.minimum(lengths, LENGTHS).astype(np.int64)
    return shapes + 128 * several.astype(np.int64)


def pair_bits(pairs: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """In which word the bits of each pair stand, 0 for the low pairs and 1 for the high, and which.

    >>> words, bits = pair_bits(np.array([[1, 2]], np.uint32))
    >>> words.tolist(), [hex(mask) for mask in bits.tolist()]
    ([1], ['0x80000020000800'])
    """
    keys = (pairs[:, 0].astype(np.uint64) << _HIGH_HALF) | pairs[:, 1].astype(np.uint64)
    keys *= _FACTOR
    masks = np.zeros(len(keys), np.uint64)
    for shift in _BITS_OF_PAIRS:
        masks |= _ONE << ((keys >> shift) & _SIXTY_THREE)
    return (keys >> _SIXTY_THREE).astype(np.int64), masks


def _enough(place: str) -> str:
    # A list as text is read by ClickHouse; as a list it is written element by element in Python.
    return f"{_LACKING} + CAST({{needs:String}}, 'Array(UInt32)')[{place}] <= {{observed:UInt32}}"


def _tests(name: str, pairs: npt.NDArray[np.uint32]) -> tuple[list[str], dict[str, int]]:
    """SQL for each pair, whether a pattern may have it, and the bits as parameters."""
    words, masks = pair_bits(pairs)
    tests = [
        f"(bitAnd({_WORDS[word]}, {{{name}{i}:UInt64}}) = {{{name}{i}:UInt64}})"
        for i, word in enumerate(words.tolist())
    ]
    return tests, {f"{name}{i}": mask for i, mask in enumerate(masks.tolist())}


def _symbol_bits(symbols: npt.NDArray[np.uint32]) -> tuple[int, int]:
    """The bits of frequent symbols, and those of the others."""
    wide = symbols.astype(np.uint64)
    frequent = wide[wide <= FREQUENT] - _ONE
    others = (wide[wide > FREQUENT] * _FACTOR) >> _BIT_OF_OTHERS
    both = (np.bitwise_or.reduce(_ONE << bits, initial=0) for bits in (frequent, others))
    return int(next(both)), int(next(both))


def _text(numbers: npt.NDArray[np.int64]) -> str:
    return str(numbers.ravel().tolist())
