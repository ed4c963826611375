"""Carries out a filter pipeline: what ClickHouse can evaluate there, the rest in the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kato.recall.condition import Condition
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.pipeline import Pipeline, stages_of
from kato.recall.filters.registered import filter_of
from kato.recall.filters.stage import Stage
from kato.recall.filters.statement import Statement
from kato.recall.query import Query, StageReport, candidates_of
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

MOST_NAMED = 10_000
"""Forgotten patterns that a statement may name one by one."""


class Executor:
    """The filters of one query, over its knowledge base.

    The leading stages that ClickHouse can evaluate are compiled into one statement. What they let
    through is in the process then, and so are the stages behind them: three filters over 1,000
    patterns take 0.1 ms there, and 15 ms as a statement that is sent their ids. If nobody asks for
    counts and no limit can be met, the order of the stages cannot be told, and ClickHouse gets all
    that it can evaluate.

    Args:
        query: The recall.
        tables: Where the patterns are.
        filter_of: Makes a filter by its name.

    Attributes:
        compiled: How many stages ClickHouse evaluates.
    """

    def __init__(
        self,
        query: Query,
        tables: PatternTables,
        filter_of: Callable[[str], PatternFilter] = filter_of,
    ) -> None:
        self._query = query
        stages = stages_of(query, filter_of)
        if _is_counted(query):
            conditions = self._leading(stages, tables)
            self.compiled = len(conditions)
            self._statement = Statement(query, tables, conditions, stages[: self.compiled])
        else:
            found = [self._condition(stage, tables) for stage in stages]
            exact = [condition is not None and condition.is_exact for condition in found]
            stages = [stages[at] for at in np.argsort(np.invert(exact), kind="stable")]
            self.compiled = sum(exact)
            self._statement = Statement(query, tables, [each for each in found if each is not None])
        self._pipeline = Pipeline(query, stages)

    def blocks(self, after: int, size: int) -> Iterator[Sequences]:
        """The patterns behind an id that pass every stage, by ascending id.

        Args:
            after: The id.
            size: Ids a block covers.
        """
        query, tail = self._query, self._query.tail
        for first in range(after + 1, query.first_of_tail, size):
            found = self._statement.block(first, min(first + size, query.first_of_tail))
            yield self._passed(found.without(tail.forgotten), behind=self.compiled)
        for part in tail.sequences:
            yield self._passed(part.without(tail.forgotten))

    @property
    def stages(self) -> list[StageReport]:
        """As :attr:`Pipeline.stages`."""
        return self._pipeline.stages

    @property
    def reports(self) -> list[StageReport]:
        """As :attr:`Pipeline.reports`; they are counted if the query is traced."""
        return self._pipeline.reports

    def _passed(self, found: Sequences, behind: int = 0) -> Sequences:
        keeps = self._pipeline.keeps(candidates_of(found), behind)
        return found if keeps.all() else found.take(np.flatnonzero(keeps))

    def _leading(self, stages: Sequence[Stage], tables: PatternTables) -> list[Condition]:
        """The conditions of the first stages, up to one that does not decide by itself."""
        leading: list[Condition] = []
        for stage in stages:
            condition = self._condition(stage, tables)
            if condition is None:
                break
            leading.append(condition)
            if not condition.is_exact:
                break
        return leading

    def _condition(self, stage: Stage, tables: PatternTables) -> Condition | None:
        if len(self._query.tail.forgotten) > MOST_NAMED:
            return None
        return stage.condition(self._query, tables)


def _is_counted(query: Query) -> bool:
    """Whether it can be told how many patterns reach a stage."""
    config = query.config
    asked = config.enable_filter_metrics or query.trace is not None
    return asked or query.last_pattern > config.max_candidates_per_stage
