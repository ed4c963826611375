"""All simulated exchanges behind one address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from picows import WSListener, WSUpgradeRequest, ws_create_server

from kato.errors import ServiceUnavailable
from kato.market.feeds.clock import Clock, SystemClock
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.instruments import Instruments
from kato.market.simulator.faults import Faults
from kato.market.simulator.truth import Made, Truth
from kato.market.simulator.venue import Venue

BEAT_SECONDS = 1.0
STEPS_A_SECOND = 100


class Simulator:
    """Exchanges that listen on this machine, each at ``/<protocol>``, while this is open.

    Args:
        seed: The same seed makes the same trades, and lets the same go wrong with them.
        faults: What goes wrong.
        instruments: What is traded.
        protocols: Which exchanges there are; all by default.
        clock: The time of trades.
        told: Called with each trade when it is told for the first time.
        port: Where to listen; 0 takes a free one.

    Attributes:
        venues: The exchanges, by protocol.
        port: Where they listen.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        seed: int = 0,
        faults: Faults | None = None,
        *,
        instruments: Instruments | None = None,
        protocols: Iterable[str] = tuple(PROTOCOLS),
        clock: Clock | None = None,
        told: Callable[[Made], None] | None = None,
        port: int = 0,
    ) -> None:
        self._clock: Clock = clock or SystemClock()
        known = instruments or Instruments.default()
        self.port = port
        self.venues: Mapping[str, Venue] = {
            name: Venue(
                name,
                known.of(PROTOCOLS[name].exchange, name),
                seed,
                faults or Faults(),
                self._clock,
                Truth(told),
            )
            for name in protocols
        }
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        try:
            self._server = await ws_create_server(self._listener, "127.0.0.1", self.port)
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot listen on port {self.port}: {error.strerror}", remedy="choose another one"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for venue in self.venues.values():
            venue.drop()

    def url(self, protocol: str) -> str:
        """Where an exchange listens."""
        return f"ws://127.0.0.1:{self.port}/{protocol}"

    async def run(self, rate: float) -> None:
        """Trade until the task is cancelled.

        Args:
            rate: Trades a second of each exchange.
        """
        steps = min(float(STEPS_A_SECOND), max(rate, 1e-9))
        began, beaten, made = self._clock.monotonic(), self._clock.monotonic(), 0
        while True:
            await self._clock.sleep(1.0 / steps)
            now = self._clock.monotonic()
            due = int((now - began) * rate)
            for venue in self.venues.values():
                venue.step(due - made)
            made = due
            if now >= beaten + BEAT_SECONDS:
                beaten = now
                self._beat()

    def _beat(self) -> None:
        for venue in self.venues.values():
            venue.beat()

    def _listener(self, request: WSUpgradeRequest) -> WSListener | None:
        venue = self.venues.get(request.path.decode("ascii", "replace").strip("/"))
        return None if venue is None else venue.connect()
