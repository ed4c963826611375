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

from kato.matching import UNKNOWN
from kato.recall.look import Look
from kato.storage.clickhouse.signatures import LENGTHS, MOST_PAIRS, Reaching

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Kind = Literal["single", "doubled", "several"]
"""Of patterns: one symbol an event, the same with one beside itself, or several an event."""

_KINDS: tuple[Kind, ...] = ("single", "doubled", "several")

_MOST_HITS = 12
"""Patterns with so many of the memory's pairs, or more, are not told apart where others are."""


def reaching(look: Look) -> Reaching:
    """The signatures of patterns that can reach the look's floor."""
    observed = look.query.observation.symbols
    known = observed[observed < UNKNOWN]
    pairs = np.stack([observed[:-1], observed[1:]], axis=1)
    pairs = pairs[(pairs < UNKNOWN).all(axis=1)]
    symbols = np.unique(known)
    needs = needs_of(look, _hits(len(pairs), len(observed)))
    return Reaching(symbols, len(known), pairs, _told_apart(needs, len(symbols)))


def _told_apart(needs: IntArray, symbols: int) -> IntArray:
    """The needs without what tells nothing apart, or would take too many tests."""
    if symbols > MOST_PAIRS or (needs[0] == needs[1]).all():
        needs = needs[1:]
    differ = np.flatnonzero((needs != needs[..., -1:]).any(axis=(0, 1)))
    fewer = differ.max(initial=-1) + 1
    return np.concatenate([needs[..., :fewer], needs[..., -1:]], axis=-1)


def _hits(pairs: int, size: int) -> IntArray:
    """How many pairs a pattern may have, for each column of the needs."""
    if pairs > MOST_PAIRS:
        return np.array([size])
    hits = np.arange(min(pairs, _MOST_HITS) + 1)
    hits[-1] = pairs
    return hits


def needs_of(look: Look, hits: IntArray) -> IntArray:
    """int64[2, SHAPES, w], the least overlap by shape and by how many of the pairs a pattern has.

    The first table is that of patterns where no observed symbol stands beside itself: then the
    present of one block does not begin an event earlier (7.1, step 3). An overlap is one more than
    was observed where none is enough.
    """
    alone, doubled, several = (_needs(look, hits, kind) for kind in _KINDS)
    never = np.full((1, len(hits)), len(look.query.observation) + 1)
    return np.stack([np.concatenate([each, never, several]) for each in (alone, doubled)])


def _needs(look: Look, hits: IntArray, kind: Kind) -> IntArray:
    size = len(look.query.observation)
    matched = np.arange(1, size + 1)
    # The potential goes up or down with the length, so of long patterns the extremes tell.
    lengths = np.append(np.arange(1.0, LENGTHS + 1), np.inf)[:, np.newaxis]
    potential = _potentials(matched, lengths, hits, size, kind)
    potential[:, -2] = np.maximum(potential[:, -2], potential[:, -1])
    most = np.maximum.accumulate(potential[:, :-1], axis=2)
    similarity = _similarities(matched, size)
    enough = (most > look.floor) | ((most == look.floor) & (similarity >= look.floor_similarity))
    enough &= similarity >= look.query.config.recall_threshold
    return np.where(enough.any(axis=2), enough.argmax(axis=2) + 1, size + 1).T


def _potentials(
    matched: IntArray, lengths: FloatArray, hits: IntArray, size: int, kind: Kind
) -> FloatArray:
    """float64[h, l, n], the most that so many matched symbols can make."""
    share = np.minimum(matched / lengths, 1.0)
    snr = (3 * matched - size) / (matched + size)
    blocks = np.maximum(1, matched - hits[:, np.newaxis])[:, np.newaxis]
    least = {"single": np.ones(size), "doubled": matched / (matched + 1), "several": share}[kind]
    one = (share + np.where(snr < 0, least, 1.0)) * snr + 1.0
    more = (share + np.where(snr < 0, share, 1.0)) * snr + 1.0 / np.maximum(2, blocks)
    # A single symbol is one block; two blocks of a low confidence can be better than one.
    more = np.where(matched > 1, more, -np.inf)
    potential: FloatArray = np.where(blocks == 1, np.maximum(one, more), more)
    potential[:, (matched > lengths) & (lengths < LENGTHS)] = -np.inf
    return potential


def _similarities(matched: IntArray, size: int) -> FloatArray:
    """float64[LENGTHS, n], the most that similarity can be."""
    lengths = np.arange(1, LENGTHS + 1)[:, np.newaxis]
    common = np.minimum(matched, np.where(lengths < LENGTHS, lengths, size))
    lengths = np.maximum(lengths, common)
    similarity: FloatArray = ((2.0 * common / (lengths + size)) * 100.0) / 100.0
    return similarity
