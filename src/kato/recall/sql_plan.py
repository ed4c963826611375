"""Recall by postings in ClickHouse: exact, without looking at every pattern.

A pattern is only as good as a floor if it shares enough symbols with the memory; how many depends
on its shape: its length, and whether its events have one symbol each. So it stands under one of the
rarest symbols of the memory: under one of so many that the others alone are too few. Where the
frequent symbols are needed too, their postings cost more than to scan the patterns, which is done
then.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import UNKNOWN
from kato.recall.look import Look
from kato.recall.query import Query, Recalled
from kato.recall.rounds import in_rounds
from kato.recall.sample import Sample, Samples, posting_keys
from kato.recall.scan import Scan
from kato.recall.trace import Tally, step
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.clickhouse.postings import LEAST, RANGE, Found, PostingTables, Wanted
from kato.storage.clickhouse.signatures import SHAPES
from kato.storage.ledger.journal import Sequences

WORTH = 0.4
"""Postings are read where there are at most so many of them for each pattern.

Measured over a million patterns: so many cost as much as to scan it.
"""

MOST_POSTINGS = 500_000
"""Postings that a statement answers; where there are more, it is asked for half of the ids."""

MOST_KEYS = 4096
"""Symbols and shapes that a statement names; where there are more, patterns are scanned."""

REFRESHED = 10.0
"""Seconds after which it is looked up again how far another process has built the postings."""

_LONG_PATTERNS = 1000
"""Patterns too long for postings that are read at once."""


class SqlPlan:
    """Recalls from the postings of a knowledge base, as far as these go.

    Args:
        tables: Where the patterns are.
        postings: Where the postings are.
        samples: Shared with other plans, if there are some.
    """

    name = "sql"

    def __init__(
        self, tables: PatternTables, postings: PostingTables, samples: Samples | None = None
    ) -> None:
        self._tables = tables
        self._postings = postings
        self._samples = samples or Samples(tables)
        self._scan = Scan(tables, self._samples)
        self._coverage = _Coverage(postings)

    def covered(self, query: Query) -> int:
        """The greatest id up to which this plan answers for all patterns; 0 if it does not.

        It answers for whole symbols, two or more, at a threshold, without filters.
        """
        config = query.config
        if config.fuzzy_token_threshold or not Look(query).is_plain:
            return 0
        last = query.first_of_tail - 1
        covered = min(self._coverage.of(query.kb, last), last)
        return covered if covered >= LEAST else 0

    def best(self, query: Query, covered: int) -> Recalled:
        """The best patterns with ids up to ``covered``, by ascending id."""

        def rest(look: Look, found: Recalled, sample: Sample) -> Recalled:
            return self._by_postings(look, found, sample, covered)

        return in_rounds(self._samples, Look(query), covered, rest)

    def advance(
        self, kb: int, until: int, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Build the postings further; what is built stays, however it ends.

        Args:
            kb: The knowledge base's number.
            until: An id up to which ClickHouse has every pattern.
            progress: Told what is covered, about twice a second.

        Raises:
            StoreUnavailable: ClickHouse fails.
        """

        def built(covered: int) -> None:
            self._coverage.note(kb, covered)
            progress(covered)

        self._coverage.note(kb, self._postings.extend(kb, until, built))

    def _by_postings(self, look: Look, found: Recalled, sample: Sample, covered: int) -> Recalled:
        share = postings_per_pattern(wanted_postings(look, sample), sample)
        if share > WORTH:
            return self._scan.further(look, found, sample.until, covered)
        look.raise_floor(found)
        step = max(1, int(MOST_POSTINGS / max(share, 0.01)))
        for after in range(sample.until, covered, step):
            found = self._read(look, found, sample, (after, min(after + step, covered)))
        return self._named(look.query, found)

    def _read(self, look: Look, found: Recalled, sample: Sample, ids: tuple[int, int]) -> Recalled:
        """The best, where ``found`` are those up to the first id; names of new ones are missing."""
        after, until = ids
        query, wanted = look.query, wanted_postings(look, sample)
        if not wanted.keys:
            return found
        with step(query.trace, "postings", until - after) as tally:
            part = self._postings.read(
                query.kb, wanted, ids, MOST_POSTINGS, hide=query.forgotten > 0
            )
            found = found if part is None else self._with(look, found, part, tally)
            tally.kept = len(found.candidates)
        if part is not None:
            return found
        if until - after == 1:
            return self._scan.further(look, found, after, until)
        middle = (after + until) // 2  # the sample told too little: ask for fewer
        found = self._read(look, found, sample, (after, middle))
        return self._read(look, found, sample, (middle, until))

    def _with(self, look: Look, found: Recalled, part: Found, tally: Tally) -> Recalled:
        query = look.query
        blocks = [part.sequences, *self._long_patterns(query, part.unread)]
        for block in tally.reading(blocks):
            found = look.better(found, look.recalled(block.without(query.tail.forgotten)))
            look.raise_floor(found)
        return found

    def _long_patterns(self, query: Query, ids: list[int]) -> Iterator[Sequences]:
        for first in range(0, len(ids), _LONG_PATTERNS):
            some = {"ids": ids[first : first + _LONG_PATTERNS]}
            yield self._tables.where(query.kb, "id IN {ids:Array(UInt64)}", some)

    def _named(self, query: Query, found: Recalled) -> Recalled:
        """With the names that are missing.

        A pattern that was forgotten and deleted meanwhile stays without; its counters are gone too.
        """
        nameless = np.flatnonzero(~found.names.any(axis=1))
        if not len(nameless):
            return found
        names = found.names.copy()
        names[nameless] = self._postings.names(query.kb, found.candidates.ids[nameless])
        return msgspec.structs.replace(found, names=names)


class _Coverage:
    """How far the postings of each knowledge base go, as far as this process knows."""

    def __init__(self, postings: PostingTables) -> None:
        self._postings = postings
        self._lock = threading.Lock()
        self._covered: dict[int, int] = {}
        self._asked: dict[int, float] = {}

    def of(self, kb: int, last: int) -> int:
        """The greatest id covered; asked again once in a while if there can be more."""
        with self._lock:
            covered = self._covered.get(kb, 0)
            asked, now = self._asked.get(kb, -np.inf), time.monotonic()
            if last < max(LEAST, covered + RANGE) or now < asked + REFRESHED:
                return covered
            self._asked[kb] = now
        self.note(kb, self._postings.covered(kb))
        return self._covered[kb]

    def note(self, kb: int, covered: int) -> None:
        """Remember it; postings never shrink."""
        with self._lock:
            self._covered[kb] = max(covered, self._covered.get(kb, 0))


def wanted_postings(look: Look, sample: Sample) -> Wanted:
    """The postings among which each pattern stands that can reach the look's floor.

    A pattern may share all symbols but the rarest ones; as soon as those that remain are fewer than
    it needs, it stands under one of the rarer.
    """
    symbols, times = _known(look.query)
    signatures = look.reaching()
    needs = signatures.needs[-1, :, -1]
    order = np.lexsort((-symbols.astype(np.int64), _counts(sample, symbols).sum(axis=1)))
    remaining = times[order][::-1].cumsum()[::-1]
    places, shapes = np.nonzero(needs <= remaining[:, np.newaxis])
    keys = zip(symbols[order][places].tolist(), (shapes + 1).tolist(), strict=True)
    return Wanted(list(keys), signatures)


def postings_per_pattern(wanted: Wanted, sample: Sample) -> float:
    """How many wanted postings there are for each pattern, as the sample shows."""
    if len(wanted.keys) > MOST_KEYS:
        return math.inf
    keys = np.array(wanted.keys, np.int64).reshape(-1, 2)
    postings = _occurrences(sample, posting_keys(keys[:, 0], keys[:, 1])).sum()
    return float(postings / max(sample.patterns, 1))


def _known(query: Query) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The distinct observed symbols that are known, and how often each was observed."""
    observed = query.observation.symbols
    return np.unique(observed[observed < UNKNOWN], return_counts=True)


def _counts(sample: Sample, symbols: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """int64[k, SHAPES], how often each symbol occurs in patterns of each shape."""
    shapes = np.arange(1, SHAPES + 1)
    keys = posting_keys(np.repeat(symbols, SHAPES), np.tile(shapes, len(symbols)))
    return _occurrences(sample, keys).reshape(-1, SHAPES)


def _occurrences(sample: Sample, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    known, counts = sample.postings
    if not len(known):
        return np.zeros(len(keys), np.int64)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, counts[places], 0)
