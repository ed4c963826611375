"""The filters of a session, one statement of ClickHouse for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np

from kato.recall.condition import Condition
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.pipeline import Pipeline, stages_of
from kato.recall.filters.registered import filter_of
from kato.recall.filters.stage import Stage
from kato.recall.query import Query, StageReport, candidates_of
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

MOST = 5000
"""Patterns whose ids a statement is sent."""

_RANGE = "id >= {first:UInt64} AND id < {end:UInt64}"


class StageByStage:
    """Reads all patterns, and asks one stage after the other which of them go on.

    Nothing is compiled together, and no stage is moved: each takes the session's place. A stage
    that ClickHouse can evaluate is asked there, with the ids of the patterns that reach it.

    Args:
        query: The recall.
        tables: Where the patterns are.
        filter_of: Makes a filter by its name.

    Attributes:
        compiled: 0, as no stages share a statement.
    """

    compiled = 0

    def __init__(
        self,
        query: Query,
        tables: PatternTables,
        filter_of: Callable[[str], PatternFilter] = filter_of,
    ) -> None:
        self._query = query
        self._tables = tables
        stages = stages_of(query, filter_of)
        self._stages = [(stage, stage.condition(query, tables)) for stage in stages]
        self._in_process = Pipeline(query, stages)

    def blocks(self, after: int, size: int) -> Iterator[Sequences]:
        """See :meth:`kato.recall.filters.execution.Execution.blocks`."""
        query, step = self._query, min(size, MOST)
        for first in range(after + 1, query.first_of_tail, step):
            bounds = {"first": first, "end": min(first + step, query.first_of_tail)}
            found = self._tables.where(query.kb, _RANGE, bounds).without(query.tail.forgotten)
            for stage, condition in self._stages:
                if len(found.ids):
                    found = self._passed(stage, condition, found)
            yield found
        for part in query.tail.sequences:
            shown = part.without(query.tail.forgotten)
            yield shown.take(np.flatnonzero(self._in_process.keeps(candidates_of(shown))))

    @property
    def stages(self) -> list[StageReport]:
        """As :attr:`kato.recall.filters.Pipeline.stages`."""
        return self._in_process.stages

    @property
    def reports(self) -> list[StageReport]:
        """As :attr:`kato.recall.filters.Pipeline.reports`."""
        return self._in_process.reports

    def _passed(self, stage: Stage, condition: Condition | None, found: Sequences) -> Sequences:
        if condition is None:
            return found.take(stage.passed(self._query, candidates_of(found)))
        started = perf_counter()
        meeting = self._meeting(stage, condition, found)
        going = stage.admit(len(found.ids), len(meeting.ids))
        stage.took((perf_counter() - started) * 1000)
        return meeting.take(np.arange(going))

    def _meeting(self, stage: Stage, condition: Condition, found: Sequences) -> Sequences:
        """Those that meet a condition, by a statement; looked at again where that is not exact."""
        asked = condition.renamed("stage_")
        meeting = self._tables.where(
            self._query.kb,
            f"id IN {{ids:Array(UInt64)}} AND ({asked.sql})",
            {"ids": found.ids.tolist(), **asked.parameters},
        )
        if condition.is_exact:
            return meeting
        return meeting.take(np.flatnonzero(stage.meets(self._query, candidates_of(meeting))))
