"""Everything at once, to be tried: simulated exchange, feed, log, ingest, in the process at hand.

The simulated exchange's clock runs faster than others, from some time ago on, so that a minute's
candle does not take a minute.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, Self

import msgspec

from kato.errors import KatoError, ServiceUnavailable
from kato.market.feeds.connection import Connection
from kato.market.feeds.counts import Counts
from kato.market.feeds.feed import Feed
from kato.market.feeds.protocols import protocol_of
from kato.market.feeds.running import first_to_end, keep_feeding
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.running import ingesting
from kato.market.instruments import InstrumentFile, Instruments
from kato.market.log.opening import open_writer
from kato.market.measures import PROCESS, MarketMeasures
from kato.market.simulator import Faults, Simulator
from kato.memory import Memory
from kato.settings import Settings

HEAD_START = 12 * 3600 * 10**9
"""How long ago the time of the trades begins, ns."""

SECONDS_TO_END = 30.0


class FastClock:
    """A clock whose time of the day runs faster, and begins in the past.

    Args:
        speed: Seconds of it in a second.

    >>> FastClock(60).time_ns() < time.time_ns()
    True
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begin = time.time_ns() - HEAD_START
        self._monotonic = time.monotonic_ns()

    def time_ns(self) -> int:
        """The time of the day, ns since 1970."""
        return self._begin + int((time.monotonic_ns() - self._monotonic) * self._speed)

    def monotonic(self) -> float:
        """Seconds that never jump, no faster than others."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait, as long as others."""
        await asyncio.sleep(seconds)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried.

    Attributes:
        exchange: Which one is simulated.
        symbols: What is traded there, canonical.
        rate: Trades a second.
        speed: How fast the time of trades runs.
        seed: The same seed makes the same trades.
        faults: What goes wrong.
    """

    exchange: str = "binance"
    symbols: tuple[str, ...] = ("BTC/USDT",)
    rate: float = 100.0
    speed: float = 60.0
    seed: int = 0
    faults: Faults = msgspec.field(default_factory=Faults)


class Trial:
    """Runs while it is open, in threads of its own.

    Args:
        memory: Into whose layers it goes.
        settings: Of the same stores.
        tried: What is tried.
        measures: Where everybody counts.

    Attributes:
        clock: The time of the trades.
        counts: What the feed counts.
        ingest: Carries the trades.
    """

    ingest: Ingest

    def __init__(
        self,
        memory: Memory,
        settings: Settings,
        tried: Tried,
        measures: MarketMeasures = PROCESS,
    ) -> None:
        self._memory = memory
        self._settings = settings
        self._tried = tried
        self._measures = measures
        self._failure: BaseException | None = None
        self.clock = FastClock(tried.speed)
        self.counts = Counts()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            pace = Pace(lateness=10.0, sealing=1.0, now=self.clock.time_ns)
            running = ingesting(self._memory, self._settings, pace=pace, measures=self._measures)
            self.ingest = opened.enter_context(running)
            opened.callback(self.ingest.flush)  # what was fed is in the layers at the end
            feeding = _Loop(self._feed(self._feed_of(opened)), self._fail)
            opened.callback(feeding.stop)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def check(self) -> None:
        """Raise what stopped it, if something did.

        Raises:
            ServiceUnavailable: A part of it ended.
        """
        if self._failure is not None:
            raise ServiceUnavailable(f"the feed ended: {self._failure}") from self._failure

    def _feed_of(self, opened: ExitStack) -> Feed:
        writer = open_writer(self._settings)
        opened.callback(writer.close)
        feed = Feed(protocol_of(self._tried.exchange), InstrumentFile(None), writer)
        self.counts = feed.counts
        self._measures.feeds.put(self._tried.exchange, feed.counts)
        return feed

    async def _feed(self, feed: Feed) -> None:
        tried, instruments = self._tried, InstrumentFile(None)
        name = tried.exchange
        chosen = instruments.instruments.chosen(feed.protocol.exchange, name, tried.symbols)
        async with Simulator(
            tried.seed,
            tried.faults,
            instruments=Instruments(chosen),
            protocols=[name],
            clock=self.clock,
        ) as simulator:
            natives = [each.native for each in chosen]
            connection = Connection(feed.protocol, natives, feed, url=simulator.url(name))
            feeding = keep_feeding(connection, feed, instruments, natives, lambda: None, 0.0)
            await first_to_end(feeding, simulator.run(tried.rate))

    def _fail(self, error: BaseException) -> None:
        self._failure = error


class _Loop:
    """Runs one coroutine on an event loop in a thread, until told to stop."""

    def __init__(self, work: Coroutine[Any, Any, None], failed: Any) -> None:
        self._work = work
        self._failed = failed
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(work)
        self._thread = threading.Thread(target=self._run, name="kato-trial", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(SECONDS_TO_END)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except (KatoError, OSError) as error:
            self._failed(error)
        finally:
            self._loop.close()
