"""What feeds, ingest, sealing and bridges measure, as plain numbers that Prometheus can read.

Who does the work counts on an object of its own: by plain assignment, from one thread. Whoever is
asked for the measures reads them as they are at that moment. A process that serves no memory
tells them by :func:`served`; one that does, in its ``/metrics``.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from operator import attrgetter
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from kato.market.feeds.counts import Counts

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the classes of times."""


class Times:
    """How long something took, by classes.

    >>> times = Times()
    >>> times.add(0.2)
    >>> times.add(60)
    >>> times.count, times.seconds, times.classes()[-2:]
    (2, 60.2, [('30.0', 1), ('+Inf', 2)])
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0

    @property
    def count(self) -> int:
        """How often it was measured."""
        return sum(self._counts)

    def add(self, seconds: float, often: int = 1) -> None:
        """Count a time; often, where many things took it together."""
        self._counts[bisect_left(SECONDS, seconds)] += often
        self.seconds += seconds * often

    def classes(self) -> list[tuple[str, int]]:
        """Upper bounds, and how many times were no longer."""
        bounds = [*map(str, SECONDS), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))


class IngestMeasures:
    """What ingest counts of one exchange.

    Attributes:
        records: Records of the log that are in the layers.
        trades: Distinct trades that are in silver.
        invalid: Those of them that are no valid trades.
        duplicates: Trades that were not inserted, as silver has them.
        dead_letters: Records that nobody could read.
        lag: Records of the log that are not in the layers yet.
        failures: Times a batch could not be inserted.
        insert: Times of inserts, of one batch each.
        visible: Times from the reception of a trade until all layers have it, by trade.
    """

    def __init__(self) -> None:
        self.records = 0
        self.trades = 0
        self.invalid = 0
        self.duplicates = 0
        self.dead_letters = 0
        self.lag = 0
        self.failures = 0
        self.insert = Times()
        self.visible = Times()


class SealingMeasures:
    """What sealing counts of one timeframe.

    Attributes:
        sealed: Candles that were sealed.
        resealed: Candles that were sealed again for a late trade.
        differing: Candles whose live form was not what was sealed.
        difference: Trades by which live and sealed candles differed in the last look, in sum.
        sealed_until: Up to when candles are sealed, s since 1970; 0 before the first.
    """

    def __init__(self) -> None:
        self.sealed = 0
        self.resealed = 0
        self.differing = 0
        self.difference = 0
        self.sealed_until = 0.0


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
        ingest: By exchange.
        sealing: By timeframe.
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
        self.sealing = By(SealingMeasures)
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
        if isinstance(values[0][1], Times):
            return self._times(values)
        if self.name.endswith("_total"):
            family: Any = CounterMetricFamily(self.name, self._about, labels=[self._label])
        else:
            family = GaugeMetricFamily(self.name, self._about, labels=[self._label])
        for label, value in values:
            family.add_metric([label], value)
        told: Metric = family
        return told

    def _times(self, values: list[tuple[str, Times]]) -> Metric:
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
        "exchange",
        ("records", "records_total", "Records of the log that are in the layers."),
        ("trades", "trades_total", "Distinct trades that are in silver."),
        ("invalid", "invalid_trades_total", "Those of them that are no valid trades."),
        ("duplicates", "duplicates_total", "Trades that silver had before."),
        ("dead_letters", "dead_letters_total", "Records that nobody could read."),
        ("lag", "lag_records", "Records of the log that are not in the layers yet."),
        ("failures", "insert_failures_total", "Times a batch could not be inserted."),
        ("insert", "insert_seconds", "Time of the insert of a batch."),
        ("visible", "visible_seconds", "Time from reception until all layers have a trade."),
    ),
    *_of(
        "sealing",
        "timeframe",
        ("sealed", "sealed_candles_total", "Candles that were sealed."),
        ("resealed", "resealed_candles_total", "Candles that were sealed again."),
        ("differing", "differing_candles_total", "Candles whose live form was another."),
        ("difference", "sealed_difference_trades", "Trades by which live and sealed differ."),
        ("sealed_until", "sealed_timestamp_seconds", "Up to when candles are sealed."),
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
