"""``rapidfuzz``: patterns that match as the session matches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates, align, qualifies
from kato.recall.condition import Condition, float_bits
from kato.recall.matchers import Matchers
from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables

_ROUNDING = 1e-9
"""Similarity is rounded by less than this: SQL may only drop what surely fails."""

# 2M / (n + m) is the similarity, and the overlap is M at least.
_OVERLAPPING = """
hasAny(symbols, {similar:Array(UInt32)}) AND
2 * arrayCount(s -> s IN {similar:Array(UInt32)}, symbols) >=
    reinterpretAsFloat64({threshold:UInt64}) * ({observed:UInt64} + length(symbols))
"""


class RapidfuzzFilter:
    """Keeps patterns that match the memory at ``recall_threshold``, zero included (Q14).

    It is the session's own matching, by symbols, by characters or fuzzy, with its very numbers:
    what passes here is what recall goes on to rank, and nothing that recall would rank is lost.

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> config = SessionConfig(recall_threshold=0.7)
    >>> query = Query(1, memory, config, TailView([], set(), {}, {}), 2, dict, dict)
    >>> patterns = Candidates.of([(1, [[1], [2], [3]]), (2, [[1], [4]])])
    >>> RapidfuzzFilter().keeps(query, patterns).tolist()
    [True, False]
    """

    name = "rapidfuzz"

    def __init__(self) -> None:
        self._matchers: tuple[Query, Matchers] | None = None

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns match."""
        matcher = self._matchers_of(query).of(candidates)
        alignment = align(query.observation, candidates, matcher)
        return qualifies(alignment, query.config.recall_threshold)

    def condition(self, query: Query, tables: PatternTables) -> Condition | None:  # noqa: ARG002
        """What a match cannot do without: shared symbols, and by whole symbols enough of them."""
        config = query.config
        if config.recall_threshold == 0:
            return None
        by_symbols = config.recall_threshold - _ROUNDING if config.use_token_matching else 0.0
        parameters = {
            "similar": self._similar(query),
            "threshold": float_bits(by_symbols),
            "observed": len(query.observation),
        }
        return Condition(_OVERLAPPING, parameters)

    def _similar(self, query: Query) -> list[int]:
        """Ids of the symbols that an observed one matches."""
        similar = self._matchers_of(query).similar
        if similar is None:
            return query.known_symbols
        ids: list[int] = np.unique(similar.ids).tolist()
        return ids

    def _matchers_of(self, query: Query) -> Matchers:
        """Compared with the whole vocabulary once a query, not once a block of candidates."""
        if self._matchers is None or self._matchers[0] is not query:
            self._matchers = query, Matchers(query)
        return self._matchers[1]
