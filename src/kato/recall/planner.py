"""Which plan answers a recall.

A plan answers for the patterns up to an id; what is newer is scanned, and what ClickHouse has not
got yet is in the journal's tail. So a plan may lag behind and the answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from kato.recall.background import Background
from kato.recall.index.plan import IndexPlan
from kato.recall.query import Query, Recalled
from kato.recall.scan import Scan
from kato.recall.sql_plan import SqlPlan
from kato.settings import RecallPlan

Plan = Literal["index", "sql", "scan"]


class Planner:
    """Recalls by the plan that is chosen or serves best.

    Args:
        index: Segments in the process.
        sql: Postings in ClickHouse.
        scan: Looks at every pattern.
        plan: The plan for all recalls; ``auto`` is the index, and the postings for knowledge bases
            that the index has no room for.
        build_postings: Builds the postings of a knowledge base up to an id.
    """

    def __init__(
        self,
        index: IndexPlan,
        sql: SqlPlan,
        scan: Scan,
        plan: RecallPlan,
        build_postings: Callable[[int, int], None],
    ) -> None:
        self._index = index
        self._sql = sql
        self._scan = scan
        self._plan = plan
        self._extend_postings = build_postings
        self._wanted: dict[int, int] = {}
        self.background = Background("kato-postings", self._build_postings)

    def recall(self, query: Query) -> Recalled:
        """The best patterns that match, by ascending id."""
        plan, why = self._choice(query)
        if plan == "index":
            found, covered, _ = self._index.best(query)
        elif plan == "sql" and (covered := self._sql.covered(query)):
            found = self._sql.best(query, covered)
        else:
            covered = 0
        if plan == "sql":
            self._want_postings(query)
        if query.trace is not None:
            query.trace.chosen(plan if covered else "scan", why if covered else _instead(plan, why))
        if not covered:
            return self._scan.recall(query)
        if covered + 1 >= query.first_of_tail and not query.tail.sequences:
            return found
        return self._scan.extend(query, found, covered)

    def _choice(self, query: Query) -> tuple[Plan, str]:
        """The plan and why."""
        if query.config.filter_pipeline and len(query.observation) > 1:
            return "scan", "the session names filters, which look at every pattern"
        if self._plan != "auto":
            return self._plan, f"the settings say {self._plan}"
        if self._index.fits(query):
            return "index", "the index has room for the knowledge base"
        return "sql", "the index has no room for the knowledge base"

    def close(self) -> None:
        """Stop the background."""
        self.background.close()

    def _want_postings(self, query: Query) -> None:
        self._wanted[query.kb] = max(self._wanted.get(query.kb, 0), query.first_of_tail - 1)
        self.background.ask(query.kb)

    def _build_postings(self, kb: int) -> None:
        self._extend_postings(kb, self._wanted[kb])


def _instead(plan: Plan, why: str) -> str:
    """Why every pattern is looked at, where a plan was chosen."""
    if plan == "index":
        return f"{why}, but covers none of its patterns yet"
    if plan == "sql":
        return f"{why}, and postings are not built or do not serve this memory"
    return why
