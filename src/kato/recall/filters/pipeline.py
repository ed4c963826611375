"""The filter pipeline of a session: its stages, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from kato.matching import Candidates
from kato.recall.filters.bloom import BloomFilter
from kato.recall.filters.jaccard import JaccardFilter
from kato.recall.filters.length import LengthFilter
from kato.recall.filters.minhash import MinHashFilter
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.rapidfuzz import RapidfuzzFilter
from kato.recall.query import Query

FILTERS: Mapping[str, Callable[[], PatternFilter]] = {
    "length": LengthFilter,
    "jaccard": JaccardFilter,
    "minhash": MinHashFilter,
    "bloom": BloomFilter,
    "rapidfuzz": RapidfuzzFilter,
}
"""The filters by the name that stands in ``filter_pipeline``."""


class StageReport(msgspec.Struct, frozen=True):
    """What a stage did with the candidates of one recall.

    Attributes:
        filter: Its name.
        candidates_before: How many patterns it looked at.
        candidates_after: How many went on.
        candidates_cut: How many met its condition and did not go on, because
            ``max_candidates_per_stage`` had been reached.
        time_ms: Milliseconds.
    """

    filter: str
    candidates_before: int = 0
    candidates_after: int = 0
    candidates_cut: int = 0
    time_ms: float = 0.0


class Filtered(msgspec.Struct, frozen=True, eq=False):
    """What is left of one block of candidates, and how that came about.

    Attributes:
        keeps: bool[k], which candidates passed every stage.
        stages: A report for each stage that was reached.
    """

    keeps: npt.NDArray[np.bool_]
    stages: list[StageReport]


class Pipeline:
    """The filters of one query, over all its blocks of candidates.

    A stage sees what the stages before it let through. It lets at most
    ``max_candidates_per_stage`` patterns through, the ones of the smallest ids: give blocks by
    ascending ids, and the limit holds for all of them together. What fails in a stage fails the
    call.

    Args:
        query: The recall, and with it the session's configuration.

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> config = SessionConfig(filter_pipeline=("length", "bloom"))
    >>> query = Query(1, memory, config, TailView([], set(), {}, {}), 3, dict, dict)
    >>> pipeline = Pipeline(query)
    >>> pipeline.keeps(Candidates.of([(1, [[1], [2], [3]]), (2, [[4], [5]]), (3, [[1]] * 5)]))
    array([ True, False, False])
    >>> [(s.filter, s.candidates_before, s.candidates_after) for s in pipeline.stages]
    [('length', 3, 2), ('bloom', 2, 1)]
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._stages = [_Stage(FILTERS[name]()) for name in query.config.filter_pipeline]

    def keeps(self, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates of a block pass every stage; no stage passes all."""
        keeps = np.zeros(len(candidates), np.bool_)
        kept = np.arange(len(candidates))
        for stage in self._stages:
            passed = stage.passed(self._query, candidates)
            kept, candidates = kept[passed], candidates.take(passed)
            if not len(kept):
                break
        keeps[kept] = True
        return keeps

    @property
    def stages(self) -> list[StageReport]:
        """Sums over all blocks, for each stage that was reached.

        Empty if ``enable_filter_metrics`` is off.
        """
        if not self._query.config.enable_filter_metrics:
            return []
        reports = [stage.report for stage in self._stages]
        return [r for at, r in enumerate(reports) if at == 0 or r.candidates_before > 0]


def run_pipeline(query: Query, candidates: Candidates) -> Filtered:
    """Filter candidates that come in one block; see :class:`Pipeline` for several."""
    pipeline = Pipeline(query)
    return Filtered(pipeline.keeps(candidates), pipeline.stages)


class _Stage:
    """One filter and what it did so far."""

    def __init__(self, pattern_filter: PatternFilter) -> None:
        self._filter = pattern_filter
        self.report = StageReport(pattern_filter.name)

    def passed(self, query: Query, candidates: Candidates) -> npt.NDArray[np.int64]:
        """Indices, ascending, of the candidates that go on."""
        started = perf_counter()
        meeting = np.flatnonzero(self._filter.keeps(query, candidates))
        most = query.config.max_candidates_per_stage
        passed = meeting[: most - self.report.candidates_after]
        cut = len(meeting) - len(passed)
        self._warn(most, cut)
        before = self.report
        self.report = StageReport(
            before.filter,
            before.candidates_before + len(candidates),
            before.candidates_after + len(passed),
            before.candidates_cut + cut,
            before.time_ms + (perf_counter() - started) * 1000,
        )
        return passed

    def _warn(self, most: int, cut: int) -> None:
        if cut and not self.report.candidates_cut:
            structlog.get_logger(__name__).warning(
                "a filter met more patterns than it may let through, the newest are left out",
                filter=self._filter.name,
                max_candidates_per_stage=most,
                remedy="set the filters narrower, or max_candidates_per_stage higher",
            )
