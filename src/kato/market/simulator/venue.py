"""One simulated exchange: its market, its clients, and what it tells them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from kato.market.feeds.clock import Clock
from kato.market.instruments import Instrument
from kato.market.simulator.faults import Faults
from kato.market.simulator.market import Market
from kato.market.simulator.truth import Made, Truth
from kato.market.simulator.wire import GARBAGE, SNAPSHOT_TRADES, WIRES, Asked
from kato.market.trade import Side

UNKNOWN = "NOSUCH/THING"
TRADES_A_MESSAGE = 5


class Venue:
    """An exchange that speaks one protocol.

    Args:
        protocol: Which one.
        instruments: What is traded.
        seed: Where chance begins.
        faults: What goes wrong.
        clock: The time of trades.
        truth: What really happens.

    Attributes:
        faults: What goes wrong from now on.
        truth: What really happened.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that an exchange is made of
        self,
        protocol: str,
        instruments: Sequence[Instrument],
        seed: int,
        faults: Faults,
        clock: Clock,
        truth: Truth,
    ) -> None:
        self.faults = faults
        self.truth = truth
        self.wire = WIRES[protocol]
        # What clients do must not change what trades are made.
        self._chance = random.Random(f"{seed} {protocol} trades")  # noqa: S311 - no secret
        self._moods = random.Random(f"{seed} {protocol} answers")  # noqa: S311 - no secret
        self._market = Market(protocol, instruments, self._chance, clock)
        self._recent: dict[str, deque[Made]] = {
            each.native: deque(maxlen=SNAPSHOT_TRADES) for each in instruments
        }
        self._held: list[Made] = []
        self._clients: set[Client] = set()

    def step(self, trades: int = 1) -> None:
        """Make trades, and tell them, with all that may go wrong."""
        told = self._told([self._make() for _ in range(trades)])
        while told:
            size = self._chance.randint(1, TRADES_A_MESSAGE)
            self._send(told[:size], again=self._goes_wrong("again"))
            told = told[size:]
        self._disturb()

    def settle(self) -> None:
        """Tell what was held back."""
        if self._held:
            self._send(self._held, again=False)
            self._held = []

    def beat(self) -> None:
        """Send everybody a heartbeat."""
        for client in list(self._clients):
            text = self.wire.heartbeat(client.number)
            if text is not None:
                client.send(text)

    def drop(self) -> None:
        """Hang up on everybody, when all is sent."""
        for client in list(self._clients):
            self.truth.faults["drop"] += client.is_told
            client.hang_up()

    def stall(self) -> None:
        """Say no more to those who are connected."""
        for client in list(self._clients):
            self.truth.faults["stall"] += client.is_told
            client.silent = True

    def connect(self) -> Client:
        """A client more."""
        return Client(self)

    def answer(self, client: Client, asked: Asked) -> None:
        """Answer a subscription."""
        if self._moods.random() < self.faults.unanswered:
            self.truth.faults["unanswered"] += 1
            return
        if self._moods.random() < self.faults.refused:
            self.truth.faults["refused"] += 1
            for text in self.wire.refuse(asked):
                client.send(text)
            return
        self._subscribe(client, asked)

    def come(self, client: Client) -> None:
        """Take note of a client."""
        self._clients.add(client)

    def go(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    def _subscribe(self, client: Client, asked: Asked) -> None:
        known = [symbol for symbol in asked.symbols if symbol in self._recent]
        unknown = tuple(symbol for symbol in asked.symbols if symbol not in self._recent)
        client.symbols.update(dict.fromkeys(known))
        if known or not asked.symbols:
            good = msgspec.structs.replace(asked, symbols=tuple(known))
            for text in self.wire.acknowledge(good, list(client.symbols), client.number):
                client.send(text)
        if unknown:
            for text in self.wire.refuse(msgspec.structs.replace(asked, symbols=unknown)):
                client.send(text)
        for symbol in known:
            self._snapshot(client, symbol)

    def _snapshot(self, client: Client, symbol: str) -> None:
        recent = list(self._recent[symbol])
        if recent and self.wire.snapshots:
            for text in self.wire.snapshot(recent, client.number):
                client.tell(text, recent)

    def _make(self) -> Made:
        made = self._market.trade(invalid=self._goes_wrong("invalid"))
        self.truth.made.append(made)
        self._recent[made.symbol].append(made)
        return made

    def _told(self, made: Sequence[Made]) -> list[Made]:
        """What is told of these now: not what is lost, and what was late before."""
        now: list[Made] = []
        held, self._held = self._held, []
        for each in made:
            if self._goes_wrong("lost"):
                continue
            (self._held if self._goes_wrong("late") else now).append(each)
        return now + held

    def _send(self, trades: Sequence[Made], *, again: bool) -> None:
        for client in self._listeners():
            wanted = [each for each in trades if each.symbol in client.symbols]
            if wanted:
                for _ in range(1 + again):
                    for text in self.wire.trades(wanted, client.number):
                        client.tell(text, wanted)

    def _disturb(self) -> None:
        for fault, harm in (
            ("garbage", self._talk_garbage),
            ("unknown", self._tell_unknown),
            ("malformed", self._tell_malformed),
            ("stall", self.stall),
            ("drop", self.drop),
        ):
            if getattr(self.faults, fault) and self._goes_wrong(fault, count=False):
                harm()

    def _talk_garbage(self) -> None:
        text = self._chance.choice(GARBAGE)
        for client in self._listeners():
            self.truth.faults["garbage"] += client.send_bytes(text)

    def _tell_unknown(self) -> None:
        made = _made_up(UNKNOWN, self._chance)
        for client in self._listeners():
            for text in self.wire.trades([made], client.number):
                self.truth.faults["unknown"] += client.send(text)

    def _tell_malformed(self) -> None:
        good = self._make()
        bad = _made_up(good.symbol, self._chance)
        for client in self._listeners():
            wanted = [good] if good.symbol in client.symbols else []
            for text in self.wire.malformed([*wanted, bad], client.number):
                client.tell(text, wanted)
            self.truth.faults["malformed"] += client.is_told

    def _listeners(self) -> list[Client]:
        """Who subscribed to something: the others are about to go."""
        return [client for client in self._clients if client.symbols]

    def _goes_wrong(self, fault: str, *, count: bool = True) -> bool:
        wrong: bool = self._chance.random() < getattr(self.faults, fault)
        if wrong and count:
            self.truth.faults[fault] += 1
        return wrong


def _made_up(symbol: str, chance: random.Random) -> Made:
    """A trade that never was."""
    return Made(
        "binance", symbol, chance.randint(10**9, 10**10), Decimal(1), Decimal(1), Side.BUY, 0
    )


class Client(WSListener):
    """Somebody who is connected.

    Args:
        venue: To which exchange.

    Attributes:
        symbols: What it subscribed to, in order.
        silent: Whether it is told no more.
    """

    def __init__(self, venue: Venue) -> None:
        self.symbols: dict[str, None] = {}
        self.silent = False
        self._venue = venue
        self._transport: WSTransport | None = None
        self._number = -1

    @property
    def is_told(self) -> bool:
        """Whether what is sent goes out."""
        transport = self._transport
        return not (self.silent or transport is None or transport.is_disconnected)

    def number(self) -> int:
        """The number of the next message."""
        self._number += 1
        return self._number

    def tell(self, text: str, trades: Sequence[Made]) -> None:
        """Send a text that tells trades."""
        if self.send(text):
            self._venue.truth.tell(trades)

    def send(self, text: str) -> bool:
        """Send a text; answers whether it is on its way."""
        return self._send(WSMsgType.TEXT, text.encode())

    def send_bytes(self, payload: bytes) -> bool:
        """Send anything."""
        return self._send(WSMsgType.TEXT if payload.isascii() else WSMsgType.BINARY, payload)

    def hang_up(self) -> None:
        """Close, behind all that was sent."""
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.GOING_AWAY)
            self._transport.disconnect(graceful=True)
        self._venue.go(self)
        self._transport = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take note of it."""
        self._transport = transport
        self._venue.come(self)

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """Answer a request."""
        if frame.msg_type is WSMsgType.CLOSE:
            self.hang_up()
        elif frame.msg_type is WSMsgType.TEXT:
            asked = self._venue.wire.asked(frame.get_payload_as_bytes())
            if asked is not None:
                self._venue.answer(self, asked)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """Take note of it."""
        self._transport = None
        self._venue.go(self)

    def _send(self, kind: WSMsgType, payload: bytes) -> bool:
        if self._transport is None or not self.is_told:
            return False
        self._transport.send(kind, payload)
        return True
