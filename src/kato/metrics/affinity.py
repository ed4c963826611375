"""Affinity: what was felt with a symbol weighs it (``spec/algorithms.md`` 7.8)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, allocating, compiled

FLOOR = 0.01
"""The weight of a symbol without an affinity."""

Floats = npt.NDArray[np.float64]


class Weighted(msgspec.Struct, frozen=True, eq=False):
    """Scores in which each symbol counts by its weight, float64[k] each."""

    similarity: Floats
    evidence: Floats
    confidence: Floats
    snr: Floats


def affinity_weights(affinities: npt.ArrayLike, frequencies: npt.ArrayLike) -> Floats:
    """The weights of symbols, from their affinities to one emotive and their frequencies.

    >>> affinity_weights([0.5, -0.5, 1.0, 0.0], [3, 2, 1, 7]).round(6).tolist()
    [0.176667, 0.26, 1.01, 0.01]
    """
    strength = np.abs(np.asarray(affinities, np.float64))
    counts = np.asarray(frequencies, np.float64)
    return np.where(counts > 0, strength / np.maximum(counts, 1), 0.0) + FLOOR


class Weights(NamedTuple):
    """What :func:`weigh` reads.

    Attributes:
        codes: int64[total], the survivors' symbols by code.
        offsets: int64[k + 1], where each survivor's symbols begin.
        present_start: int32[k], first symbol of the present.
        present_end: int32[k], end of the present.
        rows: int64[1 or k, n], the memory by code.
        hits: bool[k, n], which observed symbols are matched.
        weights: float64[codes].
    """

    codes: Array
    offsets: Array
    present_start: Array
    present_end: Array
    rows: Array
    hits: Array
    weights: Array


class WeightSums(NamedTuple):
    """What :func:`weigh` writes: sums of weights, float64[k] each."""

    matches: Array
    memory: Array
    pattern: Array
    present: Array
    extras: Array


@allocating
def weigh(read: Weights, sums: WeightSums) -> None:
    """Sum the weights of matches, memory, pattern, present and extras of each survivor.

    Symbols outside the memory weigh nothing, except for a memory of one symbol.
    """
    observed = np.zeros(len(read.weights), np.int64)
    present = np.zeros(len(read.weights), np.int64)
    only_observed = read.rows.shape[1] > 1
    for index in range(len(sums.matches)):
        row = read.rows[index] if len(read.rows) > 1 else read.rows[0]
        observed[row] = 1
        start = read.offsets[index]
        for position in range(start, read.offsets[index + 1]):
            code = read.codes[position]
            weight = read.weights[code] if observed[code] or not only_observed else 0.0
            sums.pattern[index] += weight
            if read.present_start[index] <= position - start < read.present_end[index]:
                sums.present[index] += weight
                present[code] = 1
        _weigh_memory(read, row, index, present, sums)
        observed[row] = 0
        present[read.codes[start : read.offsets[index + 1]]] = 0


@compiled
def _weigh_memory(read: Weights, row: Array, index: int, present: Array, sums: WeightSums) -> None:
    for position in range(len(row)):
        weight = read.weights[row[position]]
        sums.memory[index] += weight
        if read.hits[index, position]:
            sums.matches[index] += weight
        if not present[row[position]]:
            sums.extras[index] += weight


def weighted_scores(sums: WeightSums) -> Weighted:
    """The weighted scores from the sums of weights; 0 where a denominator is 0."""
    return Weighted(
        _share(2 * sums.matches, sums.memory + sums.pattern),
        _share(sums.matches, sums.pattern),
        _share(sums.matches, sums.present),
        _share(sums.matches, sums.matches + sums.extras),
    )


def _share(part: Array, whole: Array) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return shares
