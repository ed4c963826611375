"""The two stores of a memory with all that works on them: batches, counters, recall."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import structlog

from kato.errors import KatoError
from kato.memory.algorithms import Algorithms
from kato.memory.stores import Stores, store_of
from kato.recall.index.catalog import Catalog
from kato.recall.index.plan import IndexPlan
from kato.recall.planner import Planner
from kato.recall.sample import Samples
from kato.recall.scan import Scan
from kato.recall.sql_plan import SqlPlan
from kato.settings import Settings
from kato.storage.batches import Writer
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.ids import PatternIds
from kato.storage.clickhouse.migrations import migrate
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.clickhouse.postings import PostingTables
from kato.storage.embedded.machine import memory_bytes
from kato.storage.ledger.journal import Journal
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.sessions import Sessions
from kato.storage.ledger.undo import Undo


class Engines:
    """Both stores, running, until :meth:`close`.

    What a start brings up comes down again if a later step of it fails.

    Args:
        settings: Where the stores are, and how the journal is carried.
        path: Data directory of embedded stores, in place of all stores of the settings.

    Attributes:
        directory: The data directory, if a store is embedded.
        connection: The ledger.
        limits: When the ledger refuses changes.
        counters: The ledger's counters.
        undo: What the ledger can give back.
        sessions: The ledger's sessions.
        journal: The ledger's journal.
        tables: ClickHouse's tables.
        ids: ClickHouse's ids.
        catalog: The segments of the recall index.
        algorithms: Those the settings choose.
        planner: Recalls by the plan that serves best.
        recall: Recalls; the planner, if not every pattern is to be looked at.
        writer: Carries the journal to ClickHouse.

    Raises:
        StoreInUse: Another process owns the data directory.
        StoreUnavailable: A store does not start or answer.
        StoreUnreadable: The stores do not belong together, or are half restored.
        StoreTooNew: A newer release wrote one of them.
    """

    def __init__(self, settings: Settings, path: Path | None) -> None:
        self.algorithms = Algorithms(settings.plain)
        with ExitStack() as started:
            stores = started.enter_context(Stores(settings, path))
            stores.check_whole()
            settings, self.directory = stores.settings, stores.directory
            self.connection, self._clickhouse = stores.connection, stores.clickhouse
            migrate(self._clickhouse)
            store = store_of(self.connection, self._clickhouse)
            self.limits = limits_of(settings)
            self.counters = self.algorithms.counters(self.connection, self.limits)
            self.undo = Undo(self.connection, self.limits)
            self.sessions = Sessions(self.connection)
            self.journal = Journal(self.connection)
            self.tables = PatternTables(self._clickhouse)
            self.ids = PatternIds(self._clickhouse)
            builder = self._clickhouse.another()  # recall must not wait for what is built
            started.callback(builder.close)
            self.catalog = self._catalog(settings, store, builder, started)
            self.planner = self._planner(settings, builder, started)
            self.recall = self.algorithms.recall(self.planner, self.tables)
            self.writer = self._writer(settings, started)
            self._started = started.pop_all()

    def clickhouse(self) -> ClickHouse:
        """Another connection to ClickHouse; the caller closes it, before the stores."""
        return self._clickhouse.another()

    def flush(self) -> None:
        """Carry all that the journal holds to ClickHouse."""
        self.writer.flush()

    def close(self) -> None:
        """Stop both stores. What ClickHouse could not take stays in the journal."""
        self._started.close()

    def _catalog(
        self, settings: Settings, store: str, clickhouse: ClickHouse, started: ExitStack
    ) -> Catalog:
        home = self.directory.path if self.directory is not None else settings.cache_dir
        catalog = Catalog(
            PatternTables(clickhouse),
            PatternIds(clickhouse),
            home / "recall" / store,
            settings.recall_memory_mb << 20,
        )
        started.callback(catalog.close)
        return catalog

    def _planner(self, settings: Settings, clickhouse: ClickHouse, started: ExitStack) -> Planner:
        samples = Samples(self.tables)
        postings = PostingTables(self._clickhouse)
        planner = Planner(
            IndexPlan(self.catalog),
            SqlPlan(self.tables, postings, samples),
            Scan(self.tables, samples, self.algorithms.filtering),
            settings.recall_plan,
            SqlPlan(PatternTables(clickhouse), PostingTables(clickhouse)).advance,
        )
        started.callback(planner.close)
        return planner

    def _writer(self, settings: Settings, started: ExitStack) -> Writer:
        clickhouse = self._clickhouse.another()  # reads must not wait for inserts
        started.callback(clickhouse.close)
        sink = PatternSink(clickhouse)

        def upkeep() -> None:
            sink.purge(self.undo.settle())
            self.sessions.tidy()
            while self.counters.drop_some():
                pass

        interval, rows = settings.flush_interval_ms / 1000, self.algorithms.batch_rows
        writer = Writer(self.journal, sink, interval, upkeep, rows)
        started.callback(_flush_at_the_end, writer)
        started.callback(writer.close)
        writer.start()
        return writer


def limits_of(settings: Settings) -> Limits:
    """The bounds of the ledger.

    An embedded one may take half of the machine's memory: the other half is for ClickHouse and
    the recall index.
    """
    memory = settings.ledger_memory_mb
    if memory is None:
        embedded = settings.redis_url is None
        memory = memory_bytes() >> 21 if embedded else 0
    return Limits(settings.journal_limit_mb << 20, memory << 20, settings.undo_seconds * 1000)


def _flush_at_the_end(writer: Writer) -> None:
    """Leave no journal behind; but what is left is safe there, so closing does not fail for it."""
    try:
        writer.flush()
    except KatoError as error:
        structlog.get_logger().warning("journal kept for the next start", reason=str(error))
