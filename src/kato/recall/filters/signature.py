"""MinHash signatures and their bands (``spec/algorithms.md`` 4).

Where two signatures have equal values says how large a part of their symbols two patterns share:
the share of equal values estimates the Jaccard similarity of the two sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha1
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, allocating, compiled, kernel_array

PRIME = 2**61 - 1
"""Hashes are taken modulo this Mersenne prime."""

SEED = 1
"""Of the generator that draws the permutations; fixed, or signatures would not compare."""

_LARGEST = np.uint64(2**32 - 1)
_PRIME = np.uint64(PRIME)
_PRIME_BITS = np.uint64(61)

# The hash of a tuple in CPython 3.8 and later (Objects/tupleobject.c, after xxHash).
_FACTOR_1 = np.uint64(11400714785074694791)
_FACTOR_2 = np.uint64(14029467366897019727)
_START = np.uint64(2870177450012600261)
_LENGTH_MASK = np.uint64(2870177450012600261 ^ 3527539)
_LEFT, _RIGHT = np.uint64(31), np.uint64(33)
_ERROR, _INSTEAD_OF_ERROR = np.uint64(2**64 - 1), np.uint64(1546275796)
_SIGN = np.uint64(63)
_ONE = np.uint64(1)


class Permutations(NamedTuple):
    """Of token hashes: h becomes ``multiplier * h + increment``.

    Attributes:
        multipliers: uint64[hashes].
        increments: uint64[hashes].
    """

    multipliers: Array
    increments: Array


class Sought(NamedTuple):
    """What :func:`mark_resembling` looks for.

    Attributes:
        permutations: As many as the signature has values.
        signature: uint64[hashes], the memory's.
        bands: uint64[bands], the memory's, ascending.
        rows: Signature values a band.
        threshold: Least share of equal signature values.
    """

    permutations: Permutations
    signature: Array
    bands: Array
    rows: int
    threshold: float


def token_hash(text: str) -> int:
    """The first four bytes of the text's SHA-1, the least significant first.

    >>> token_hash("a")
    937752454
    """
    return int.from_bytes(sha1(text.encode(), usedforsecurity=False).digest()[:4], "little")


@cache
def permutations(count: int) -> Permutations:
    """The first ``count`` permutations of the sequence that all signatures use.

    >>> permutations(1)
    Permutations(multipliers=array([775169054918279404], dtype=uint64), \
increments=array([1758426461858698312], dtype=uint64))
    """
    generator = np.random.RandomState(SEED)
    drawn = [
        (generator.randint(1, PRIME, dtype=np.uint64), generator.randint(0, PRIME, dtype=np.uint64))
        for _ in range(count)
    ]
    columns = np.array(drawn, np.uint64).reshape(count, 2).T
    return Permutations(*(kernel_array(column, np.uint64) for column in columns))


def signature_of(texts: Iterable[str], hashes: int = 100) -> npt.NDArray[np.uint32]:
    """uint32[hashes], the signature of the set of these symbols.

    >>> signature_of(["a", "b", "c", "d"])[:3].tolist()
    [297616339, 739114274, 1237100479]
    """
    signature = np.empty(hashes, np.uint64)
    tokens = np.array([token_hash(text) for text in texts], np.uint32)
    sign(tokens, np.arange(len(tokens), dtype=np.uint32), permutations(hashes), signature)
    return signature.astype(np.uint32)


def bands_of(signature: npt.ArrayLike, bands: int = 20, rows: int = 5) -> npt.NDArray[np.uint64]:
    """uint64[bands], a number for each ``rows`` values of the signature, from its front.

    >>> bands_of(signature_of(["a", "b", "c", "d"]))[:2].tolist()
    [4027912900415316030, 6658232410219352196]
    """
    values = kernel_array(signature, np.uint64)[: bands * rows].reshape(bands, rows)
    return np.array([band_of(row) for row in values], np.uint64)


@allocating
def mark_resembling(
    symbols: Array, offsets: Array, hashes: Array, sought: Sought, keeps: Array
) -> None:
    """Write to ``keeps`` which patterns have a sought band and enough of the sought signature.

    Args:
        symbols: uint32[total], the patterns' symbols.
        offsets: int64[k + 1] into ``symbols``.
        hashes: uint32, the token hash of every symbol id.
        sought: What to look for.
        keeps: bool[k].
    """
    signature = np.empty(len(sought.signature), np.uint64)
    for index in range(len(keeps)):
        pattern = symbols[offsets[index] : offsets[index + 1]]
        sign(hashes, pattern, sought.permutations, signature)
        keeps[index] = _shares_band(signature, sought) and _agrees(signature, sought)


@allocating
def cut_bands(
    symbols: Array, offsets: Array, hashes: Array, permutation: Permutations, bands: Array
) -> None:
    """Write the low half of every band of the patterns' signatures to ``bands``.

    Args:
        symbols: uint32[total], the patterns' symbols.
        offsets: int64[k + 1] into ``symbols``.
        hashes: uint32, the token hash of every symbol id.
        permutation: Of signatures as long as the bands together.
        bands: uint32[k, bands].
    """
    signature = np.empty(len(permutation.multipliers), np.uint64)
    rows = len(signature) // bands.shape[1]
    for index in range(len(bands)):
        sign(hashes, symbols[offsets[index] : offsets[index + 1]], permutation, signature)
        for band in range(bands.shape[1]):
            bands[index, band] = band_of(signature[band * rows : (band + 1) * rows])


@compiled
def sign(hashes: Array, symbols: Array, permutation: Permutations, signature: Array) -> None:
    """Write the signature of the symbols, whose token hashes are at their ids in ``hashes``."""
    signature[:] = _LARGEST
    for symbol in symbols:
        token = np.uint64(hashes[symbol])
        for position in range(len(signature)):
            # Wraps around at 64 bits, as the signatures of the original do.
            value = permutation.multipliers[position] * token + permutation.increments[position]
            value = (value & _PRIME) + (value >> _PRIME_BITS)
            if value >= _PRIME:
                value -= _PRIME
            signature[position] = min(signature[position], value & _LARGEST)


@compiled
def band_of(values: Array) -> np.uint64:
    """The absolute value of CPython's hash of the tuple of these values."""
    total = _START
    for value in values:
        total += value * _FACTOR_2
        total = (total << _LEFT) | (total >> _RIGHT)
        total *= _FACTOR_1
    total += np.uint64(len(values)) ^ _LENGTH_MASK
    if total == _ERROR:
        return _INSTEAD_OF_ERROR
    return ~total + _ONE if total >> _SIGN else total


@compiled
def _shares_band(signature: Array, sought: Sought) -> bool:
    """Whether any band is a sought one, wherever that stands."""
    for band in range(len(sought.bands)):
        number = band_of(signature[band * sought.rows : (band + 1) * sought.rows])
        at = np.searchsorted(sought.bands, number)
        if at < len(sought.bands) and sought.bands[at] == number:
            return True
    return False


@compiled
def _agrees(signature: Array, sought: Sought) -> bool:
    equal = 0
    for position in range(len(signature)):
        if signature[position] == sought.signature[position]:
            equal += 1
    return equal / len(signature) >= sought.threshold
