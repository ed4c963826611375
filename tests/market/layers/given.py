"""Records, stores and a recount of candles for the tests of layers and ingest."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import msgspec

from kato.errors import UnreadableInput
from kato.market.answers import Candle
from kato.market.ingest.intents import Intents
from kato.market.ingest.log import BatchLog
from kato.market.ingest.seen import Seen
from kato.market.ingest.sink import LayerSink
from kato.market.log.records import Position, Record, Span, raw_topic
from kato.market.timeframes import Timeframe
from kato.market.trade import Side, Trade
from kato.storage.batches import Writer
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.connection import Connection

HOUR = 3600.0
NS = 1_000_000_000
NOON = 1_737_115_200 * NS
"""2025-01-17 12:00 UTC."""

_groups = itertools.count()


class Written:
    """Reads records whose value is a list of trades in JSON."""

    def trades(self, _exchange: str, record: Record) -> Sequence[Trade]:
        try:
            found = msgspec.json.decode(record.value, type=list[Trade], strict=False)
        except msgspec.DecodeError as error:
            raise UnreadableInput(str(error)) from error
        return [trade for trade in found if trade.symbol == record.key]

    def symbol(self, _exchange: str, native: str) -> str | None:
        return None if native.startswith("?") else native.replace("-", "/")

    def is_consecutive(self, exchange: str) -> bool:
        return exchange == "binance"

    def follow(self) -> None:
        """Nothing changes."""


class ListedLog:
    """A log in memory: as many records at a time as it is told to give.

    Args:
        exchange: Whose raw topic it is.
        first: Offset of its first record.
    """

    def __init__(self, exchange: str = "binance", first: int = 0) -> None:
        self.position = Position(raw_topic(exchange), 0)
        self.first = first
        self.records: list[Record] = []
        self.batch = 1 << 30

    def add(self, key: str, value: bytes, headers: Mapping[str, bytes] | None = None) -> None:
        offset = self.first + len(self.records)
        given = {"received": str(NOON).encode(), "connection": b"c"} if headers is None else headers
        self.records.append(Record(*self.position, offset, key, value, given))

    def add_trades(self, trades: Sequence[Trade]) -> None:
        for key in dict.fromkeys(trade.symbol for trade in trades):
            self.add(key, msgspec.json.encode(trades))

    @property
    def name(self) -> str:
        return "listed"

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        return [self.position] if self.position.topic in topics else []

    def bounds(self, _position: Position) -> tuple[int, int]:
        return self.first, self.first + len(self.records)

    def poll(self, after: Mapping[Position, int], rows: int, _seconds: float) -> list[Record]:
        start = after[self.position] - self.first
        return self.records[start : start + min(rows, self.batch)]

    def read(self, spans: Sequence[Span]) -> list[Record]:
        return [
            record
            for span in spans
            for record in self.records[span.start - self.first : span.stop - self.first]
        ]

    def close(self) -> None:
        """Nothing is held."""


class Carrier:
    """Ingest over a listed log, step by step, in a group of its own.

    Args:
        clickhouse: Where the layers are.
        ledger: Where batches are claimed.
        exchange: Whose trades.
    """

    def __init__(
        self, clickhouse: ClickHouse, ledger: Connection, exchange: str = "binance"
    ) -> None:
        number = next(_groups)
        self.clickhouse = clickhouse
        self.intents = Intents(ledger, f"test {number} {id(ledger)}")
        # Offsets of its own: bronze is told apart by them.
        self.log = ListedLog(exchange, first=number * 1_000_000)
        self.restart()

    def restart(self) -> None:
        """Forget all that is in the process only."""
        self.batches = BatchLog(self.log, self.intents, Written(), Seen(self.clickhouse))
        self.sink: Any = LayerSink(self.clickhouse)

    def step(self) -> int:
        """Carry one batch."""
        self.batches._looked_at = 0.0
        return Writer(self.batches, self.sink, HOUR).step()

    def carry(self, *batches: Sequence[Trade]) -> None:
        """Carry trades, each of these lists as a record a symbol and all of it as a batch."""
        for trades in batches:
            before = len(self.log.records)
            self.log.add_trades(trades)
            self.log.batch = len(self.log.records) - before
            self.step()


def trade(symbol: str, number: int, time: int, price: str = "1", **more: Any) -> Trade:
    """A trade whose id is its number in the sequence."""
    size = Decimal(more.pop("size", "1"))
    side = more.pop("side", Side.BUY)
    return Trade(symbol, str(number), number, Decimal(price), size, side, time, **more)


def candles_of(exchange: str, trades: Sequence[Trade], length: Timeframe) -> list[Candle]:
    """The candles of distinct trades, counted in the plainest way there is."""
    windows: dict[tuple[str, int], dict[str, Trade]] = {}
    for one in trades:
        key = (one.symbol.replace("-", "/"), length.start(one.time))
        windows.setdefault(key, {})[one.id] = one
    return [
        _candle(exchange, symbol, start, list(found.values()))
        for (symbol, start), found in sorted(windows.items())
    ]


def _candle(exchange: str, symbol: str, start: int, trades: list[Trade]) -> Candle:
    trades.sort(key=lambda one: (one.time, one.sequence, one.id))
    with localcontext(prec=200):
        volume = sum((one.size for one in trades), Decimal(0))
        quotes = sum((one.price * one.size for one in trades), Decimal(0))
        bought = sum((one.size for one in trades if one.side == Side.BUY), Decimal(0))
        vwap = (quotes / volume).quantize(Decimal("1e-12"), rounding=ROUND_HALF_EVEN)
    return Candle(
        exchange,
        symbol,
        start,
        trades[0].price,
        max(one.price for one in trades),
        min(one.price for one in trades),
        trades[-1].price,
        volume,
        quotes,
        bought,
        len(trades),
        vwap,
        trades[0].time,
        trades[-1].time,
        sealed=False,
    )


def unsealed(candles: Sequence[Candle]) -> list[Candle]:
    """The same, whether they are sealed or not."""
    return [msgspec.structs.replace(candle, sealed=False) for candle in candles]
