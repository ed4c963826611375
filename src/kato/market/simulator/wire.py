"""What simulated exchanges write, and what they understand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from kato.market.simulator.truth import Made
from kato.market.trade import Side

Number = Callable[[], int]
"""The next number of a message of a connection."""

SNAPSHOT_TRADES = 50


class Asked(msgspec.Struct, frozen=True):
    """A subscription that somebody asked for.

    Attributes:
        symbols: To which; empty for what is no trades.
        id: Of the request, if it has one.
    """

    symbols: tuple[str, ...]
    id: int | None = None


class Wire(Protocol):
    """How an exchange writes.

    Attributes:
        snapshots: Whether a subscription begins with the last trades.
    """

    snapshots: bool

    def asked(self, text: bytes) -> Asked | None:
        """What a text of a client asks for; None if it is nothing that is known."""

    def acknowledge(self, asked: Asked, all_symbols: Sequence[str], number: Number) -> list[str]:
        """The answer, where the client has subscribed to all these symbols by now."""

    def refuse(self, asked: Asked) -> list[str]:
        """The other answer."""

    def trades(self, trades: Sequence[Made], number: Number) -> list[str]:
        """The messages that tell trades."""

    def malformed(self, trades: Sequence[Made], number: Number) -> list[str]:
        """The same, where the price of the last one is no number."""

    def snapshot(self, trades: Sequence[Made], number: Number) -> list[str]:
        """The last trades of a symbol."""

    def heartbeat(self, number: Number) -> str | None:
        """A sign of life, sent every second; None if there is none."""


class BinanceWire:
    """Writes as Binance does."""

    snapshots = False

    def asked(self, text: bytes) -> Asked | None:
        """``{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}``."""
        fields = _fields(text)
        if fields.get("method") != "SUBSCRIBE":
            return None
        names = tuple(name.removesuffix("@trade").upper() for name in fields["params"])
        return Asked(names, fields["id"])

    def acknowledge(self, asked: Asked, _all: Sequence[str], _number: Number) -> list[str]:
        """One answer to a request."""
        return [f'{{"result":null,"id":{asked.id}}}']

    def refuse(self, asked: Asked) -> list[str]:
        """One answer to a request."""
        return [f'{{"error":{{"code":2,"msg":"Invalid request"}},"id":{asked.id}}}']

    def trades(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """A message each."""
        return [_binance(each, f"{_long(each.price)}") for each in trades]

    def malformed(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """A message each."""
        return [*self.trades(trades[:-1], _number), _binance(trades[-1], "abc")]

    def snapshot(self, _trades: Sequence[Made], _number: Number) -> list[str]:
        """None."""
        return []

    def heartbeat(self, _number: Number) -> str | None:
        """None."""
        return None


class KrakenWire:
    """Writes as version 2 of Kraken does."""

    snapshots = True

    def asked(self, text: bytes) -> Asked | None:
        """``{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}``."""
        fields = _fields(text)
        if fields.get("method") != "subscribe":
            return None
        return Asked(tuple(fields["params"]["symbol"]), fields.get("req_id"))

    def acknowledge(self, asked: Asked, _all: Sequence[str], _number: Number) -> list[str]:
        """An answer for each symbol."""
        return [
            f'{{"method":"subscribe","result":{{"channel":"trade","snapshot":true,'
            f'"symbol":{_quoted(symbol)}}},"success":true}}'
            for symbol in asked.symbols
        ]

    def refuse(self, asked: Asked) -> list[str]:
        """An answer for each symbol."""
        return [
            f'{{"error":"Currency pair not supported","method":"subscribe","success":false,'
            f'"symbol":{_quoted(symbol)}}}'
            for symbol in asked.symbols
        ]

    def trades(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """All in a message."""
        return [_kraken("update", [_kraken_trade(each, _plain(each.price)) for each in trades])]

    def malformed(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """All in a message."""
        good = [_kraken_trade(each, _plain(each.price)) for each in trades[:-1]]
        return [_kraken("update", [*good, _kraken_trade(trades[-1], '"abc"')])]

    def snapshot(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """All in a message."""
        return [_kraken("snapshot", [_kraken_trade(each, _plain(each.price)) for each in trades])]

    def heartbeat(self, _number: Number) -> str:
        """One for all."""
        return '{"channel":"heartbeat"}'


class KrakenV1Wire:
    """Writes as version 1 of Kraken does."""

    snapshots = True

    def asked(self, text: bytes) -> Asked | None:
        """``{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"trade"}}``."""
        fields = _fields(text)
        return Asked(tuple(fields["pair"])) if fields.get("event") == "subscribe" else None

    def acknowledge(self, asked: Asked, _all: Sequence[str], _number: Number) -> list[str]:
        """An answer for each pair."""
        return [
            f'{{"channelID":337,"channelName":"trade","event":"subscriptionStatus",'
            f'"pair":{_quoted(symbol)},"status":"subscribed","subscription":{{"name":"trade"}}}}'
            for symbol in asked.symbols
        ]

    def refuse(self, asked: Asked) -> list[str]:
        """An answer for each pair."""
        return [
            f'{{"errorMessage":"Currency pair not supported","event":"subscriptionStatus",'
            f'"pair":{_quoted(symbol)},"status":"error"}}'
            for symbol in asked.symbols
        ]

    def trades(self, trades: Sequence[Made], _number: Number) -> list[str]:
        """A message for each pair."""
        return [
            _kraken_v1(pair, [_v1_trade(each, _plain(each.price)) for each in group])
            for pair, group in _by_symbol(trades).items()
        ]

    def malformed(self, trades: Sequence[Made], number: Number) -> list[str]:
        """A message for each pair of the good ones, and one for the bad one."""
        bad = _kraken_v1(trades[-1].symbol, [_v1_trade(trades[-1], "abc")])
        return [*self.trades(trades[:-1], number), bad]

    def snapshot(self, trades: Sequence[Made], number: Number) -> list[str]:
        """A message that looks like any other."""
        return self.trades(trades, number)

    def heartbeat(self, _number: Number) -> str:
        """One for all."""
        return '{"event":"heartbeat"}'


class CoinbaseWire:
    """Writes as Coinbase does."""

    snapshots = True

    def asked(self, text: bytes) -> Asked | None:
        """``{"type":"subscribe","channel":"market_trades","product_ids":["BTC-USD"]}``."""
        fields = _fields(text)
        if fields.get("type") != "subscribe":
            return None
        return Asked(tuple(fields.get("product_ids", ())))

    def acknowledge(self, _asked: Asked, all_symbols: Sequence[str], number: Number) -> list[str]:
        """All that is subscribed to."""
        told = {"heartbeats": ["heartbeats"]}
        if all_symbols:
            told["market_trades"] = list(all_symbols)
        events = msgspec.json.encode([{"subscriptions": told}]).decode()
        return [_coinbase("subscriptions", number(), events)]

    def refuse(self, _asked: Asked) -> list[str]:
        """One answer for all."""
        return ['{"type":"error","message":"failure to subscribe"}']

    def trades(self, trades: Sequence[Made], number: Number) -> list[str]:
        """All in a message."""
        told = [_coinbase_trade(each, _plain(each.price)) for each in trades]
        return [_market_trades("update", told, number())]

    def malformed(self, trades: Sequence[Made], number: Number) -> list[str]:
        """All in a message."""
        good = [_coinbase_trade(each, _plain(each.price)) for each in trades[:-1]]
        return [_market_trades("update", [*good, _coinbase_trade(trades[-1], "abc")], number())]

    def snapshot(self, trades: Sequence[Made], number: Number) -> list[str]:
        """All in a message, the newest first."""
        told = [_coinbase_trade(each, _plain(each.price)) for each in reversed(trades)]
        return [_market_trades("snapshot", told, number())]

    def heartbeat(self, number: Number) -> str:
        """One for all, counted like every message."""
        place = number()
        return _coinbase("heartbeats", place, f'[{{"heartbeat_counter":{place}}}]')


WIRES: Mapping[str, Wire] = MappingProxyType(
    {
        "binance": BinanceWire(),
        "kraken": KrakenWire(),
        "kraken_v1": KrakenV1Wire(),
        "coinbase": CoinbaseWire(),
    }
)

GARBAGE = (
    b"",
    b"{",
    b"null",
    b"42",
    b'"trade"',
    b"[]",
    b"[1,[],2]",
    b"{}",
    b'{"e":"trade"}',
    b'{"e":"trade","s":1,"t":"x","p":[],"q":{},"T":null,"m":2}',
    b'{"channel":"trade"}',
    b'{"channel":"market_trades"}',
    b"\xff\xfe\x00garbage",
    b'{"a":' * 5000,
    b"<html>503 Service Temporarily Unavailable</html>",
)


def _fields(text: bytes) -> dict[str, Any]:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(text, type=dict[str, Any])
    return {}


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _plain(number: Decimal) -> str:
    return format(number, "f")


def _long(number: Decimal) -> str:
    """Binance writes eight digits after the point always."""
    exponent = number.as_tuple().exponent
    return _plain(number) if isinstance(exponent, int) and exponent < -8 else f"{number:.8f}"


def _binance(made: Made, price: str) -> str:
    maker = "true" if made.side is Side.SELL else "false"
    time = made.time // 10**6
    return (
        f'{{"e":"trade","E":{time + 1},"s":{_quoted(made.symbol)},"t":{made.number},"p":"{price}",'
        f'"q":"{_long(made.size)}","T":{time},"m":{maker},"M":true}}'
    )


def _kraken(kind: str, trades: Sequence[str]) -> str:
    return f'{{"channel":"trade","type":"{kind}","data":[{",".join(trades)}]}}'


def _kraken_trade(made: Made, price: str) -> str:
    return (
        f'{{"symbol":{_quoted(made.symbol)},"side":"{made.side.name.lower()}","price":{price},'
        f'"qty":{_plain(made.size)},"ord_type":"limit","trade_id":{made.number},'
        f'"timestamp":"{_rfc_3339(made.time, 6)}"}}'
    )


def _kraken_v1(pair: str, trades: Sequence[str]) -> str:
    return f'[337,[{",".join(trades)}],"trade",{_quoted(pair)}]'


def _v1_trade(made: Made, price: str) -> str:
    seconds = f"{made.time // 10**9}.{made.time % 10**9 // 1000:06}"
    side = made.side.name[0].lower()
    return f'["{price}","{_plain(made.size)}","{seconds}","{side}","l",""]'


def _coinbase(channel: str, number: int, events: str) -> str:
    return (
        f'{{"channel":"{channel}","client_id":"","timestamp":"2023-02-09T20:19:35.39625135Z",'
        f'"sequence_num":{number},"events":{events}}}'
    )


def _market_trades(kind: str, trades: Sequence[str], number: int) -> str:
    return _coinbase(
        "market_trades", number, f'[{{"type":"{kind}","trades":[{",".join(trades)}]}}]'
    )


def _coinbase_trade(made: Made, price: str) -> str:
    maker = "SELL" if made.side is Side.BUY else "BUY"
    return (
        f'{{"trade_id":"{made.number}","product_id":{_quoted(made.symbol)},"price":"{price}",'
        f'"size":"{_plain(made.size)}","side":"{maker}","time":"{_rfc_3339(made.time, 9)}"}}'
    )


def _rfc_3339(time: int, digits: int) -> str:
    seconds, fraction = divmod(time, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{fraction // 10 ** (9 - digits):0{digits}}Z"


def _by_symbol(trades: Sequence[Made]) -> dict[str, list[Made]]:
    groups: dict[str, list[Made]] = {}
    for each in trades:
        groups.setdefault(each.symbol, []).append(each)
    return groups
