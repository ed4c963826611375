"""A memory as the index is asked for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching import Observation
from kato.matching.compiled import Array, compiled, kernel_array
from kato.matching.observed import Observed, enter_row, observed
from kato.recall.index.segment import pair_masks


class Sought(NamedTuple):
    """A memory of n symbols, d of them distinct.

    Attributes:
        memory: The memory with its first row entered.
        symbols: uint32[d], ascending.
        times: int64[d], how often each was observed.
        places: uint64[d], a bit for each of its places in the memory; all 0 if it has above 64.
        pairs: uint64[n - 1, 2], the bits of adjacent symbols.
        doubles: uint64[d, 2], the bits of each symbol beside itself.
        threshold: Least similarity.
    """

    memory: Observed
    symbols: Array
    times: Array
    places: Array
    pairs: Array
    doubles: Array
    threshold: float


def sought_of(observation: Observation, threshold: float) -> Sought:
    """The memory of two symbols or more, at a least similarity.

    >>> memory = Observation.of([["a"], ["b"], ["a"]], {"a": 5, "b": 3})
    >>> sought = sought_of(memory, 0.1)
    >>> sought.symbols.tolist(), sought.times.tolist(), sought.pairs.shape
    ([3, 5], [1, 2], (2, 2))
    """
    symbols = kernel_array(observation.symbols, np.uint32)
    memory = observed(symbols[np.newaxis])
    enter_row(memory, 0)
    distinct, times = np.unique(symbols, return_counts=True)
    # The codes of a memory number its distinct symbols, so its masks are their places.
    places = memory.masks[:, 0].copy() if len(symbols) <= 64 else np.zeros(len(distinct), np.uint64)
    pairs = np.zeros((len(symbols) - 1, 2), np.uint64)
    doubles = np.zeros((len(distinct), 2), np.uint64)
    fill_pairs(symbols[:-1], symbols[1:], pairs)
    fill_pairs(distinct, distinct, doubles)
    times = times.astype(np.int64)
    return Sought(memory, distinct, times, places, pairs, doubles, float(threshold))


@compiled
def fill_pairs(firsts: Array, seconds: Array, pairs: Array) -> None:
    """Write the bits of symbols that follow each other."""
    for index in range(len(pairs)):
        pairs[index, 0], pairs[index, 1] = pair_masks(firsts[index], seconds[index])
