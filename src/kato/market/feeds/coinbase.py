"""Coinbase Advanced Trade: market trades and heartbeats, as <https://docs.cdp.coinbase.com> says.

The side of a trade is the maker's. Trades of a quarter of a second come together. ``sequence_num``
counts the messages of a connection, whatever they are about. A channel without data is closed after
some 60 seconds unless heartbeats are subscribed to as well. Ids of a product ascend, but nothing
says that there are no holes between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from kato.market.feeds.protocol import (
    GREATEST_SEQUENCE,
    UNREADABLE,
    Message,
    Subscription,
    unreadable,
)
from kato.market.feeds.sides import taker
from kato.market.feeds.times import from_rfc_3339
from kato.market.trade import Exchange, Trade

HEARTBEATS = "heartbeats"
MOST_DIGITS = 18
"""Of an id that is also a place among the trades: longer ones do not fit."""


class _Trade(msgspec.Struct):
    trade_id: Annotated[str, msgspec.Meta(min_length=1)]
    product_id: str
    price: Decimal
    size: Decimal
    side: str
    time: str


class _Event(msgspec.Struct):
    type: str
    trades: list[_Trade]


class _Update(msgspec.Struct, tag_field="channel", tag="market_trades"):
    sequence_num: Annotated[int, msgspec.Meta(ge=0, le=GREATEST_SEQUENCE)]
    events: list[_Event]


class _EventPieces(msgspec.Struct):
    type: str
    trades: list[msgspec.Raw]


class _Pieces(msgspec.Struct, tag_field="channel", tag="market_trades"):
    sequence_num: Annotated[int, msgspec.Meta(ge=0, le=GREATEST_SEQUENCE)]
    events: list[_EventPieces]


_update = msgspec.json.Decoder(_Update)
_pieces = msgspec.json.Decoder(_Pieces)
_piece = msgspec.json.Decoder(_Trade)


class Coinbase:
    """The protocol of Coinbase; see :class:`~kato.market.feeds.protocol.ExchangeProtocol`.

    >>> [sorted(each.expects) for each in Coinbase().subscriptions(["BTC-USD"])]
    [['heartbeats'], ['BTC-USD']]
    """

    name = "coinbase"
    exchange: Exchange = "coinbase"
    url = "wss://advanced-trade-ws.coinbase.com"
    consecutive = False
    silence = 10.0  # a heartbeat comes every second
    lifetime = 23.0 * 3600

    def subscriptions(self, symbols: Sequence[str]) -> list[Subscription]:
        """Heartbeats, and the trades of all symbols."""
        trades = {"type": "subscribe", "channel": "market_trades", "product_ids": list(symbols)}
        heartbeats = {"type": "subscribe", "channel": HEARTBEATS}
        return [
            Subscription(msgspec.json.encode(heartbeats), frozenset({HEARTBEATS})),
            Subscription(msgspec.json.encode(trades), frozenset(symbols)),
        ]

    def decode(self, text: bytes) -> Message:
        """Trades, a heartbeat, or what is subscribed to."""
        try:
            update = _update.decode(text)
            number = update.sequence_num
            vendor = {"BUY": _vendor("BUY", number), "SELL": _vendor("SELL", number)}
            trades = [_trade(said, vendor) for event in update.events for said in event.trades]
        except UNREADABLE as error:
            return _piecewise(text) or _control(text, error)
        return _message(update, trades)


def _vendor(side: str, number: int) -> dict[str, str]:
    return {"side": side, "sequence_num": str(number)}


def _trade(said: _Trade, vendor: dict[str, dict[str, str]]) -> Trade:
    side, name = taker("coinbase", said.side), said.trade_id
    digits = name.isascii() and name.isdecimal() and len(name) <= MOST_DIGITS
    other = vendor.get(said.side) or {**vendor["BUY"], "side": said.side}
    time, place = from_rfc_3339(said.time), int(name) if digits else 0
    return Trade(said.product_id, name, place, said.price, said.size, side, time, other)


def _message(update: _Update | _Pieces, trades: list[Trade], faults: Sequence[str] = ()) -> Message:
    snapshot = any(event.type == "snapshot" for event in update.events)
    return Message("trades", trades, faults, snapshot=snapshot, sequence=update.sequence_num)


def _piecewise(text: bytes) -> Message | None:
    """The same, when a trade among them cannot be read: the others can."""
    try:
        update = _pieces.decode(text)
    except UNREADABLE:
        return None
    vendor = {side: _vendor(side, update.sequence_num) for side in ("BUY", "SELL")}
    trades, faults = [], []
    for number, raw in enumerate(raw for event in update.events for raw in event.trades):
        try:
            trades.append(_trade(_piece.decode(raw), vendor))
        except UNREADABLE as error:
            faults.append(f"trade {number}: {error}")
    return _message(update, trades, faults)


def _control(text: bytes, error: Exception) -> Message:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except UNREADABLE:
        return unreadable(error)
    if fields.get("type") == "error":
        return Message("refusal", reason=str(fields.get("message", "")))
    number = fields.get("sequence_num")
    sequence = number if isinstance(number, int) and 0 <= number <= GREATEST_SEQUENCE else None
    match fields.get("channel"):
        case "heartbeats":
            return Message("heartbeat", sequence=sequence)
        case "subscriptions":
            return Message("acknowledgement", sequence=sequence, about=_subscribed(fields))
        case "status":
            return Message("status", sequence=sequence)
    return msgspec.structs.replace(unreadable(error), sequence=sequence)


def _subscribed(fields: dict[str, Any]) -> tuple[str, ...]:
    """Products whose trades are subscribed to, and ``heartbeats`` if they are."""
    try:
        told = msgspec.convert(fields.get("events"), list[dict[str, dict[str, list[str]]]])
    except msgspec.ValidationError:
        return ()
    channels = [each.get("subscriptions", {}) for each in told]
    products = [name for channel in channels for name in channel.get("market_trades", ())]
    beating = any(HEARTBEATS in channel for channel in channels)
    return (*products, *([HEARTBEATS] if beating else []))
