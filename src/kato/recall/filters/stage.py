"""One stage of a pipeline: a filter, its limit, and what it did so far."""

from __future__ import annotations

from time import perf_counter

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from kato.errors import FilterFailed
from kato.matching import Candidates
from kato.recall.condition import Condition
from kato.recall.filters.pattern_filter import PatternFilter, SqlFilter
from kato.recall.query import Query, StageReport
from kato.storage.clickhouse.patterns import PatternTables


class Stage:
    """A filter that lets at most so many patterns through, and counts.

    Args:
        pattern_filter: The filter.
        most: How many patterns it lets through in one recall.

    Attributes:
        report: What it did so far.
    """

    def __init__(self, pattern_filter: PatternFilter, most: int) -> None:
        self._filter = pattern_filter
        self._most = most
        self.report = StageReport(pattern_filter.name)

    def condition(self, query: Query, tables: PatternTables) -> Condition | None:
        """What ClickHouse can evaluate of it."""
        if isinstance(self._filter, SqlFilter):
            return self._filter.condition(query, tables)
        return None

    def passed(self, query: Query, candidates: Candidates) -> npt.NDArray[np.int64]:
        """Indices, ascending, of the candidates that go on."""
        started = perf_counter()
        meeting = np.flatnonzero(self.meets(query, candidates))
        passed = meeting[: self.admit(len(candidates), len(meeting))]
        self.took((perf_counter() - started) * 1000)
        return passed

    def meets(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates meet the filter's condition.

        Raises:
            FilterFailed: The filter answers something else.
        """
        keeps = np.asarray(self._filter.keeps(query, candidates))
        if keeps.dtype != np.bool_ or keeps.shape != (len(candidates),):
            raise FilterFailed(
                f"the filter {self._filter.name!r} answered {keeps.dtype}{list(keeps.shape)} "
                f"for {len(candidates)} candidates",
                remedy="its keeps must answer one bool for each candidate",
            )
        return keeps

    def admit(self, looked_at: int, meeting: int) -> int:
        """Count a block of patterns; answers how many of those that meet the condition go on.

        Args:
            looked_at: Patterns of the block, of ids behind all that were counted before.
            meeting: How many of them meet the condition.
        """
        before = self.report
        going = min(meeting, self._most - before.candidates_after)
        self._warn(meeting - going)
        self.report = StageReport(
            before.filter,
            before.candidates_before + looked_at,
            before.candidates_after + going,
            before.candidates_cut + meeting - going,
            before.time_ms,
        )
        return going

    def took(self, milliseconds: float) -> None:
        """Add to its time."""
        time = self.report.time_ms + milliseconds
        self.report = msgspec.structs.replace(self.report, time_ms=time)

    def _warn(self, cut: int) -> None:
        if cut and not self.report.candidates_cut:
            structlog.get_logger(__name__).warning(
                "a filter met more patterns than it may let through, the newest are left out",
                filter=self._filter.name,
                max_candidates_per_stage=self._most,
                remedy="set the filters narrower, or max_candidates_per_stage higher",
            )
