"""Kraken, version 1 of its WebSocket: a fallback without trade ids.

The id of a trade is a hash of all that is said of it, and of its number among the equal ones of its
message. So what a subscription tells again is found to be the same; but two equal trades that come
in two messages are taken for one, and two in one message for others than when a snapshot cuts
between them. That is best effort, and ``vendor["id"] == "hash"`` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from kato.market.feeds.protocol import UNREADABLE, Message, Subscription, unreadable
from kato.market.feeds.sides import taker
from kato.market.feeds.times import from_seconds
from kato.market.trade import Exchange, Trade

ID_BYTES = 12


class _Trade(msgspec.Struct, array_like=True, frozen=True):
    price: Decimal
    volume: Decimal
    time: str
    side: str
    type: str
    misc: str = ""


class _Update(msgspec.Struct, array_like=True):
    channel: int
    trades: list[_Trade]
    name: Literal["trade"]
    pair: str


class _Pieces(msgspec.Struct, array_like=True):
    channel: int
    trades: list[msgspec.Raw]
    name: Literal["trade"]
    pair: str


_update = msgspec.json.Decoder(_Update)
_pieces = msgspec.json.Decoder(_Pieces)
_piece = msgspec.json.Decoder(_Trade)


class KrakenV1:
    """Version 1 of the protocol of Kraken; see
    :class:`~kato.market.feeds.protocol.ExchangeProtocol`.

    >>> KrakenV1().decode(b'{"event":"heartbeat"}').kind
    'heartbeat'
    """  # noqa: D205 - the reference does not fit in the line

    name = "kraken_v1"
    exchange: Exchange = "kraken"
    url = "wss://ws.kraken.com"
    consecutive = False
    silence = 10.0  # a heartbeat comes every second
    lifetime = 23.0 * 3600

    def subscriptions(self, symbols: Sequence[str]) -> list[Subscription]:
        """One request; each pair is acknowledged alone."""
        request = {
            "event": "subscribe",
            "pair": list(symbols),
            "subscription": {"name": "trade"},
        }
        return [Subscription(msgspec.json.encode(request), frozenset(symbols))]

    def decode(self, text: bytes) -> Message:
        """Trades, a heartbeat, the answer to a request, or the state of the exchange."""
        try:
            update = _update.decode(text)
            return Message("trades", _trades(update.pair, update.trades))
        except UNREADABLE as error:
            return _piecewise(text) or _control(text, error)


def _trades(pair: str, said: Sequence[_Trade]) -> list[Trade]:
    equal: Counter[bytes] = Counter()
    trades = []
    for each in said:
        # JSON, so that no two different lists of texts look the same.
        text = msgspec.json.encode(
            (pair, each.time, str(each.price), str(each.volume), each.side, each.type)
        )
        trades.append(_trade(pair, each, text + b"%d" % equal[text]))
        equal[text] += 1
    return trades


def _trade(pair: str, said: _Trade, identity: bytes) -> Trade:
    name = blake2b(identity, digest_size=ID_BYTES).hexdigest()
    time, side = from_seconds(said.time), taker("kraken", said.side)
    vendor = {"type": said.type, "misc": said.misc, "side": said.side, "id": "hash"}
    return Trade(pair, name, 0, said.price, said.volume, side, time, vendor)


def _piecewise(text: bytes) -> Message | None:
    """The same, when a trade among them cannot be read: the others can."""
    try:
        update = _pieces.decode(text)
    except UNREADABLE:
        return None
    readable, faults = [], []
    for number, raw in enumerate(update.trades):
        try:
            said = _piece.decode(raw)
            from_seconds(said.time)
            readable.append(said)
        except UNREADABLE as error:
            faults.append(f"trade {number}: {error}")
    return Message("trades", _trades(update.pair, readable), faults)


def _control(text: bytes, error: Exception) -> Message:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except UNREADABLE:
        return unreadable(error)
    match fields.get("event"):
        case "heartbeat":
            return Message("heartbeat")
        case "systemStatus" | "pong":
            return Message("status")
        case "subscriptionStatus":
            return _answer(fields)
        case "error":
            return Message("refusal", reason=str(fields.get("errorMessage", "")))
    return unreadable(error)


def _answer(fields: dict[str, Any]) -> Message:
    pair = fields.get("pair")
    about = (pair,) if isinstance(pair, str) else ()
    if fields.get("status") == "subscribed":
        return Message("acknowledgement", about=about)
    if fields.get("status") == "error":
        return Message("refusal", about=about, reason=str(fields.get("errorMessage", "")))
    return Message("status")
