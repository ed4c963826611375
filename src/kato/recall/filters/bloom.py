"""``bloom``: patterns that share a symbol with the memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.condition import Condition
from kato.recall.filters.overlap import overlap_of
from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables


class BloomFilter:
    """Keeps patterns that have at least one observed symbol (Q13).

    It asks the symbols themselves: there are no false negatives, and no false positives either,
    which satisfies every ``bloom_false_positive_rate``.

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> BloomFilter().keeps(query, Candidates.of([(1, [[2], [3]]), (2, [[3], [4]])])).tolist()
    [True, False]
    """

    name = "bloom"

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns share a symbol."""
        shares: npt.NDArray[np.bool_] = overlap_of(query.observation, candidates).shared > 0
        return shares

    def condition(self, query: Query, tables: PatternTables) -> Condition:  # noqa: ARG002
        """The same in SQL."""
        observed = {"observed": query.known_symbols}
        return Condition("hasAny(symbols, {observed:Array(UInt32)})", observed, is_exact=True)
