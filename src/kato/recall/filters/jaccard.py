"""``jaccard``: patterns that share enough of their symbols with the memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.filters.overlap import overlap_of
from kato.recall.query import Query


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
