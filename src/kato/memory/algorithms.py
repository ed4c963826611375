"""Which algorithms do the work: the fast ones, or plain ones in their place.

The one place that knows what ``KATO_PLAIN`` names; all others are given what is chosen here.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from kato.memory.bulk import BulkLearner, SingleLearner
from kato.metrics import COMPILED, Arithmetic
from kato.plain.comparison import compare
from kato.plain.filters import plain_filter_of
from kato.plain.measures import measure
from kato.plain.reads import SingleReads
from kato.plain.scan import PlainScan
from kato.plain.stages import StageByStage
from kato.recall import Recall
from kato.recall.filters import Executor, filter_of
from kato.recall.filters.execution import Filtering
from kato.settings import PlainPart
from kato.storage.batches import BATCH_ROWS
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.connection import Connection
from kato.storage.ledger.counters import Counters
from kato.storage.ledger.pipeline import Pipeline


class Algorithms:
    """The algorithms of one memory.

    Args:
        plain: What is done plainly. The kernels take recall with them, as the index and the bounds
            of all plans are compiled.

    Attributes:
        arithmetic: Computes the numbers of predictions.
        filtering: Carries out the filters of a session.
        counters: Reads the ledger.
        learner: Learns many sequences.
        batch_rows: Most rows of a batch from the journal to ClickHouse.

    >>> Algorithms([]).batch_rows, Algorithms(["batches"]).batch_rows
    (50000, 1)
    """

    def __init__(self, plain: Collection[PlainPart]) -> None:
        compiled, together = "kernels" not in plain, "batches" not in plain
        self._compiled, self._together = compiled, together
        self._recalls_plainly = not compiled or "recall" in plain
        self.arithmetic = COMPILED if compiled else Arithmetic(measure, compare)
        execution = StageByStage if "filters" in plain else Executor
        self.filtering: Filtering = partial(
            execution, filter_of=filter_of if compiled else plain_filter_of
        )
        self.batch_rows = BATCH_ROWS if together else 1
        self.counters: type[Counters] = Counters if together else SingleReads
        self.learner: type[BulkLearner] = BulkLearner if together else SingleLearner

    def prepare(self) -> None:
        """Compile the kernels, if they are used; else the first to predict waits for it."""
        if self._compiled:
            # Not above: as a program, that module must not be loaded by its own package.
            from kato.memory.kernels import compile_kernels  # noqa: PLC0415

            compile_kernels()

    def recall(self, planner: Recall, tables: PatternTables) -> Recall:
        """What recalls: the planner, or the plain scan."""
        return PlainScan(tables, self.filtering) if self._recalls_plainly else planner

    def pipeline(self, connection: Connection) -> Pipeline | None:
        """What asks the ledger many things at once; None if they are to go one by one."""
        return Pipeline(connection) if self._together else None
