"""``rapidfuzz``: patterns that match as the session matches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates, align, qualifies
from kato.recall.matchers import Matchers
from kato.recall.query import Query


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

    def _matchers_of(self, query: Query) -> Matchers:
        """Compared with the whole vocabulary once a query, not once a block of candidates."""
        if self._matchers is None or self._matchers[0] is not query:
            self._matchers = query, Matchers(query)
        return self._matchers[1]
