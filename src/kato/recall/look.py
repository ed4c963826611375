"""One look at patterns: what to leave out, whom to keep, and how good the worst of the best is."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np

from kato.matching import Candidates, SimilarSymbols, TokenMatcher, align, best
from kato.recall.bounds import LONGEST, least_overlaps
from kato.recall.condition import Condition
from kato.recall.contenders import Contest, contenders
from kato.recall.matchers import Matchers
from kato.recall.query import Query, Recalled, candidates_of
from kato.recall.reach import Reach
from kato.storage.clickhouse.signatures import Reaching
from kato.storage.ledger.journal import Sequences

_ROUNDING = 1e-9
"""Similarity is rounded by less than this: SQL may only drop what surely fails."""

_OVERLAPPING = """
arrayCount(s -> s IN {symbols:Array(UInt32)}, symbols) >= if(empty(event_ends),
    {single:Array(UInt32)}[least(length(symbols), {longest:UInt32})],
    {several:Array(UInt32)}[least(length(symbols), {longest:UInt32})])
"""


class Look:
    """One look at the patterns of a query, block by block.

    Args:
        query: The recall.

    Attributes:
        query: As it is answered: a memory of one symbol is never fuzzy.
        floor: A preliminary potential; what cannot reach it may be left out.
        floor_similarity: The least similarity of a pattern whose potential is just the floor.
        guess: The part of the floor that is a guess, potential and similarity; -inf if there is
            none.
    """

    def __init__(self, query: Query) -> None:
        self._several = len(query.observation) > 1
        self.query = query = query if self._several else _exact(query)
        self.floor = -np.inf
        self.floor_similarity = 0.0
        self.guess = (-np.inf, 0.0)
        self._matchers = Matchers(query)

    @property
    def is_filtered(self) -> bool:
        """Whether only what passes the session's filters is to be looked at."""
        return self._several and bool(self.query.config.filter_pipeline)

    @property
    def is_plain(self) -> bool:
        """Whether only bounds decide: whole symbols, no filters, a threshold."""
        config = self.query.config
        return (
            self._several
            and self.similar is None
            and config.use_token_matching
            and not self.is_filtered
            and config.recall_threshold > 0
        )

    @property
    def similar(self) -> SimilarSymbols | None:
        """What observed symbols may be taken for; None if not fuzzy."""
        return self._matchers.similar

    def condition(self) -> Condition:
        """What a match cannot do without; compiled code decides on what is left."""
        config, symbols = self.query.config, self._symbols()
        if not self._several:
            return Condition("symbols[1] IN {symbols:Array(UInt32)}", {"symbols": symbols})
        if config.recall_threshold == 0:
            return Condition("true")
        if not config.use_token_matching:
            return Condition("hasAny(symbols, {symbols:Array(UInt32)})", {"symbols": symbols})
        return Condition(
            _OVERLAPPING,
            {
                "symbols": symbols,
                "longest": LONGEST,
                "single": self.overlaps(LONGEST, single=True),
                "several": self.overlaps(LONGEST, single=False),
            },
        )

    def overlaps(self, longest: int, *, single: bool) -> list[int]:
        """The least overlap by length that meets the floor and the threshold, from 1 on.

        Args:
            longest: Greatest length to tell apart; its overlap is that of all longer ones too.
            single: For patterns whose events have one symbol each, or for all others.
        """
        observed = len(self.query.observation)
        floor = least_overlaps(self.floor - _ROUNDING, observed, longest, single=single)
        lengths = np.arange(1, longest + 1)
        least = self.query.config.recall_threshold - _ROUNDING
        similar = np.ceil(least * (observed + lengths) / 2)
        overlaps: list[int] = np.maximum(floor, similar).astype(int).tolist()
        return overlaps

    def reaching(self) -> Reaching:
        """The signatures of patterns that can reach the floor and the threshold."""
        return self._reach.above(self.floor, self.floor_similarity)

    @cached_property
    def _reach(self) -> Reach:
        return Reach(self.query.observation, self.query.config.recall_threshold)

    def raise_floor(self, found: Recalled) -> None:
        """Leave out from now on what is worse than all that were found, if they are enough.

        Of those that are as good the older stay, so all that are looked at later must be better.
        """
        potential, similarity = worst_of(self.query, found)
        self._raise((potential, float(np.nextafter(similarity, np.inf))))

    def guess_floor(self, guess: tuple[float, float]) -> None:
        """Leave out what is worse than the worst of the best probably is.

        Args:
            guess: Its potential and its similarity.
        """
        self.guess = max(self.guess, guess)
        self._raise(guess)

    def _raise(self, floor: tuple[float, float]) -> None:
        self.floor, self.floor_similarity = max((self.floor, self.floor_similarity), floor)

    def recalled(self, block: Sequences) -> Recalled:
        """The best of a block, less what cannot reach the floor."""
        block = block if self._several else self._beginning(block)
        candidates = candidates_of(block)
        query = self.query
        contest = Contest(query.config.recall_threshold, query.limit, self.floor)
        matcher = self._matchers.of(candidates)
        indices, alignment = contenders(query.observation, candidates, matcher, contest)
        return Recalled(candidates.take(indices), block.names[indices], alignment)

    def aligned(self, block: Sequences) -> Recalled:
        """All of a block, whether they match or not."""
        candidates = candidates_of(block)
        alignment = align(self.query.observation, candidates, self._matchers.of(candidates))
        return Recalled(candidates, block.names, alignment)

    def better(self, one: Recalled, other: Recalled) -> Recalled:
        """The best of both."""
        both = Recalled.join([one, other])
        return both.take(best(both.alignment, both.candidates, self.query.limit))

    def nothing(self) -> Recalled:
        """No patterns."""
        candidates = Candidates.empty()
        alignment = align(self.query.observation, candidates, TokenMatcher())
        return Recalled(candidates, np.zeros((0, 20), np.uint8), alignment)

    def _symbols(self) -> list[int]:
        if self.similar is None:
            return self.query.known_symbols
        similar: list[int] = np.unique(self.similar.ids).tolist()
        return similar

    def _beginning(self, block: Sequences) -> Sequences:
        """The patterns that begin with the one symbol that is observed (Q26)."""
        first = block.symbols[block.offsets[:-1]]
        return block.take(np.flatnonzero(first == self.query.observation.symbols[0]))


def _exact(query: Query) -> Query:
    """The query without fuzzy symbols: one symbol is recalled by that symbol alone (Q26)."""
    config = msgspec.structs.replace(query.config, fuzzy_token_threshold=0.0)
    return msgspec.structs.replace(query, config=config)


def worst(query: Query, found: Recalled) -> float:
    """The preliminary potential of the worst one, if there are as many as the ensemble holds."""
    return worst_of(query, found)[0]


def worst_of(query: Query, found: Recalled) -> tuple[float, float]:
    """The worst one's preliminary potential and similarity, as :func:`worst`."""
    if len(found.candidates) < query.limit:
        return -np.inf, 0.0
    preliminary, similarity = found.alignment.preliminary, found.alignment.similarity
    least = preliminary.min()
    return float(least), float(similarity[preliminary == least].min())
