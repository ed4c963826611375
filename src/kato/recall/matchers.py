"""How a query matches: by whole symbols, by characters, or by symbols that are alike."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from kato.matching import (
    Candidates,
    CharacterMatcher,
    FuzzyMatcher,
    Matcher,
    SimilarSymbols,
    TokenMatcher,
    similar_symbols,
)
from kato.recall.query import Query


class Matchers:
    """The matchers of one query.

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> Matchers(query).of(Candidates.empty())
    TokenMatcher()
    """

    def __init__(self, query: Query) -> None:
        self._query = query

    def of(self, candidates: Candidates) -> Matcher:
        """The matcher for some candidates: it holds the texts it needs of them."""
        texts = None
        if not self._query.config.use_token_matching:
            texts = self._query.texts_of(np.unique(candidates.symbols).tolist())
        if self.similar is not None:
            return FuzzyMatcher(self.similar, texts)
        return TokenMatcher() if texts is None else CharacterMatcher(texts)

    @cached_property
    def similar(self) -> SimilarSymbols | None:
        """Symbols of the knowledge base that observed ones may be taken for; None if not fuzzy."""
        query, threshold = self._query, self._query.config.fuzzy_token_threshold
        if not threshold:
            return None
        vocabulary = query.vocabulary()
        ids = np.fromiter(vocabulary, np.uint32, len(vocabulary))
        return similar_symbols(query.observation.texts, ids, list(vocabulary.values()), threshold)
