"""Recall by looking at every pattern: exact, in ClickHouse, block by block.

ClickHouse drops what cannot match; what is left is bounded and aligned in compiled code; of each
block only the best are kept, so memory stays bounded however large the knowledge base is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
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
    best,
    similar_symbols,
)
from kato.recall.bounds import least_overlaps
from kato.recall.contenders import Contest, contenders
from kato.recall.filters import run_pipeline
from kato.recall.query import Query, Recalled, candidates_of
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

BLOCK = 250_000
"""Pattern ids a statement covers."""

FIRST_BLOCK = 16_384
"""Pattern ids the first statement covers: it shows how good the best are, and the next statements
leave out what cannot be as good."""

_LONGEST = 128
"""Patterns up to this length are left out by their overlap."""

_ROUNDING = 1e-9
"""Similarity is rounded by less than this: SQL may only drop what surely fails."""

_OVERLAPPING = """
(arrayCount(s -> s IN {symbols:Array(UInt32)}, symbols) AS overlap) > 0
AND 2 * least({observed:UInt32}, overlap) / ({observed:UInt32} + length(symbols)) >= {least:Float64}
AND (length(symbols) > {longest:UInt32} OR overlap >= if(empty(event_ends),
    {single:Array(UInt32)}[length(symbols)], {several:Array(UInt32)}[length(symbols)]))
"""


class Condition(msgspec.Struct, frozen=True):
    """What a pattern must meet to be looked at.

    Attributes:
        sql: Over ``symbols``, with parameters.
        parameters: Their values.
    """

    sql: str
    parameters: Mapping[str, Any] = {}


class Scan:
    """Recalls by scanning the patterns of a knowledge base.

    Args:
        tables: Where the patterns are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id (``spec/algorithms.md`` 7.3)."""
        similar = _similar(query)
        found = _nothing(query)
        for part in query.tail.sequences:
            block = part.without(query.tail.forgotten)
            found = _better(query, found, _recalled(query, block, similar, found))
        for first, end in _spans(query.last_pattern):
            block = self._block(query, first, end, _condition(query, similar, found))
            found = _better(query, found, _recalled(query, block, similar, found))
        return found

    def _block(self, query: Query, first: int, end: int, condition: Condition) -> Sequences:
        """ClickHouse's patterns of a span of ids, without those of the tail."""
        tail = query.tail
        hidden = tail.forgotten.union(*(part.ids.tolist() for part in tail.sequences))
        where = f"id >= {{first:UInt64}} AND id < {{end:UInt64}} AND ({condition.sql})"
        parameters = {"first": first, "end": end, **condition.parameters}
        return self._tables.where(query.kb, where, parameters).without(hidden)


def _spans(last: int) -> Iterator[tuple[int, int]]:
    first, end = 1, 1 + FIRST_BLOCK
    while first <= last:
        yield first, end
        first, end = end, end + BLOCK


def _condition(query: Query, similar: SimilarSymbols | None, found: Recalled) -> Condition:
    """What a match cannot do without; compiled code decides on what is left."""
    threshold, observed = query.config.recall_threshold, len(query.observation)
    if query.config.filter_pipeline and observed > 1:
        return Condition("true")
    symbols = query.known_symbols if similar is None else similar.ids.tolist()
    if observed == 1:
        return Condition("symbols[1] IN {symbols:Array(UInt32)}", {"symbols": symbols})
    if threshold == 0:
        return Condition("true")
    if not query.config.use_token_matching:
        return Condition("hasAny(symbols, {symbols:Array(UInt32)})", {"symbols": symbols})
    floor = _floor(query, found) - _ROUNDING
    return Condition(
        _OVERLAPPING,
        {
            "observed": observed,
            "symbols": symbols,
            "least": threshold - _ROUNDING,
            "longest": _LONGEST,
            "single": least_overlaps(floor, observed, _LONGEST, single=True),
            "several": least_overlaps(floor, observed, _LONGEST, single=False),
        },
    )


def _recalled(
    query: Query, block: Sequences, similar: SimilarSymbols | None, found: Recalled
) -> Recalled:
    candidates = candidates_of(block)
    kept = _filtered(query, candidates)
    candidates, names = candidates.take(kept), block.names[kept]
    contest = Contest(query.config.recall_threshold, query.limit, _floor(query, found))
    matcher = _matcher(query, similar, candidates)
    indices, alignment = contenders(query.observation, candidates, matcher, contest)
    return Recalled(candidates.take(indices), names[indices], alignment)


def _filtered(query: Query, candidates: Candidates) -> npt.NDArray[np.int64]:
    if len(query.observation) == 1:
        first = candidates.symbols[candidates.offsets[:-1]]
        return np.flatnonzero(first == query.observation.symbols[0])
    if not query.config.filter_pipeline:
        return np.arange(len(candidates))
    return np.flatnonzero(run_pipeline(query, candidates).keeps)


def _matcher(query: Query, similar: SimilarSymbols | None, candidates: Candidates) -> Matcher:
    texts = None
    if not query.config.use_token_matching:
        texts = query.texts_of(np.unique(candidates.symbols).tolist())
    if similar is not None:
        return FuzzyMatcher(similar, texts)
    return TokenMatcher() if texts is None else CharacterMatcher(texts)


def _similar(query: Query) -> SimilarSymbols | None:
    """Symbols of the knowledge base that observed ones may be taken for; None if not fuzzy.

    A memory of one symbol is recalled by that symbol alone (Q26).
    """
    threshold = query.config.fuzzy_token_threshold
    if not threshold or len(query.observation) == 1:
        return None
    vocabulary = query.vocabulary()
    ids = np.fromiter(vocabulary, np.uint32, len(vocabulary))
    return similar_symbols(query.observation.texts, ids, list(vocabulary.values()), threshold)


def _better(query: Query, one: Recalled, other: Recalled) -> Recalled:
    """The best of both."""
    both = Recalled.join([one, other])
    ascending = np.argsort(both.candidates.ids, kind="stable")
    both = both.take(ascending)
    return both.take(best(both.alignment, both.candidates, query.limit))


def _floor(query: Query, found: Recalled) -> float:
    if len(found.candidates) < query.limit:
        return -np.inf
    return float(found.alignment.preliminary.min())


def _nothing(query: Query) -> Recalled:
    candidates = Candidates.empty()
    alignment = align(query.observation, candidates, TokenMatcher())
    return Recalled(candidates, np.zeros((0, 20), np.uint8), alignment)
