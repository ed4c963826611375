"""``length``: patterns about as long as the memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.query import Query


class LengthFilter:
    """Keeps patterns of ``max(1, ⌊n·min⌋)`` to ``⌊n·max⌋`` symbols, n being those observed.

    The ratios are ``length_min_ratio`` and ``length_max_ratio`` (``spec/algorithms.md`` 5).

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> patterns = Candidates.of([(1, [[1], [2], [3]]), (2, [[1], [2], [3], [4], [5]])])
    >>> LengthFilter().keeps(query, patterns).tolist()
    [True, False]
    """

    name = "length"

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns are neither too short nor too long."""
        observed, lengths = len(query.observation), candidates.lengths
        shortest = max(1, math.floor(observed * query.config.length_min_ratio))
        # Lengths are whole numbers: no need to round the upper bound, which may be infinite.
        longest = observed * query.config.length_max_ratio
        kept: npt.NDArray[np.bool_] = (lengths >= shortest) & (lengths <= longest)
        return kept
