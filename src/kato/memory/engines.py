"""Start the two stores, check that they belong together, and keep batches going between them."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path

import msgspec
import structlog

from kato.errors import KatoError, StoreUnreadable
from kato.memory.algorithms import Algorithms
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
from kato.storage.embedded.directory import DataDirectory
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import SHARD, Connection
from kato.storage.ledger.journal import Journal
from kato.storage.ledger.sessions import Sessions


class Engines:
    """Both stores, running, until :meth:`close`.

    What a start brings up comes down again if a later step of it fails.

    Args:
        settings: Where the stores are, and how the journal is carried.
        path: Data directory of embedded stores, in place of all stores of the settings.

    Attributes:
        directory: The data directory, if a store is embedded.
        counters: The ledger's counters.
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
        StoreUnreadable: The stores do not belong together.
        StoreTooNew: A newer release wrote one of them.
    """

    def __init__(self, settings: Settings, path: Path | None) -> None:
        if path is not None:
            settings = msgspec.structs.replace(
                settings, data_dir=path, clickhouse_url=None, redis_url=None
            )
        self.algorithms = Algorithms(settings.plain)
        with ExitStack() as started:
            self.directory = self._directory(settings, started)
            self.connection = self._ledger(settings, started)
            self._clickhouse = self._patterns(settings, started)
            migrate(self._clickhouse)
            store = _store_of(self.connection, self._clickhouse)
            self.counters = self.algorithms.counters(
                self.connection, settings.journal_limit_mb << 20
            )
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

    def _directory(self, settings: Settings, started: ExitStack) -> DataDirectory | None:
        if settings.clickhouse_url and settings.redis_url:
            return None
        return started.enter_context(DataDirectory(settings.data_dir))

    def _ledger(self, settings: Settings, started: ExitStack) -> Connection:
        if settings.redis_url:
            connection = Connection.to_url(settings.redis_url)
        else:
            assert self.directory is not None  # noqa: S101 - for the type checker
            server = EmbeddedValkey(self.directory.ledger)
            started.callback(server.stop)
            connection = Connection.to_socket(server.socket, server.reason_of_death)
        started.callback(connection.close)
        return connection

    def _patterns(self, settings: Settings, started: ExitStack) -> ClickHouse:
        if settings.clickhouse_url:
            clickhouse = ClickHouse.at(settings.clickhouse_url)
        else:
            assert self.directory is not None  # noqa: S101 - for the type checker
            clickhouse = ClickHouse.embedded(self.directory.clickhouse)
        started.callback(clickhouse.close)
        return clickhouse

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
            sink.purge(self.journal.done_until())
            while self.counters.drop_some():
                pass

        interval, rows = settings.flush_interval_ms / 1000, self.algorithms.batch_rows
        writer = Writer(self.journal, sink, interval, upkeep, rows)
        started.callback(_flush_at_the_end, writer)
        started.callback(writer.close)
        writer.start()
        return writer


def _flush_at_the_end(writer: Writer) -> None:
    """Leave no journal behind; but what is left is safe there, so closing does not fail for it."""
    try:
        writer.flush()
    except KatoError as error:
        structlog.get_logger().warning("journal kept for the next start", reason=str(error))


def _store_of(connection: Connection, clickhouse: ClickHouse) -> str:
    """The random id, given at the first start, that both stores carry: they belong together.

    The ledger takes it first and only once, so workers that start together agree; a start that was
    cut off before ClickHouse had it is begun again.
    """
    rows = clickhouse.rows("SELECT id FROM store LIMIT 1")
    in_ledger = connection.command("GET", f"{SHARD}:store")
    if rows and in_ledger is None:
        _refuse_if_filled(clickhouse)
    if not rows and in_ledger is not None and Journal(connection).done_until():
        raise StoreUnreadable(
            "the ledger has a history, but ClickHouse is empty",
            remedy="restore both stores from one backup",
        )
    connection.command("SET", f"{SHARD}:store", rows[0][0] if rows else secrets.token_hex(16), "NX")
    store: str = connection.command("GET", f"{SHARD}:store").decode()
    if not rows:
        clickhouse.command("INSERT INTO store (id) VALUES ({id:String})", {"id": store})
    elif rows[0][0] != store:
        raise StoreUnreadable(
            "the ledger and ClickHouse belong to different memories",
            remedy="point KATO_REDIS_URL and KATO_CLICKHOUSE_URL to stores of one memory",
        )
    return store


def _refuse_if_filled(clickhouse: ClickHouse) -> None:
    patterns = clickhouse.rows("SELECT count() FROM patterns")[0][0]
    if patterns:
        raise StoreUnreadable(
            f"the ledger is empty, but ClickHouse holds {patterns} patterns",
            remedy="restore the ledger from a backup",
        )
