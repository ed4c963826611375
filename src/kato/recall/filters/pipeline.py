"""The filter pipeline of a session, evaluated in the process: its stages, in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.registered import filter_of
from kato.recall.filters.stage import Stage
from kato.recall.query import Query, StageReport


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
        stages: Its stages, if they are made already.

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

    def __init__(self, query: Query, stages: Sequence[Stage] | None = None) -> None:
        self._query = query
        self._stages = list(stages_of(query) if stages is None else stages)

    def keeps(self, candidates: Candidates, behind: int = 0) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates of a block pass every stage; no stage passes all.

        Args:
            candidates: The block.
            behind: How many stages it has passed already.
        """
        keeps = np.zeros(len(candidates), np.bool_)
        kept = np.arange(len(candidates))
        for stage in self._stages[behind:]:
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
        return self.reports if self._query.config.enable_filter_metrics else []

    @property
    def reports(self) -> list[StageReport]:
        """The same, whether the session asks for them or not."""
        reports = [stage.report for stage in self._stages]
        return [r for at, r in enumerate(reports) if at == 0 or r.candidates_before > 0]


def stages_of(query: Query, filter_of: Callable[[str], PatternFilter] = filter_of) -> list[Stage]:
    """The stages of a session's pipeline, which have done nothing yet.

    Args:
        query: The recall.
        filter_of: Makes a filter by its name.

    Raises:
        FilterFailed: A filter of another package cannot be loaded.
    """
    most = query.config.max_candidates_per_stage
    return [Stage(filter_of(name), most) for name in query.config.filter_pipeline]


def run_pipeline(query: Query, candidates: Candidates) -> Filtered:
    """Filter candidates that come in one block; see :class:`Pipeline` for several."""
    pipeline = Pipeline(query)
    return Filtered(pipeline.keeps(candidates), pipeline.stages)
