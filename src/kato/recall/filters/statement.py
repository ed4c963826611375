"""Adjacent filters as one statement of ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from kato.recall.condition import Condition, all_of
from kato.recall.filters.stage import Stage
from kato.recall.query import Query, candidates_of
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences


class Statement:
    """Conditions of stages that ClickHouse evaluates together, over the patterns it has.

    All of them stand in one ``WHERE``. Where their stages are to be counted, all but the last must
    be exact, and one more statement counts before. It needs no condition of the last stage, whose
    patterns are counted when they come.

    Args:
        query: The recall.
        tables: Where the patterns are.
        conditions: The conditions, or none: then it reads all patterns.
        stages: The stage of each condition; none if they need not be counted. Then what meets
            conditions that are not exact is not looked at again.
    """

    def __init__(
        self,
        query: Query,
        tables: PatternTables,
        conditions: Sequence[Condition],
        stages: Sequence[Stage] = (),
    ) -> None:
        self._query = query
        self._tables = tables
        self._conditions = [each.renamed(f"s{at}_") for at, each in enumerate(conditions)]
        self._stages = list(stages)

    def block(self, first: int, end: int) -> Sequences:
        """The patterns with ids from ``first`` to before ``end`` that pass."""
        if not self._stages:
            return self._read(first, end)
        started = perf_counter()
        found = self._passed(first, end)
        share = (perf_counter() - started) * 1000 / len(self._stages)
        for stage in self._stages:
            stage.took(share)
        return found

    def _passed(self, first: int, end: int) -> Sequences:
        looked_at, end = self._reaching_last(first, end)
        if not looked_at:
            return Sequences.none()
        last, found = self._stages[-1], self._read(first, end)
        if not self._conditions[-1].is_exact:
            found = found.take(np.flatnonzero(last.meets(self._query, candidates_of(found))))
        return found.take(np.arange(last.admit(looked_at, len(found.ids))))

    def _reaching_last(self, first: int, end: int) -> tuple[int, int]:
        """How many patterns reach the last stage, and before which id they lie."""
        counts = self._counts(first, end)
        for at, stage in enumerate(self._stages[:-1]):
            meeting = counts[at + 1]
            going = stage.admit(counts[at], meeting)
            if going < meeting:
                end = self._id_behind(first, end, stages=at + 1, skipped=going)
                counts = self._counts(first, end)
        return counts[-1], end

    def _counts(self, first: int, end: int) -> list[int]:
        """Patterns there are, and how many meet the first condition, two, ... all but the last."""
        where = self._range(first, end)
        leading = self._conditions[:-1]
        return self._tables.counts(
            self._query.kb,
            where.sql,
            [all_of(leading[: at + 1]).sql for at in range(len(leading))],
            {**where.parameters, **all_of(leading).parameters},
            hide=self._query.forgotten > 0,
        )

    def _id_behind(self, first: int, end: int, *, stages: int, skipped: int) -> int:
        """The id of the first pattern that meets these stages and does not go on."""
        where = all_of([self._range(first, end), *self._conditions[:stages]])
        hide = self._query.forgotten > 0
        found = self._tables.id_behind(
            self._query.kb, where.sql, where.parameters, skipped, hide=hide
        )
        return end if found is None else found  # forgotten since it was counted

    def _read(self, first: int, end: int) -> Sequences:
        where = all_of([self._range(first, end), *self._conditions])
        hide = self._query.forgotten > 0
        return self._tables.where(self._query.kb, where.sql, where.parameters, hide=hide)

    def _range(self, first: int, end: int) -> Condition:
        """Ids of ClickHouse's, less what was forgotten too lately for it to know."""
        forgotten = sorted(self._query.tail.forgotten)
        return Condition(
            "id >= {first:UInt64} AND id < {end:UInt64} AND id NOT IN {gone:Array(UInt64)}",
            {"first": first, "end": end, "gone": forgotten},
        )
