"""Which plan answers a recall."""

from __future__ import annotations

from kato.recall.index.plan import IndexPlan
from kato.recall.query import Query, Recalled
from kato.recall.scan import Scan


class Planner:
    """Recalls by the index, and by a scan what the index does not cover.

    Args:
        index: The index.
        scan: Looks at every pattern.
    """

    def __init__(self, index: IndexPlan, scan: Scan) -> None:
        self._index = index
        self._scan = scan

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id."""
        if query.config.filter_pipeline and len(query.observation) > 1:
            return self._scan.recall(query)
        found, covered, _ = self._index.best(query)
        if not covered:
            return self._scan.recall(query)
        if covered + 1 >= query.first_of_tail and not query.tail.sequences:
            return found
        return self._scan.extend(query, found, covered)
