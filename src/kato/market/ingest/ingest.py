"""Ingest: carries the log to the layers, seals candles, and takes away what is old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import msgspec
import structlog

from kato.errors import KatoError
from kato.market.answers import MOST_ROWS, Range
from kato.market.ingest.intents import Intents
from kato.market.ingest.log import BatchLog
from kato.market.ingest.report import Report
from kato.market.ingest.seen import Seen
from kato.market.ingest.sink import LayerSink
from kato.market.layers.migrations import migrate
from kato.market.layers.retention import Retention, drop_old
from kato.market.layers.rows import Reading
from kato.market.layers.sealing import LATENESS, RECENT, Sealed, Sealer
from kato.market.log.records import LogReader
from kato.market.market import Market
from kato.market.measures import PROCESS, IngestMeasures, MarketMeasures
from kato.market.timeframes import TIMEFRAMES
from kato.storage.batches import Writer
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.connection import Connection

GROUP = "market"
"""What its measures are called."""

COMPARE_SECONDS = 60.0
"""How often live candles are compared with sealed ones."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """When ingest does what.

    Attributes:
        interval: Seconds a record may wait for its batch.
        lateness: Seconds a trade may come late without a candle being sealed twice.
        sealing: Seconds from one turn of sealing to the next.
        full: Seconds from one look at all that could be sealed, and be taken away, to the next.
        now: Tells the time of trades, ns since 1970.
    """

    interval: float = 0.05
    lateness: float = LATENESS
    sealing: float = 5.0
    full: float = 3600.0
    now: Callable[[], int] = time.time_ns


class Ingest:
    """Threads that run from :meth:`start` until :meth:`close`.

    One writes batches, the other seals, each over a connection of its own. What fails is tried
    again; :attr:`failure` says what failed last until it succeeds.

    Args:
        clickhouse: Where the layers are; its tables are made. Not closed.
        ledger: Where batches are claimed. Not closed.
        reader: The log. Not closed.
        reading: Knows what records mean.
        pace: When it does what.
        measures: Where it tells what it counts.

    Attributes:
        report: What it did.
        sealed: The newest turn of sealing that found something; None if there was none yet.
        writer: Carries the batches.
        retention: How long layers are kept.

    Raises:
        StoreTooNew: A newer release made the tables.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the last two have their defaults
        self,
        clickhouse: ClickHouse,
        ledger: Connection,
        reader: LogReader,
        reading: Reading,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        measures: MarketMeasures = PROCESS,
    ) -> None:
        migrate(clickhouse)
        with ExitStack() as opened:
            inserting, self._sealing = clickhouse.another(), clickhouse.another()
            self._dropping = inserting
            opened.callback(inserting.close)
            opened.callback(self._sealing.close)
            self._opened = opened.pop_all()
        self._pace = pace
        self._log = BatchLog(reader, Intents.of(ledger, reader), reading, Seen(inserting))
        self._sealer = Sealer(self._sealing, pace.lateness)
        self._counted = IngestMeasures(self._log.report)
        measures.ingest.put(GROUP, self._counted)
        self._differences = measures.differences
        self._compared_at = 0.0
        self._stopping = threading.Event()
        self._seal_failure: Exception | None = None
        self._full_at = 0.0
        self._may_drop = threading.Event()
        self.retention = Retention()
        self.sealed: Sealed | None = None
        sink = LayerSink(inserting, self.report.inserting)
        self.writer = Writer(self._log, sink, pace.interval, self._drop)
        self._thread = threading.Thread(target=self._seal_on, name="kato-sealing", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def report(self) -> Report:
        """What it did since it began."""
        return self._log.report

    @property
    def failure(self) -> Exception | None:
        """The last error, until what failed succeeds."""
        return self.writer.failure or self._seal_failure

    def waiting(self) -> int:
        """How many records waited in the log when it was looked last, some seconds ago."""
        return self._log.waiting()

    def start(self) -> None:
        """Begin."""
        self.writer.start()
        self._thread.start()

    def flush(self) -> None:
        """Carry all that waits, now, in the caller's thread.

        Raises:
            KatoError: A store fails, or a batch cannot be made.
        """
        self.writer.flush()

    def close(self) -> None:
        """Stop; what still waits stays in the log."""
        self._stopping.set()
        self.writer.close()
        if self._thread.is_alive():
            self._thread.join()
        self._opened.close()

    def _seal_on(self) -> None:
        while not self._stopping.wait(self._pace.sealing):
            try:
                self._turn()
                self._seal_failure = None
            except KatoError as error:
                self._seal_failure = error
                structlog.get_logger().warning("candles not sealed", reason=repr(error))

    def _turn(self) -> None:
        full = time.monotonic() >= self._full_at
        try:
            sealed = self._sealer.seal(
                self._pace.now(), since=self.report.take_oldest(), everything=full
            )
        except KatoError:
            self._full_at = 0.0  # what came late is found by looking at all
            raise
        if sealed.windows:
            self.sealed = sealed
        self._counted.windows += sealed.windows
        self._counted.sealed_at = time.time()
        self._counted.failures = self.writer.failures
        self._compare()
        if full:
            self._full_at = time.monotonic() + self._pace.full
            self._may_drop.set()

    def _compare(self) -> None:
        """Look once in a while whether live and sealed candles still count the same."""
        if time.monotonic() < self._compared_at:
            return
        self._compared_at = time.monotonic() + COMPARE_SECONDS
        within = Range(max(self._pace.now() - RECENT * 10**9, 0), limit=MOST_ROWS)
        for one in TIMEFRAMES:
            found = Market(self._sealing).differences(one.name, within)
            part = self._differences[one.name]
            part.candles = len(found)
            part.trades = sum(abs(each.live_trades - each.sealed_trades) for each in found)

    def _drop(self) -> None:
        """Take away what is old, in the writer's thread: no batch comes in meanwhile.

        What is due was sealed before.
        """
        if self._may_drop.is_set():
            drop_old(self._dropping, self.retention)
            self._may_drop.clear()
