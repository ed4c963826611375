"""A filter of another package: patterns that hold the last symbol that was observed.

A package registers its filters as entry points, as ``pyproject.toml`` beside this file does::

    [project.entry-points."kato.filters"]
    last_symbol = "last_symbol:LastSymbolFilter"

Where it is installed (``pip install examples/last_symbol``), every session may name it::

    kb.predict(events, filter_pipeline=["length", "last_symbol"])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall import Query
from kato.recall.condition import Condition
from kato.storage.clickhouse.patterns import PatternTables


class LastSymbolFilter:
    """Keeps patterns that hold the last symbol of the memory, wherever.

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> patterns = Candidates.of([(1, [[2], [3]]), (2, [[1], [3]])])
    >>> LastSymbolFilter().keeps(query, patterns).tolist()
    [True, False]
    """

    name = "last_symbol"

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns hold it: asked of those that are not in ClickHouse yet."""
        holds = candidates.symbols == query.observation.symbols[-1]
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(holds)])
        found: npt.NDArray[np.bool_] = np.diff(before[candidates.offsets]) > 0
        return found

    def condition(self, query: Query, tables: PatternTables) -> Condition | None:  # noqa: ARG002
        """The same in SQL, so that ClickHouse evaluates it with its neighbours in one statement.

        A filter may go without this method: then all of it is done in the process.
        """
        last = {"last": int(query.observation.symbols[-1])}
        return Condition("has(symbols, {last:UInt32})", last, is_exact=True)
