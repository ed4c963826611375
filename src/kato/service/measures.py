"""What is measured: counters and gauges of the process, or of all workers together.

With several workers each keeps its numbers in files of one folder (``PROMETHEUS_MULTIPROC_DIR``,
see :mod:`kato.service.serving`), and whichever is asked tells the sum.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from kato.market.measures import PROCESS, MarketMeasures
from kato.memory.vitals import Journal
from kato.recall.trace import Trace
from kato.storage.traffic import Traffic

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which workers count together; prometheus-client reads it when imported."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


_leave_out: Any = disable_created_metrics  # has no types
_leave_out()  # a second line for each counter, that nobody reads


class Measures:
    """One for each process that serves. Safe for threads.

    Args:
        market: What feeds, ingest and bridges of this process measure. Of several workers, the
            one that is asked tells its own: theirs are processes apart where there are workers.

    >>> measures = Measures()
    >>> measures.observations.inc(3)
    >>> measures.reading().total("kato_observations_total")
    3.0
    """

    def __init__(self, market: MarketMeasures = PROCESS) -> None:
        self._market = market
        self._registry = registry = CollectorRegistry()
        registry.register(market)
        self.requests = Counter(
            "kato_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "kato_request_seconds",
            "Time from a request's head to the end of its answer.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "kato_requests_in_progress",
            "Requests that are worked on.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.prediction_seconds = Histogram(
            "kato_prediction_seconds",
            "Time of a prediction in the library, by the plan that recalled.",
            ("plan",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = _Stages(registry)
        self.observations = self._counter("observations", "Events observed through sessions.")
        self.learns = self._counter("learns", "Calls to learn short-term memory.")
        self.patterns_learned = self._counter(
            "patterns_learned", "Patterns learned through sessions, new ones and known ones."
        )
        self.sessions_created = self._counter("sessions_created", "Sessions that began.")
        self.sessions_deleted = self._counter("sessions_deleted", "Sessions that were ended.")
        self.sessions_expired = self._counter("sessions_expired", "Sessions that expired.")
        self.sessions_alive = self._gauge("sessions_alive", "Sessions there are.")
        self.ledger_bytes = self._gauge("ledger_memory_bytes", "Memory of the ledger's data.")
        self.ledger_used_bytes = self._gauge(
            "ledger_used_bytes", "All memory the ledger's server uses."
        )
        self.ledger_limit_bytes = self._gauge(
            "ledger_limit_bytes", "Memory of it from which on learning is refused; 0 is no limit."
        )
        self.disk_bytes = self._gauge("clickhouse_disk_bytes", "ClickHouse's data on disk.")
        self.store_up = Gauge(
            "kato_store_up",
            "Whether a store answered when it was asked last.",
            ("store",),
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._journal = _JournalMeasures(registry)
        self._traffic = _TrafficMeasures(registry)
        self._process = _ProcessMeasures(registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, method, str(status)).inc()
        self.request_seconds.labels(route, method).observe(seconds)

    def predicted(self, trace: Trace, seconds: float) -> None:
        """Count a prediction, and what its recall did."""
        self.prediction_seconds.labels(trace.plan).observe(seconds)
        self._stages.add(trace)

    def journal(self, journal: Journal) -> None:
        """Take over how the journal fares."""
        self._journal.take(journal)

    def traffic(self, store: str, traffic: Traffic) -> None:
        """Take over what was asked of a store."""
        self._traffic.take(store, traffic)

    def process(self) -> None:
        """Look at the process."""
        self._process.look()

    def registry(self) -> CollectorRegistry:
        """What is told: this process's, or all workers' where there are several."""
        if FOLDER not in os.environ:
            return self._registry
        _forget_dead(Path(os.environ[FOLDER]))
        together = CollectorRegistry()
        collect: Any = MultiProcessCollector  # has no types
        collect(together)
        together.register(self._market)
        return together

    def reading(self) -> Reading:
        """The values as they are now."""
        return Reading(self.registry().collect())

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(f"kato_{name}", about, registry=self._registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"kato_{name}", about, multiprocess_mode="mostrecent", registry=self._registry)


class Reading:
    """Values of measures at one moment.

    Args:
        families: As a registry collects them.
    """

    def __init__(self, families: Iterable[Metric]) -> None:
        self._samples = [sample for family in families for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of a name that have these labels; 0 if there is none."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def failed_requests(self) -> float:
        """Requests that were answered with a status of 500 or more."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == "kato_requests_total" and sample.labels["status"] >= "500"
        )


class _Stages:
    """What the stages of recall did."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, about: str) -> Counter:
            return Counter(f"kato_recall_stage_{name}", about, ("stage",), registry=registry)

        self._counters = (
            counter("candidates", "Patterns that a stage of recall answered for."),
            counter("rows", "Patterns whose symbols a stage of recall read."),
            counter("seconds", "Time of a stage of recall."),
        )
        # Finding a counter by its label takes five times as long as counting.
        self._by_stage: dict[str, tuple[Counter, ...]] = {}

    def add(self, trace: Trace) -> None:
        for step in trace.steps:
            values = (step.candidates_in, step.rows_read, step.time_ms / 1000)
            for counter, value in zip(self._of(step.name), values, strict=True):
                counter.inc(value)

    def _of(self, stage: str) -> tuple[Counter, ...]:
        found = self._by_stage.get(stage)
        if found is None:
            found = tuple(counter.labels(stage) for counter in self._counters)
            self._by_stage[stage] = found
        return found


class _Followed:
    """A counter that follows a number counted elsewhere."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._seen: dict[tuple[str, ...], float] = {}

    def take(self, value: float, *labels: str) -> None:
        grown = value - self._seen.get(labels, 0.0)
        if grown >= 0:
            self._seen[labels] = value
            (self._counter.labels(*labels) if labels else self._counter).inc(grown)


class _JournalMeasures:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._entries = Gauge(
            "kato_journal_entries",
            "Steps that wait for ClickHouse.",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._bytes = Gauge(
            "kato_journal_bytes",
            "Size of what waits for ClickHouse.",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        # A moment and no age: the age goes on when nobody looks.
        self._written = Gauge(
            "kato_last_batch_timestamp_seconds",
            "When the last batch reached ClickHouse; 0 if none has since the start.",
            multiprocess_mode="max",
            registry=registry,
        )
        self._batches = _Followed(
            Counter("kato_batches", "Batches carried to ClickHouse.", registry=registry)
        )
        self._failures = _Followed(
            Counter("kato_batch_failures", "Times a batch could not be carried.", registry=registry)
        )

    def take(self, journal: Journal) -> None:
        self._entries.set(journal.entries)
        self._bytes.set(journal.bytes)
        self._written.set(journal.written_at or 0.0)
        self._batches.take(journal.batches)
        self._failures.take(journal.failures)


class _TrafficMeasures:
    def __init__(self, registry: CollectorRegistry) -> None:
        def followed(name: str, about: str) -> _Followed:
            return _Followed(Counter(f"kato_store_{name}", about, ("store",), registry=registry))

        self._operations = followed("operations", "Scripts, commands and statements of a store.")
        self._errors = followed("errors", "Times a store could not do its part.")
        self._seconds = followed("seconds", "Time that answers of a store were waited for.")

    def take(self, store: str, traffic: Traffic) -> None:
        self._operations.take(traffic.operations, store)
        self._errors.take(traffic.errors, store)
        self._seconds.take(traffic.seconds, store)


class _ProcessMeasures:
    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str) -> Gauge:
            return Gauge(
                f"kato_process_{name}", about, multiprocess_mode="livesum", registry=registry
            )

        self._own = psutil.Process()
        self._memory = gauge("memory_bytes", "Resident memory of the process.")
        self._files = gauge("open_files", "Open file descriptors of the process.")
        self._cpu = _Followed(
            Counter("kato_process_cpu_seconds", "CPU time of the process.", registry=registry)
        )

    def look(self) -> None:
        with self._own.oneshot():
            times = self._own.cpu_times()
            self._cpu.take(times.user + times.system)
            self._memory.set(self._own.memory_info().rss)
            self._files.set(self._own.num_fds())


def _forget_dead(folder: Path) -> None:
    """Take away the gauges of workers that died without a word."""
    forget: Any = mark_process_dead  # has no types
    pids = {int(path.stem.rsplit("_", 1)[1]) for path in folder.glob("gauge_live*_*.db")}
    for pid in pids:
        if not psutil.pid_exists(pid):
            with suppress(FileNotFoundError):  # another worker saw it too
                forget(pid)
