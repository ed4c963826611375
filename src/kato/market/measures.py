"""What feeds, ingest, sealing and bridges measure, as plain numbers that Prometheus can read.

Who does the work counts on an object of its own: by plain assignment, from one thread. Whoever is
asked for the measures reads them as they are at that moment. A process that serves no memory
tells them by :func:`served`; one that does, in its ``/metrics``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from kato.market.durations import Durations
from kato.market.feeds.counts import Counts
from kato.market.ingest.report import Report


class IngestMeasures:
    """What ingest and sealing count, besides what is in the report of the batches.

    Attributes:
        report: What the batches held; also which times they took.
        failures: Durations a batch could not be carried.
        windows: Candles' times that were sealed.
        sealed_at: When sealing was done last, s since 1970; 0 before the first time.
    """

    def __init__(self, report: Report | None = None) -> None:
        self.report = report or Report()
        self.failures = 0
        self.windows = 0
        self.sealed_at = 0.0


class DifferenceMeasures:
    """How live and sealed candles of one timeframe differ, as of the last look.

    Attributes:
        candles: How many do.
        trades: By how many trades, in sum.
    """

    def __init__(self) -> None:
        self.candles = 0
        self.trades = 0


class BridgeMeasures:
    """What the bridge into one knowledge base counts.

    Attributes:
        observed: Candles or trades observed.
        learned: Windows learned.
        guessed: Observed ones about which a guess had been made.
        right: Those of the guesses that were right.
        observed_until: When the last one observed began, s since 1970; 0 before the first.
    """

    def __init__(self) -> None:
        self.observed = 0
        self.learned = 0
        self.guessed = 0
        self.right = 0
        self.observed_until = 0.0


Part = TypeVar("Part")


class By(Generic[Part]):
    """Measures by the value of a label, made when first asked for. Safe for threads."""

    def __init__(self, make: Callable[[], Part]) -> None:
        self._make = make
        self._parts: dict[str, Part] = {}
        self._lock = threading.Lock()

    def __getitem__(self, label: str) -> Part:
        with self._lock:
            if label not in self._parts:
                self._parts[label] = self._make()
            return self._parts[label]

    def put(self, label: str, part: Part) -> None:
        """Tell this object, which somebody else made, from now on."""
        with self._lock:
            self._parts[label] = part

    def parts(self) -> list[tuple[str, Part]]:
        """Those there are."""
        with self._lock:
            return list(self._parts.items())


class MarketMeasures(Collector):
    """All of a process.

    Attributes:
        feeds: By exchange, what its feed counts.
        ingest: By the group for which it ingests.
        differences: By timeframe.
        bridges: By knowledge base.

    >>> measures = MarketMeasures()
    >>> measures.feeds["kraken"].messages += 2
    >>> {family.name: family.samples[0].value for family in measures.collect()}[
    ...     "kato_market_messages"
    ... ]
    2
    """

    def __init__(self) -> None:
        self.feeds = By(Counts)
        self.ingest = By(IngestMeasures)
        self.differences = By(DifferenceMeasures)
        self.bridges = By(BridgeMeasures)

    def collect(self) -> Iterator[Metric]:
        """As Prometheus reads them; nothing of what nobody does here."""
        for told in _TOLD:
            parts = getattr(self, told.of).parts()
            if parts:
                yield told.family(parts)


PROCESS = MarketMeasures()
"""Those of this process, for who is given no others."""


@contextmanager
def served(measures: Collector, port: int, host: str = "127.0.0.1") -> Iterator[str]:
    """Answer ``/metrics`` for a process that serves nothing else; gives the address.

    Args:
        measures: What to tell.
        port: 0 takes a free one.
        host: Where to listen.

    Raises:
        OSError: The port is taken.
    """
    registry = CollectorRegistry()
    registry.register(measures)
    server, thread = start_http_server(port, host, registry)
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_Read = str | Callable[[Any], Any]
"""The name of an attribute, or what reads a part."""


class _Told:
    """How one measure is told."""

    def __init__(self, of: str, label: str, read: _Read, name: str, about: str) -> None:
        self.of = of
        self._label = label
        self._read = attrgetter(read) if isinstance(read, str) else read
        self.name = f"kato_market_{name}"
        self._about = about

    def family(self, parts: list[tuple[str, Any]]) -> Metric:
        values = [(label, self._read(part)) for label, part in parts]
        if isinstance(values[0][1], Durations):
            return self._times(values)
        if self.name.endswith("_total"):
            family: Any = CounterMetricFamily(self.name, self._about, labels=[self._label])
        else:
            family = GaugeMetricFamily(self.name, self._about, labels=[self._label])
        for label, value in values:
            family.add_metric([label], value)
        told: Metric = family
        return told

    def _times(self, values: list[tuple[str, Durations]]) -> Metric:
        family: Any = HistogramMetricFamily(self.name, self._about, labels=[self._label])
        for label, times in values:
            family.add_metric([label], times.classes(), times.seconds)
        told: Metric = family
        return told


def _sum_of(attribute: str) -> _Read:
    return lambda part: sum(getattr(part, attribute).values())


def _noted(kind: str) -> _Read:
    return lambda feed: feed.notes[kind]


def _moment(attribute: str) -> _Read:
    return lambda feed: getattr(feed, attribute) / 1e9


def _of(of: str, label: str, *rows: tuple[_Read, str, str]) -> list[_Told]:
    return [_Told(of, label, *row) for row in rows]


_TOLD = (
    *_of(
        "feeds",
        "exchange",
        (lambda feed: feed.state == "live", "feed_live", "Whether the feed is live."),
        ("connections", "connections_total", "Connections that went live."),
        (_sum_of("failures"), "connection_failures_total", "Connections lost, or never live."),
        ("rotations", "rotations_total", "Connections that were replaced while they were live."),
        ("messages", "messages_total", "Messages received, of every kind."),
        ("trades", "feed_trades_total", "Trades in them, each as often as it came."),
        (_sum_of("dead_letters"), "feed_dead_letters_total", "What the feed could not read."),
        (_noted("gap"), "missing_trades_total", "Trades that were missing in a sequence."),
        (_noted("late"), "late_trades_total", "Those of them that came later."),
        (_noted("duplicate"), "feed_duplicates_total", "Trades that were received before."),
        (_noted("reset"), "sequence_resets_total", "Times a sequence began anew."),
        ("lost_messages", "lost_messages_total", "Messages missing in a connection's count."),
        (_moment("message_at"), "last_message_timestamp_seconds", "When the last message came."),
        (_moment("received_at"), "last_trade_timestamp_seconds", "When the newest trade came."),
    ),
    *_of(
        "ingest",
        "group",
        ("report.batches", "batches_total", "Batches that are in the layers."),
        ("report.new", "trades_total", "Distinct trades that went to silver."),
        ("report.invalid", "invalid_trades_total", "Trades that are no valid ones."),
        ("report.duplicates", "duplicates_total", "Trades that silver had before."),
        ("report.unreadable", "unreadable_records_total", "Records that nobody could read."),
        ("report.unknown", "unknown_trades_total", "Trades of no known instrument."),
        ("report.waiting", "lag_records", "Records of the log that are not in the layers yet."),
        ("failures", "batch_failures_total", "Times a batch could not be carried."),
        ("report.inserting", "insert_seconds", "Time of the insert of a batch."),
        ("report.visible", "visible_seconds", "Time from reception until all layers have a trade."),
        ("windows", "sealed_windows_total", "Candles' times that were sealed."),
        ("sealed_at", "sealed_timestamp_seconds", "When sealing was done last."),
    ),
    *_of(
        "differences",
        "timeframe",
        ("candles", "differing_candles", "Candles whose live and sealed forms differ."),
        ("trades", "differing_trades", "Trades by which they differ."),
    ),
    *_of(
        "bridges",
        "kb",
        ("observed", "observed_total", "Candles or trades observed."),
        ("learned", "windows_learned_total", "Windows of events learned."),
        ("guessed", "guesses_total", "Guesses whose event has come."),
        ("right", "right_guesses_total", "Those of them that were right."),
        ("observed_until", "observed_timestamp_seconds", "When the last observed one began."),
    ),
)

METRICS = tuple(told.name for told in _TOLD)
"""The names of all of them."""
