"""A filter: one condition on which patterns are looked at."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.condition import Condition
from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables


@runtime_checkable
class PatternFilter(Protocol):
    """One stage of a filter pipeline; it knows nothing of its neighbours.

    One is made for every recall.

    Attributes:
        name: As it is written in ``filter_pipeline``.
    """

    name: str

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates go on."""


@runtime_checkable
class SqlFilter(PatternFilter, Protocol):
    """A filter that ClickHouse can evaluate too, among its neighbours, in one statement."""

    def condition(self, query: Query, tables: PatternTables) -> Condition | None:
        """What it asks of a pattern, the same as :meth:`keeps` if it is exact.

        None if this query is better evaluated in the process. Asked once a recall.
        """
