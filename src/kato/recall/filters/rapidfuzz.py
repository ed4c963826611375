"""``rapidfuzz``: patterns that match as the session matches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kato.matching import (
    Candidates,
    CharacterMatcher,
    FuzzyMatcher,
    Matcher,
    SimilarSymbols,
    TokenMatcher,
    align,
    qualifies,
    similar_symbols,
)
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
        self._similar: tuple[Query, SimilarSymbols] | None = None

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns match."""
        alignment = align(query.observation, candidates, self._matcher(query, candidates))
        return qualifies(alignment, query.config.recall_threshold)

    def _matcher(self, query: Query, candidates: Candidates) -> Matcher:
        texts = None if query.config.use_token_matching else _texts(query, candidates)
        if query.config.fuzzy_token_threshold > 0:
            return FuzzyMatcher(self._similar_to(query), texts)
        return TokenMatcher() if texts is None else CharacterMatcher(texts)

    def _similar_to(self, query: Query) -> SimilarSymbols:
        """Compared with the whole vocabulary once a query, not once a block of candidates."""
        if self._similar is None or self._similar[0] is not query:
            self._similar = query, _similar_symbols(query)
        return self._similar[1]


def _similar_symbols(query: Query) -> SimilarSymbols:
    vocabulary = query.vocabulary()
    ids = np.fromiter(vocabulary, np.uint32, len(vocabulary))
    threshold = query.config.fuzzy_token_threshold
    return similar_symbols(query.observation.texts, ids, list(vocabulary.values()), threshold)


def _texts(query: Query, candidates: Candidates) -> Mapping[int, str]:
    return query.texts_of(np.unique(candidates.symbols).tolist())
