"""How the filters of a session are carried out, whatever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from kato.recall.query import Query, StageReport
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences


class Execution(Protocol):
    """The filters of one query, over its knowledge base."""

    @property
    def compiled(self) -> int:
        """How many of the first stages ClickHouse evaluates together."""

    @property
    def stages(self) -> list[StageReport]:
        """What each stage did, if the session asks for it."""

    @property
    def reports(self) -> Sequence[StageReport]:
        """What each stage did, as far as it was counted."""

    def blocks(self, after: int, size: int) -> Iterator[Sequences]:
        """The patterns behind an id that pass every stage, by ascending id, ``size`` ids a block.

        What was forgotten is not among them; the journal's tail is.
        """


Filtering = Callable[[Query, PatternTables], Execution]
"""Begins to carry out the filters of a query."""
