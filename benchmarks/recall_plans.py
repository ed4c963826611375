"""A knowledge base that recalls by one plan, and what each recall took.

``exhaustive`` is no plan of KATO: it aligns every pattern, held in memory, and keeps the best. It
is what every plan must equal, and the native scan they are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from kato.matching import TokenMatcher, align, best, qualifies
from kato.memory import KnowledgeBase
from kato.memory.engines import Engines
from kato.memory.predicting import Predictor
from kato.recall import Query, Recall, Recalled
from kato.recall.index.find import Work
from kato.recall.index.plan import IndexPlan
from kato.recall.planner import Planner
from kato.recall.query import candidates_of
from kato.recall.sample import Samples
from kato.recall.scan import Scan
from kato.recall.sql_plan import SqlPlan
from kato.settings import RecallPlan, Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.clickhouse.postings import Found, PostingTables, Wanted
from kato.storage.ledger.journal import Sequences
from kato.storage.ledger.tail import Tail

NAME = "default"
"""Of the knowledge base that is measured."""

EXACT: tuple[RecallPlan, ...] = ("index", "sql", "scan")
PLANS = (*EXACT, "exhaustive", "minhash")

MINHASH: dict[str, Any] = {
    "filter_pipeline": ["minhash"],
    "minhash_threshold": 0.0,
    "max_candidates_per_stage": 10_000_000,
}
"""All that share a band: the most that the filter can find."""

BLOCK = 250_000
"""Patterns that are aligned at a time."""


class Subject(NamedTuple):
    """A knowledge base under measurement.

    Attributes:
        kb: It recalls by one plan.
        config: Of every prediction.
        taken: What the recalls since the last call took, counted.
    """

    kb: KnowledgeBase
    config: dict[str, Any]
    taken: Callable[[], dict[str, int]]


def opened(data: Path, started: ExitStack) -> Engines:
    """The stores of a data directory, until the stack closes."""
    engines = Engines(Settings.from_environment(), data)
    started.callback(engines.close)
    return engines


def knowledge_base(engines: Engines, recall: Recall | None = None) -> KnowledgeBase:
    """The knowledge base, with a recall in place of the planner that the settings ask for."""
    tables = engines.tables
    recall = recall or engines.planner
    predictor = Predictor(engines.counters, Tail(), recall, tables, engines.writer.step)
    return KnowledgeBase(NAME, engines, predictor)


def subject(engines: Engines, plan: str, started: ExitStack) -> Subject:
    """The knowledge base, recalling by one of :data:`PLANS`."""
    if plan == "exhaustive":
        exhaustive = Exhaustive(engines.tables)
        return Subject(knowledge_base(engines, exhaustive), {}, exhaustive.taken)
    index, statements = WatchedIndex(engines), Statements()
    clickhouse = watched(engines, statements)
    started.callback(clickhouse.close)
    tables = WatchedPatterns(clickhouse, statements)
    samples = Samples(tables)
    sql = SqlPlan(tables, WatchedPostings(clickhouse, statements), samples)
    chosen: RecallPlan = "scan" if plan == "minhash" else _exact(plan)
    planner = Planner(index, sql, Scan(tables, samples), chosen, lambda _kb, _until: None)
    started.callback(planner.close)
    kb = knowledge_base(engines, planner)
    if plan == "minhash":
        return Subject(kb, MINHASH, dict)
    return Subject(kb, {}, index.taken if plan == "index" else statements.taken)


def _exact(name: str) -> RecallPlan:
    return next(plan for plan in EXACT if plan == name)


class WatchedIndex(IndexPlan):
    """The recall index; remembers the work of the last recall."""

    def __init__(self, engines: Engines) -> None:
        super().__init__(engines.catalog)
        self._taken: dict[str, int] = {}

    def best(self, query: Query) -> tuple[Recalled, int, Work]:
        """As the index answers."""
        answer = super().best(query)
        self._taken = {
            **msgspec.structs.asdict(answer[2]),
            "uncovered": max(0, query.last_pattern - answer[1]),
        }
        return answer

    def taken(self) -> dict[str, int]:
        """The counts of :class:`~kato.recall.index.find.Work`, and ids the index did not cover."""
        return self._taken


class Statements:
    """Counts statements, patterns they answered, and rounds of looking behind the sample.

    A round asks for ranges of ids that ascend. One that begins again where the last one did, not
    cut short, is another round.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._last = (-1, -1)
        self.taken()

    def asked(self) -> None:
        """A statement was sent."""
        self._counts["statements"] += 1

    def of_postings(self) -> None:
        """The statement was about postings."""
        self._counts["of postings"] += 1

    def answered(self, ids: tuple[int, int], patterns: int) -> None:
        """Patterns came for a statement about ids behind the first and up to the second."""
        after, until = ids
        before, end = self._last
        again = after < before or (after == before and until >= end)
        self._counts["rounds"] += again or before < 0
        self._last = ids
        self._counts["answered"] += patterns

    def taken(self) -> dict[str, int]:
        """The counts since the last call."""
        counts, self._last = self._counts, (-1, -1)
        self._counts = {"statements": 0, "of postings": 0, "rounds": 0, "answered": 0}
        return counts


def watched(engines: Engines, statements: Statements) -> WatchedClickHouse:
    """A connection of its own to the embedded ClickHouse, whose statements are counted.

    Raises:
        ValueError: The stores are not embedded.
    """
    if engines.directory is None:
        raise ValueError("only embedded stores are measured")
    clickhouse = WatchedClickHouse.embedded(engines.directory.clickhouse)
    clickhouse.statements = statements
    return clickhouse


class WatchedClickHouse(ClickHouse):
    """Counts what it is asked."""

    statements = Statements()

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """As ClickHouse answers."""
        self.statements.asked()
        return super().rows(statement, parameters)

    def native(self, statement: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """As ClickHouse answers."""
        self.statements.asked()
        return super().native(statement, parameters)


class WatchedPatterns(PatternTables):
    """Counts the patterns that a scan is answered."""

    def __init__(self, clickhouse: ClickHouse, statements: Statements) -> None:
        super().__init__(clickhouse)
        self._statements = statements

    def where(
        self, kb: int, condition: str, parameters: Mapping[str, Any], *, hide: bool = True
    ) -> Sequences:
        """As the table answers."""
        found = super().where(kb, condition, parameters, hide=hide)
        if "first" in parameters and "last" in parameters:
            ids = (parameters["first"] - 1, parameters["last"])
            self._statements.answered(ids, len(found.ids))
        return found


class WatchedPostings(PostingTables):
    """Counts the patterns that postings answer."""

    def __init__(self, clickhouse: ClickHouse, statements: Statements) -> None:
        super().__init__(clickhouse)
        self._statements = statements

    def read(
        self, kb: int, wanted: Wanted, ids: tuple[int, int], limit: int, *, hide: bool
    ) -> Found | None:
        """As the table answers."""
        found = super().read(kb, wanted, ids, limit, hide=hide)
        self._statements.of_postings()
        self._statements.answered(ids, 0 if found is None else len(found.sequences.ids))
        return found


class Exhaustive:
    """Recalls by aligning every pattern, block by block, in one thread.

    The patterns are read once, with the first recall, so it is for a knowledge base that rests.

    Args:
        tables: Where the patterns are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables
        self._blocks: list[Sequences] = []
        self._aligned = 0

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id (``spec/algorithms.md`` 7.3).

        Raises:
            ValueError: Not everything is in ClickHouse.
        """
        if query.first_of_tail <= query.last_pattern:
            raise ValueError("flush the memory first: some patterns are in the journal only")
        self._blocks = self._blocks or list(self._read(query))
        self._aligned = sum(len(block.ids) for block in self._blocks)
        found = Recalled.join([_best(query, block) for block in self._blocks])
        return found.take(best(found.alignment, found.candidates, query.limit))

    def taken(self) -> dict[str, int]:
        """How many patterns the last recall aligned."""
        return {"aligned": self._aligned}

    def _read(self, query: Query) -> Iterator[Sequences]:
        condition = "id >= {first:UInt64} AND id <= {last:UInt64}"
        for first in range(1, query.last_pattern + 1, BLOCK):
            ids = {"first": first, "last": first + BLOCK - 1}
            yield self._tables.where(query.kb, condition, ids)


def _best(query: Query, block: Sequences) -> Recalled:
    candidates, observation = candidates_of(block), query.observation
    alignment = align(observation, candidates, TokenMatcher())
    if len(observation) > 1:
        matches = qualifies(alignment, query.config.recall_threshold)
    else:  # of one symbol: whatever begins with it (Q26)
        matches = block.symbols[block.offsets[:-1]] == observation.symbols[0]
    rows = np.flatnonzero(matches)
    rows = rows[best(alignment.take(rows), candidates.take(rows), query.limit)]
    return Recalled(candidates.take(rows), block.names[rows], alignment.take(rows))
