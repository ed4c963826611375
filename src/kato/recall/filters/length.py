"""``length``: patterns about as long as the memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.condition import Condition
from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables

_LONGEST = 2**62
"""No pattern is as long."""


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
        shortest, longest = _bounds(query)
        lengths = candidates.lengths
        kept: npt.NDArray[np.bool_] = (lengths >= shortest) & (lengths <= longest)
        return kept

    def condition(self, query: Query, tables: PatternTables) -> Condition:  # noqa: ARG002
        """The same in SQL."""
        shortest, longest = _bounds(query)
        return Condition(
            "length(symbols) >= {shortest:UInt64} AND length(symbols) <= {longest:UInt64}",
            {"shortest": shortest, "longest": longest},
            is_exact=True,
        )


def _bounds(query: Query) -> tuple[int, int]:
    """The least and the greatest length."""
    observed, config = len(query.observation), query.config
    shortest = max(1, math.floor(observed * config.length_min_ratio))
    # The greatest ratio is a number so large that its product may be infinite.
    return shortest, math.floor(min(observed * config.length_max_ratio, _LONGEST))
