"""How many symbols patterns share with the memory, each counted once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates, Observation
from kato.matching.codes import SymbolTable, code_of, symbol_table
from kato.matching.compiled import Array, compiled, kernel_array


class Overlap(NamedTuple):
    """The sets of symbols of the memory and of k patterns.

    Attributes:
        shared: int64[k], distinct symbols of each pattern that were observed.
        distinct: int64[k], distinct symbols of each pattern.
        observed: Distinct symbols of the memory, unknown ones included.
    """

    shared: npt.NDArray[np.int64]
    distinct: npt.NDArray[np.int64]
    observed: int


def overlap_of(observation: Observation, candidates: Candidates) -> Overlap:
    """Count what each candidate shares with the memory.

    >>> memory = Observation.of([["a"], ["x"], ["a"]], {"a": 1})
    >>> found = overlap_of(memory, Candidates.of([(1, [[1], [2], [1]]), (2, [[2], [3]])]))
    >>> found.shared.tolist(), found.distinct.tolist(), found.observed
    ([1, 0], [2, 2], 2)
    """
    observed = np.unique(observation.symbols)
    counts = np.zeros((2, len(candidates)), np.int64)
    symbols = kernel_array(candidates.symbols, np.uint32)
    seen = np.full(int(symbols.max(initial=0)) + 1, -1, np.int64)
    offsets = kernel_array(candidates.offsets, np.int64)
    count_shared(symbols, offsets, symbol_table(observed), seen, counts)
    return Overlap(counts[0], counts[1], len(observed))


@compiled
def count_shared(
    symbols: Array, offsets: Array, observed: SymbolTable, seen: Array, counts: Array
) -> None:
    """Write shared and distinct symbols of each pattern to the two rows of ``counts``.

    ``seen`` holds for every symbol id the last pattern it was met in, at first none.
    """
    for index in range(len(offsets) - 1):
        for position in range(offsets[index], offsets[index + 1]):
            symbol = symbols[position]
            if seen[symbol] == index:
                continue
            seen[symbol] = index
            counts[1, index] += 1
            if code_of(observed, symbol) >= 0:
                counts[0, index] += 1
