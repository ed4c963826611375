"""Staying connected: connect, subscribe, live; again when that ends, and before a day is over.

::

    connecting ──> subscribing ──all acknowledged──> live ──> (lost, silent or closed)
        ^               │ refused, or not in time               │
        └── waiting <───┴───────────────────────────────────────┘
            0.5 to 60 s, longer each time; anew after a minute live

A live line that gets old is not closed before another one is live, so a rotation loses nothing.
What both of them say came twice, and is noted as such.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from kato.errors import InvalidInput, shown
from kato.market.feeds.clock import Clock, SystemClock
from kato.market.feeds.counts import Counts, State
from kato.market.feeds.life import Backoff, Cause, Timing
from kato.market.feeds.line import Line, Unreachable
from kato.market.feeds.protocol import ExchangeProtocol, Message

OVERLAP_SECONDS = 1.0
"""How long a line that was replaced is still heard."""


class Receiver(Protocol):
    """Who gets what an exchange says.

    Attributes:
        counts: Where the connection's state is told.
    """

    counts: Counts

    def receive(self, message: Message, text: bytes, received: int, connection: str) -> None:
        """Take a message; what it raises ends the connection for good."""

    def reconnected(self, lost: int, now: int, connection: str) -> None:
        """Take note that another connection is live (times in ns since 1970)."""


class Connection:
    """Keeps a feed connected.

    Args:
        protocol: How the exchange talks.
        symbols: What to subscribe to, as it calls them.
        receiver: Who gets the messages.
        url: Where it listens, if not at the usual place.
        timing: How long to wait, if not as the protocol says.
        clock: The time.
        chance: Where the random part of pauses comes from.

    Raises:
        InvalidInput: There are no symbols, more than a connection takes, or the URL is none.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        protocol: ExchangeProtocol,
        symbols: Sequence[str],
        receiver: Receiver,
        *,
        url: str | None = None,
        timing: Timing | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._protocol = protocol
        self._receiver = receiver
        self._url = _checked(url or protocol.url)
        self._timing = timing or Timing.of(protocol)
        self._clock: Clock = clock or SystemClock()
        self._backoff = Backoff(chance or random.Random())  # noqa: S311 - no secret
        self._opened = 0
        self._live: Line | None = None
        self._left: list[Line] = []
        self._changed = False
        self._lost_at = 0
        self._symbols: tuple[str, ...] = ()
        self.subscribe(symbols)

    def subscribe(self, symbols: Sequence[str]) -> None:
        """Change what is subscribed to: a line that is live is replaced.

        Raises:
            InvalidInput: There are no symbols, or more than a connection takes.
        """
        if not symbols:
            raise InvalidInput("a feed without symbols", remedy="name some, or add instruments")
        self._protocol.subscriptions(symbols)
        self._changed = set(symbols) != set(self._symbols)
        self._symbols = tuple(symbols)
        if self._live is not None:
            self._live.stirred.set()

    async def run(self) -> None:
        """Stay connected until the task is cancelled.

        Raises:
            StoreUnavailable: The receiver raised it.
        """
        try:
            while True:
                line = await self._opened_line()
                if line is not None:
                    await self._stay(line)
                self._tell("waiting")
                await self._clock.sleep(self._backoff.pause())
        finally:
            for line in self._left:
                line.end("closed", "stopped")
            self._tell("stopped")

    async def _opened_line(self) -> Line | None:
        """A line that is live; None if it cannot be."""
        line = self._line()
        self._changed = False
        self._tell("connecting")
        try:
            await line.open(self._url)
            self._tell("subscribing")
            await self._until_live(line)
        except Unreachable as error:
            line.end("unreachable", str(error))
        except BaseException:
            line.end("closed", "stopped")
            raise
        if line.cause is not None:
            self._fail(line, line.cause)
            return None
        self._go_live(line)
        return line

    def _line(self) -> Line:
        self._opened += 1
        name = f"{self._protocol.name}-{self._clock.time_ns():x}-{self._opened}"
        subscriptions = self._protocol.subscriptions(self._symbols)
        return Line(name, self._protocol, subscriptions, self._timing, self._receiver, self._clock)

    async def _until_live(self, line: Line) -> None:
        while line.cause is None and line.life.live_since is None:
            await self._wait(line, line.life.deadline())

    def _go_live(self, line: Line) -> None:
        counts, now = self._receiver.counts, self._clock.time_ns()
        counts.connections += 1
        counts.connected_at = now
        counts.refusals += len(line.life.refused)
        if line.life.refused:
            structlog.get_logger().warning("subscriptions refused", symbols=line.life.refused)
        if self._live is None and counts.connections > 1:
            self._receiver.reconnected(self._lost_at, now, line.name)
        self._live = line
        self._tell("live")

    async def _stay(self, line: Line) -> None:
        """Return when there is no line any more."""
        try:
            while line.cause is None:
                line = await self._next(line)
        finally:
            self._live = None
            line.end("closed", "stopped")
        line.check()
        self._lost_at = self._receiver.counts.message_at
        self._backoff.lived(self._clock.monotonic() - (line.life.live_since or 0.0))
        self._fail(line, line.cause)

    async def _next(self, line: Line) -> Line:
        """The line itself after a while, or the one that replaces it."""
        rotation = line.life.rotation()
        if not self._changed and self._clock.monotonic() < rotation:
            await self._wait(line, min(line.life.deadline(), rotation))
            return line
        changed = self._changed
        successor = await self._opened_line()
        if successor is None:
            self._changed = self._changed or changed
            await self._clock.sleep(self._backoff.pause())
            # Nobody looked after the old line meanwhile.
            await self._wait(line, self._clock.monotonic())
            return line
        self._receiver.counts.rotations += 1
        self._leave(line)
        return successor

    def _leave(self, line: Line) -> None:
        """Hang up once all has arrived that was said before the successor was live."""
        self._left = [each for each in self._left if each.cause is None] + [line]
        asyncio.get_running_loop().call_later(OVERLAP_SECONDS, line.end, "closed", "replaced")

    async def _wait(self, line: Line, until: float) -> None:
        """Return when a line stirs, at the latest at a time; ends it if it is overdue."""
        seconds = max(0.0, until - self._clock.monotonic())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await line.stirred.wait()
        line.stirred.clear()
        overdue = line.life.overdue(self._clock.monotonic())
        if overdue is not None and line.cause is None:
            line.end(overdue)
        line.check()

    def _fail(self, line: Line, cause: Cause | None) -> None:
        self._receiver.counts.failures[cause or "closed"] += 1
        structlog.get_logger().info(
            "connection lost", connection=line.name, cause=cause, detail=line.detail
        )

    def _tell(self, state: State) -> None:
        """Tell what the feed does; while a line is live nothing else counts."""
        if self._live is None or state == "live":
            self._receiver.counts.state = state


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise InvalidInput(
            f"no address of a WebSocket: {shown(url)}", remedy="give one as wss://host/path"
        )
    return url
