"""Which signatures let a pattern be among the best, see :mod:`kato.storage.clickhouse.signatures`.

Let M of the n observed symbols be matched, in blocks that hold M - blocks pairs of adjacent symbols
of the memory. No block holds a pair that the pattern lacks, and none is counted twice: where it has
h of the memory's pairs there are at least M - h blocks. Otherwise the bound is that of
:mod:`kato.recall.bounds`; it is computed by the operations of
:func:`kato.matching.kernel.preliminary_potential`, in their order, and rounding is monotonic: a
bound and a potential can be compared as they are.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from kato.matching import UNKNOWN, Observation
from kato.storage.clickhouse.signatures import LENGTHS, MOST_PAIRS, Reaching

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Kind = Literal["single", "doubled", "several"]
"""Of patterns: one symbol an event, the same with one beside itself, or several an event."""

_KINDS: tuple[Kind, ...] = ("single", "doubled", "several")

_MOST_HITS = 12
"""Patterns with so many of the memory's pairs, or more, are not told apart where others are."""


class Reach:
    """Which signatures reach a floor, however it rises.

    Args:
        observation: The memory.
        threshold: Least similarity.

    >>> memory = Observation.of([["a"], ["b"], ["c"]], {"a": 1, "b": 2, "c": 3})
    >>> needs = Reach(memory, 0.1).above(2.0, 0.0).needs
    >>> needs[0, 4].tolist()  # of five symbols: three, if two of them or three stand together
    [4, 3, 3]
    """

    def __init__(self, observation: Observation, threshold: float) -> None:
        observed = observation.symbols
        self._size = len(observed)
        self._symbols = np.unique(observed[observed < UNKNOWN])
        self._known = int((observed < UNKNOWN).sum())
        pairs = np.stack([observed[:-1], observed[1:]], axis=1)
        self._pairs = pairs[(pairs < UNKNOWN).all(axis=1)]
        hits = _hits(len(self._pairs), self._size)
        self._most = np.stack([_most_potentials(self._size, hits, kind) for kind in _KINDS])
        self._similarities = _similarities(self._size)
        self._similar = self._similarities >= threshold

    def above(self, potential: float, similarity: float) -> Reaching:
        """The signatures of patterns that can be as good.

        Args:
            potential: A preliminary potential.
            similarity: The least similarity of a pattern that has just that.
        """
        enough = (self._most == potential) & (self._similarities >= similarity)
        enough |= self._most > potential
        enough &= self._similar
        never = self._size + 1
        least = np.where(enough.any(axis=-1), enough.argmax(axis=-1) + 1, never)
        single, doubled, several = np.swapaxes(least, 1, 2)
        unused = np.full((1, single.shape[1]), never)
        tables = [np.concatenate([each, unused, several]) for each in (single, doubled)]
        needs = _told_apart(np.stack(tables), len(self._symbols))
        return Reaching(self._symbols, self._known, self._pairs, needs)


def _hits(pairs: int, size: int) -> IntArray:
    """How many pairs a pattern may have, for each column of the needs."""
    if pairs > MOST_PAIRS:
        return np.array([size])
    hits = np.arange(min(pairs, _MOST_HITS) + 1)
    hits[-1] = pairs
    return hits


def _told_apart(needs: IntArray, symbols: int) -> IntArray:
    """The needs without what tells nothing apart, or would take too many tests."""
    if symbols > MOST_PAIRS or (needs[0] == needs[1]).all():
        needs = needs[1:]
    differ = np.flatnonzero((needs != needs[..., -1:]).any(axis=(0, 1)))
    fewer = differ.max(initial=-1) + 1
    return np.concatenate([needs[..., :fewer], needs[..., -1:]], axis=-1)


def _most_potentials(size: int, hits: IntArray, kind: Kind) -> FloatArray:
    """float64[h, LENGTHS, n], by hits, length and overlap; the last length for all longer ones."""
    matched = np.arange(1, size + 1)
    # The potential goes up or down with the length, so of long patterns the extremes tell.
    lengths = np.append(np.arange(1.0, LENGTHS + 1), np.inf)[:, np.newaxis]
    potentials = _potentials(matched, lengths, hits, size, kind)
    potentials[:, (matched > lengths) & (lengths < LENGTHS)] = -np.inf
    potentials[:, -2] = np.maximum(potentials[:, -2], potentials[:, -1])
    most: FloatArray = np.maximum.accumulate(potentials[:, :-1], axis=2)
    return most


def _potentials(
    matched: IntArray, lengths: FloatArray, hits: IntArray, size: int, kind: Kind
) -> FloatArray:
    """float64[h, l, n], the most that just so many matched symbols can make."""
    share = np.minimum(matched / lengths, 1.0)
    snr = (3 * matched - size) / (matched + size)
    blocks = np.maximum(1, matched - hits[:, np.newaxis])[:, np.newaxis]
    least = {"single": np.ones(size), "doubled": matched / (matched + 1), "several": share}[kind]
    one = (share + np.where(snr < 0, least, 1.0)) * snr + 1.0
    more = (share + np.where(snr < 0, share, 1.0)) * snr + 1.0 / np.maximum(2, blocks)
    # A single symbol is one block; two blocks of a low confidence can be better than one.
    more = np.where(matched > 1, more, -np.inf)
    potentials: FloatArray = np.where(blocks == 1, np.maximum(one, more), more)
    return potentials


def _similarities(size: int) -> FloatArray:
    """float64[LENGTHS, n], the most that similarity can be by length and overlap."""
    lengths = np.arange(1, LENGTHS + 1)[:, np.newaxis]
    common = np.minimum(np.arange(1, size + 1), np.where(lengths < LENGTHS, lengths, size))
    lengths = np.maximum(lengths, common)
    similarities: FloatArray = ((2.0 * common / (lengths + size)) * 100.0) / 100.0
    return similarities
