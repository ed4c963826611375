"""A feed that is connected to a simulated exchange, in one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from tests.market.feeds.collecting import Collector

from kato.market.feeds.connection import Connection
from kato.market.feeds.feed import Feed
from kato.market.feeds.life import Timing
from kato.market.feeds.protocols import protocol_of
from kato.market.instruments import InstrumentFile
from kato.market.log.records import LogWriter
from kato.market.simulator import Simulator

TIMING = Timing(silence=5.0, lifetime=1000.0, acknowledged=5.0)


class ImpatientClock:
    """The clock of the machine, but nobody sleeps for longer than a few milliseconds.

    Attributes:
        slept: What was asked for, in seconds.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []

    def time_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, 0.003))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20.0):
        while not is_so():
            await asyncio.sleep(0.002)


class Connected:
    """A feed and the exchange it listens to."""

    def __init__(
        self,
        name: str,
        simulator: Simulator,
        writer: LogWriter,
        timing: Timing,
        symbols: list[str] | None,
    ) -> None:
        protocol = protocol_of(name)
        instruments = InstrumentFile(None)
        known = instruments.instruments.chosen(protocol.exchange, name, symbols or [])
        self.clock = ImpatientClock()
        self.venue = simulator.venues[name]
        self.feed = Feed(protocol, instruments, writer)
        self.counts = self.feed.counts
        self.connection = Connection(
            protocol,
            [each.native for each in known],
            self.feed,
            url=simulator.url(name),
            timing=timing,
            clock=self.clock,
            chance=Random(1),
        )

    async def until(self, is_so: Callable[[], bool]) -> None:
        await until(is_so)

    async def until_live(self) -> None:
        await until(lambda: self.counts.state == "live")

    async def until_heard(self) -> None:
        """Wait until nothing more comes."""
        before = -1
        while before != self.counts.messages:
            before = self.counts.messages
            await asyncio.sleep(0.05)


@asynccontextmanager
async def connected(
    name: str,
    simulator: Simulator,
    *,
    writer: LogWriter | None = None,
    timing: Timing = TIMING,
    symbols: list[str] | None = None,
) -> AsyncIterator[Connected]:
    """A feed that runs, and is stopped at the end."""
    made = Connected(name, simulator, writer or Collector(), timing, symbols)
    task = asyncio.ensure_future(made.connection.run())
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
