"""A line: one WebSocket to an exchange, from the first byte to the last.

picows calls it from within the event loop, where an error would only be logged: it is kept here,
and whoever waits for the line raises it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from kato.market.feeds.clock import Clock
from kato.market.feeds.life import Cause, Life, Timing
from kato.market.feeds.protocol import ExchangeProtocol, Subscription

if TYPE_CHECKING:
    from kato.market.feeds.connection import Receiver

PING_AFTER, PONG_WITHIN = 15.0, 10.0
LONGEST_MESSAGE = 16 << 20


class Unreachable(Exception):
    """The exchange does not take the connection."""


class Line(WSListener):
    """A connection that subscribes when it opens, and hands on all that it hears.

    Args:
        name: What the records call it.
        protocol: How the exchange talks.
        subscriptions: What to ask for.
        timing: How long to wait.
        receiver: Who gets the messages.
        clock: The time.

    Attributes:
        life: What it waits for.
        cause: Why it ended; None while it has not.
        detail: The same, in words.
        failure: An error of the receiver.
        stirred: Set when it went live or ended.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that a line is made of
        self,
        name: str,
        protocol: ExchangeProtocol,
        subscriptions: list[Subscription],
        timing: Timing,
        receiver: Receiver,
        clock: Clock,
    ) -> None:
        self.name = name
        self.life = Life(subscriptions, timing, clock.monotonic())
        self.cause: Cause | None = None
        self.detail = ""
        self.failure: Exception | None = None
        self.stirred = asyncio.Event()
        self._protocol = protocol
        self._subscriptions = subscriptions
        self._timing = timing
        self._receiver = receiver
        self._clock = clock
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []

    async def open(self, url: str) -> None:
        """Connect and subscribe.

        Raises:
            Unreachable: The exchange does not take the connection.
        """
        try:
            async with asyncio.timeout(self._timing.connected):
                await ws_connect(
                    lambda: self,
                    url,
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=PING_AFTER,
                    auto_ping_reply_timeout=PONG_WITHIN,
                    max_frame_size=LONGEST_MESSAGE,
                )
        except (OSError, WSError, TimeoutError) as error:
            raise Unreachable(repr(error)) from error

    def end(self, cause: Cause, detail: str = "") -> None:
        """Hang up; what comes after that is not heard."""
        if self.cause is None:
            self.cause, self.detail = cause, detail
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect(graceful=False)
        self.stirred.set()

    def check(self) -> None:
        """Raise the error of the receiver, if there was one."""
        if self.failure is not None:
            raise self.failure

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Subscribe."""
        self._transport = transport
        for subscription in self._subscriptions:
            transport.send(WSMsgType.TEXT, subscription.text)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Take a frame: a whole message mostly."""
        if self.cause is not None:
            return
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            self.end("closed", f"code {frame.get_close_code()}")
        elif kind not in _CONTROL:
            self._take(frame.get_payload_as_bytes(), whole=frame.fin)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Say that it ended."""
        self._transport = None
        self.end("closed", "connection lost")

    def _take(self, payload: bytes, *, whole: bool) -> None:
        if whole and not self._parts:
            self._hear(payload)
            return
        self._parts.append(payload)
        if sum(map(len, self._parts)) > LONGEST_MESSAGE:
            self.end("closed", "a message without end")
        elif whole:
            text = b"".join(self._parts)
            self._parts.clear()
            self._hear(text)

    def _hear(self, text: bytes) -> None:
        received = self._clock.time_ns()
        message = self._protocol.decode(text)
        self.life.take(message, self._clock.monotonic())
        try:
            self._receiver.receive(message, text, received, self.name)
        except Exception as error:  # noqa: BLE001 - raised by whoever waits for the line
            self.failure = error
            self.end("closed", repr(error))
        if message.kind in _ANSWERS:
            self.stirred.set()


_CONTROL = (WSMsgType.PING, WSMsgType.PONG)
_ANSWERS = ("acknowledgement", "refusal")
