"""Watches over the process and its stores, and keeps how their values went."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import anyio
import msgspec
import psutil
import structlog

from kato.errors import StoreError
from kato.memory import Memory
from kato.memory.vitals import Journal
from kato.service.measures import Measures, Reading
from kato.service.series import Series
from kato.storage.ledger.connection import MemoryInUse

SAMPLE_SECONDS = 10.0
"""How often a point is added to each series."""

ASK_SECONDS = 2.0
"""How long a store may take to say how it fares."""

BUSY_PERCENT = 80.0
FULL_PERCENT = 90.0
MANY_ERRORS = 10.0
"""Answers of 500 or more in a minute that are too many."""

STORES = {"clickhouse": "clickhouse", "ledger": "redis"}
"""The stores, and what series call them. There is no third: vectors are in ClickHouse."""

T = TypeVar("T")


class Condition(NamedTuple):
    """How the process fares, and why."""

    status: Literal["healthy", "degraded", "unhealthy"]
    issues: list[str]


class Host(msgspec.Struct, frozen=True):
    """What the machine is used.

    Attributes:
        cpu_percent: Of all cores, since the look before.
        memory_percent: Of what programs may have.
        memory_bytes: Resident memory of this process.
        disk_percent: Of the disk that the data directory is on, or would be.
    """

    cpu_percent: float = 0.0
    memory_percent: float = 0.0
    memory_bytes: int = 0
    disk_percent: float = 0.0


class _Ledger(NamedTuple):
    sessions: int
    memory: MemoryInUse
    journal: Journal


class Watch:
    """Looks every ten seconds; used on one event loop.

    Args:
        memory: Whose stores to watch.
        measures: Where to note what is seen.
        folder: On the disk to watch; it need not be there.

    Attributes:
        series: How values went.
        host: What the machine was used when it was looked at last.
    """

    def __init__(self, memory: Memory, measures: Measures, folder: Path) -> None:
        self._memory = memory
        self._measures = measures
        self._folder = _existing(folder)
        self._seconds_before = 0.0
        self._cpu_known = False
        self.series = Series()
        self.host = Host()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look now and then."""
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def refresh(self) -> None:
        """Bring the measures of the stores and the process up to date."""
        async with anyio.create_task_group() as asking:
            asking.start_soon(self._ask_ledger)
            asking.start_soon(self._ask_clickhouse)
        for store, traffic in self._memory.vitals.traffic().items():
            self._measures.traffic(store, traffic)
        self._measures.process()

    async def sample(self) -> None:
        """Add a point to each series."""
        await self.refresh()
        self.host = self._looked_at()
        reading, at = self._measures.reading(), time.time()
        self._add_requests(reading, at)
        values = {**self._host_values(), **_session_values(reading), **_store_values(reading)}
        for name, value in values.items():
            self.series.add(name, value, at)

    def condition(self) -> Condition:
        """How the process fares, by what was seen last."""
        busy = self.host.cpu_percent > BUSY_PERCENT
        full = self.host.memory_percent > FULL_PERCENT
        failing = self.errors_per_minute() > MANY_ERRORS
        told = {"High memory usage": full, "High CPU usage": busy, "High error rate": failing}
        issues = [issue for issue, there in told.items() if there]
        if full:
            return Condition("unhealthy", issues)
        return Condition("degraded" if issues else "healthy", issues)

    def errors_per_minute(self) -> float:
        """Answers of 500 or more, over the last minute."""
        return self.series.rate("kato_errors_total", 60) * 60

    async def _look_on(self) -> None:
        while True:
            try:
                await self.sample()
            except Exception as error:  # noqa: BLE001 - nobody would see the task end
                structlog.get_logger().error("not sampled", exc_info=error)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _ask_ledger(self) -> None:
        told = await self._asked("ledger", self._ledger)
        if told is not None:
            self._measures.sessions_alive.set(told.sessions)
            self._measures.ledger_bytes.set(told.memory.dataset)
            self._measures.ledger_used_bytes.set(told.memory.used)
            self._measures.ledger_limit_bytes.set(self._memory.vitals.ledger_limit())
            self._measures.journal(told.journal)

    async def _ask_clickhouse(self) -> None:
        told = await self._asked("clickhouse", self._memory.vitals.disk_bytes)
        if told is not None:
            self._measures.disk_bytes.set(told)

    def _ledger(self) -> _Ledger:
        vitals = self._memory.vitals
        return _Ledger(self._memory.sessions.count(), vitals.ledger_memory(), vitals.journal())

    async def _asked(self, store: str, ask: Callable[[], T]) -> T | None:
        """What a store says; None if it says nothing in time."""
        told = await in_time(lambda: anyio.to_thread.run_sync(ask, abandon_on_cancel=True))
        self._measures.store_up.labels(store).set(told is not None)
        return told

    def _looked_at(self) -> Host:
        return Host(
            self._cpu_percent(),
            psutil.virtual_memory().percent,
            psutil.Process().memory_info().rss,
            psutil.disk_usage(self._folder).percent,
        )

    def _cpu_percent(self) -> float:
        """Of all cores, since the look before; the first has none, and tells of no load."""
        percent: float = psutil.cpu_percent()
        if not self._cpu_known:
            self._cpu_known, percent = True, 0.0
        return percent

    def _host_values(self) -> dict[str, float]:
        return {
            "kato_cpu_usage_percent": self.host.cpu_percent,
            "kato_memory_usage_percent": self.host.memory_percent,
            "kato_memory_usage_bytes": self.host.memory_bytes,
            "kato_disk_usage_percent": self.host.disk_percent,
            "load_average_1m": os.getloadavg()[0],
        }

    def _add_requests(self, reading: Reading, at: float) -> None:
        """Requests, and how long those since the last point took on the mean."""
        total = reading.total("kato_requests_total")
        seconds = reading.total("kato_request_seconds_sum")
        new = total - self.series.last("kato_requests_total")
        if new > 0:
            took = seconds - self._seconds_before
            self.series.add("kato_request_duration_seconds", took / new, at)
        self._seconds_before = seconds
        self.series.add("kato_requests_total", total, at)
        self.series.add("kato_errors_total", reading.failed_requests(), at)


async def in_time(ask: Callable[[], Awaitable[T]]) -> T | None:
    """What a store says; None if it fails, or says nothing in time."""
    with anyio.move_on_after(ASK_SECONDS), suppress(StoreError):
        return await ask()
    return None


def _existing(folder: Path) -> str:
    """The folder, or the nearest above it that is there."""
    return str(next(each for each in (folder, *folder.absolute().parents) if each.exists()))


def _session_values(reading: Reading) -> dict[str, float]:
    return {
        "sessions_created": reading.total("kato_sessions_created_total"),
        "sessions_deleted": reading.total("kato_sessions_deleted_total"),
        "session_operations": operations(reading),
        "kato_sessions_expired": reading.total("kato_sessions_expired_total"),
        "kato_sessions_active": reading.total("kato_sessions_alive"),
        "kato_observations_total": reading.total("kato_observations_total"),
        "kato_predictions_total": reading.total("kato_prediction_seconds_count"),
        "kato_journal_entries": reading.total("kato_journal_entries"),
    }


def operations(reading: Reading) -> float:
    """What was done with sessions: events observed, learns, predictions."""
    names = (
        "kato_observations_total",
        "kato_learns_total",
        "kato_prediction_seconds_count",
    )
    return sum(reading.total(name) for name in names)


def _store_values(reading: Reading) -> dict[str, float]:
    values: dict[str, float] = {}
    for store, shown in STORES.items():
        asked = reading.total("kato_store_operations_total", store=store)
        seconds = reading.total("kato_store_seconds_total", store=store)
        values[f"{shown}_operations"] = asked
        values[f"{shown}_errors"] = reading.total("kato_store_errors_total", store=store)
        values[f"{shown}_response_time"] = seconds / asked if asked else 0.0
    return values
