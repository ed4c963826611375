"""What patterns share with a memory at most, from bits that ClickHouse keeps beside them.

A pattern's signature is its shape, a bit for each of its frequent symbols, hashed bits of the
others, and a Bloom filter of its pairs of adjacent symbols. A bit that it lacks is an observed
symbol that it lacks; a pair that it lacks is one that no block of a match holds.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

LENGTHS = 127
"""Patterns of this length and longer are not told apart."""

SHAPES = 255
"""The greatest shape of a pattern, see :func:`shapes_of`."""

MOST_PAIRS = 32
"""Pairs that a statement asks for; of a memory with more of them the symbols alone decide."""

FREQUENT = 64
"""Symbols up to this id have a bit of their own."""

# Fibonacci hashing (Knuth, TAOCP 6.4).
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
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
        needs: int64[SHAPES, w], by shape from 1 and by how many of the pairs the pattern has from
            0, how many observed symbols it must share; the last for all that have more pairs.
    """

    symbols: npt.NDArray[np.uint32]
    observed: int
    pairs: npt.NDArray[np.uint32]
    needs: npt.NDArray[np.int64]

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL over the columns of a signature, and its parameters."""
        frequent, others = _symbol_bits(self.symbols)
        given: dict[str, Any] = {"frequent": frequent, "others": others, "observed": self.observed}
        given["fewest"] = _text(self.needs[:, -1])
        enough = _enough("fewest", "shape")
        if self.needs.shape[1] == 1:
            return enough, given
        words, masks = pair_bits(self.pairs)
        given |= {f"pair{i}": mask for i, mask in enumerate(masks.tolist())}
        hits, width = _hits(words.tolist()), self.needs.shape[1]
        place = f"(shape - 1) * {width} + least({hits}, {width - 1}) + 1"
        # Few rows share enough symbols, whatever their pairs: only of those the pairs are read.
        return f"{enough} AND {_enough('needs', place)}", {**given, "needs": _text(self.needs)}


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
    ([1], ['0x1010000000800000'])
    """
    keys = (pairs[:, 0].astype(np.uint64) << _HIGH_HALF) | pairs[:, 1].astype(np.uint64)
    keys *= _FACTOR
    masks = np.zeros(len(keys), np.uint64)
    for shift in _BITS_OF_PAIRS:
        masks |= _ONE << ((keys >> shift) & _SIXTY_THREE)
    return (keys >> _SIXTY_THREE).astype(np.int64), masks


def _enough(needs: str, place: str) -> str:
    # A list as text is read by ClickHouse; as a list it is written element by element in Python.
    need = f"CAST({{{needs}:String}}, 'Array(UInt32)')[{place}]"
    return f"{_LACKING} + {need} <= {{observed:UInt32}}"


def _hits(words: list[int]) -> str:
    tests = (
        f"(bitAnd({_WORDS[word]}, {{pair{i}:UInt64}}) = {{pair{i}:UInt64}})"
        for i, word in enumerate(words)
    )
    return " + ".join(tests)


def _symbol_bits(symbols: npt.NDArray[np.uint32]) -> tuple[int, int]:
    """The bits of frequent symbols, and those of the others."""
    wide = symbols.astype(np.uint64)
    frequent = wide[wide <= FREQUENT] - _ONE
    others = (wide[wide > FREQUENT] * _FACTOR) >> _BIT_OF_OTHERS
    both = (np.bitwise_or.reduce(_ONE << bits, initial=0) for bits in (frequent, others))
    return int(next(both)), int(next(both))


def _text(numbers: npt.NDArray[np.int64]) -> str:
    return str(numbers.ravel().tolist())
