"""``jaccard``: patterns that share enough of their symbols with the memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.condition import Condition, float_bits
from kato.recall.filters.overlap import overlap_of
from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables

# An alias in place of the repetition changes what a condition beside it means; the analyzer
# evaluates equal expressions once.
_SHARED = "arrayUniq(arrayFilter(s -> s IN {observed:Array(UInt32)}, symbols))"
_ENOUGH = f"""
{_SHARED} >= {{least:UInt64}} AND {_SHARED} / ({{size:UInt64}} + arrayUniq(symbols) - {_SHARED})
    >= reinterpretAsFloat64({{threshold:UInt64}})
"""


class JaccardFilter:
    """Keeps patterns by the distinct symbols they share with the memory, T∩P.

    ``|T∩P|`` must reach ``jaccard_min_overlap``, and ``|T∩P| / |T∪P|`` must reach
    ``jaccard_threshold`` (``spec/algorithms.md`` 5).

    >>> from kato.matching import Observation
    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> patterns = Candidates.of([(1, [[1], [2], [3]]), (2, [[1], [4]])])
    >>> JaccardFilter().keeps(query, patterns).tolist()
    [True, False]
    """

    name = "jaccard"

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns share enough symbols, in number and as a part of all."""
        overlap = overlap_of(query.observation, candidates)
        union = overlap.observed + overlap.distinct - overlap.shared
        enough: npt.NDArray[np.bool_] = overlap.shared >= query.config.jaccard_min_overlap
        return enough & (overlap.shared / union >= query.config.jaccard_threshold)

    def condition(self, query: Query, tables: PatternTables) -> Condition:  # noqa: ARG002
        """The same in SQL."""
        parameters = {
            "observed": query.known_symbols,
            "size": len(np.unique(query.observation.symbols)),
            "least": query.config.jaccard_min_overlap,
            "threshold": float_bits(query.config.jaccard_threshold),
        }
        return Condition(_ENOUGH, parameters, is_exact=True)
