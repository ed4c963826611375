"""An exchange that says as much as anybody takes, made before it is asked.

python -m benchmarks.market_source PROTOCOL TRADES A_MESSAGE
"""

from __future__ import annotations

import asyncio
import random
import sys
from itertools import count

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from kato.market.feeds.clock import SystemClock
from kato.market.feeds.protocols import protocol_of
from kato.market.instruments import Instruments
from kato.market.simulator.market import Market
from kato.market.simulator.wire import WIRES

ANSWERS = 2
"""Messages of a connection before its first trades, where they are counted: Coinbase's answers."""

AT_ONCE = 200
"""Messages between two looks whether the other side still takes them."""


def texts(protocol: str, trades: int, a_message: int) -> list[bytes]:
    """Messages that tell trades of all instruments of an exchange."""
    instruments = Instruments.default().of(protocol_of(protocol).exchange, protocol)
    market = Market(protocol, instruments, random.Random(1), SystemClock())  # noqa: S311
    numbers, told = count(ANSWERS), []
    for _ in range(trades // a_message):
        made = [market.trade() for _ in range(a_message)]
        told += WIRES[protocol].trades(made, lambda: next(numbers))
    return [text.encode() for text in told]


class Source(WSListener):
    """Acknowledges a subscription, and tells everything.

    Args:
        protocol: How.
        messages: What.
    """

    def __init__(self, protocol: str, messages: list[bytes]) -> None:
        self._wire = WIRES[protocol]
        self._messages = messages
        self._symbols: list[str] = []
        self._numbers = count()
        self._is_taken = asyncio.Event()
        self._is_taken.set()
        self._task: asyncio.Task[None] | None = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer a request."""
        asked = self._wire.asked(frame.get_payload_as_bytes())
        if frame.msg_type is not WSMsgType.TEXT or asked is None:
            return
        self._symbols += asked.symbols
        for text in self._wire.acknowledge(asked, self._symbols, self._numbers.__next__):
            transport.send(WSMsgType.TEXT, text.encode())
        if asked.symbols:
            self._task = asyncio.create_task(self._tell(transport))

    def pause_writing(self) -> None:
        """Wait."""
        self._is_taken.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_taken.set()

    async def _tell(self, transport: WSTransport) -> None:
        for start in range(0, len(self._messages), AT_ONCE):
            for text in self._messages[start : start + AT_ONCE]:
                transport.send(WSMsgType.TEXT, text)
            await asyncio.sleep(0)
            await self._is_taken.wait()


async def serve(protocol: str, messages: list[bytes]) -> None:
    """Listen for ever; prints the port."""

    def listener(_request: WSUpgradeRequest) -> WSListener:
        return Source(protocol, messages)

    server = await ws_create_server(listener, "127.0.0.1", 0, logger_name="source")
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """See the module."""
    protocol, trades, a_message = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    uvloop.run(serve(protocol, texts(protocol, trades, a_message)))


if __name__ == "__main__":
    main()
