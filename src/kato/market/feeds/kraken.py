"""Kraken, version 2 of its WebSocket, as <https://docs.kraken.com> documents it.

Prices are JSON numbers and decoded as decimals, digit by digit. ``trade_id`` counts the trades of a
book. A subscription begins with a snapshot of the last 50 trades, which fills what a short loss of
the connection left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from kato.market.feeds.protocol import (
    GREATEST_SEQUENCE,
    REQUEST,
    UNREADABLE,
    Message,
    Subscription,
    unreadable,
)
from kato.market.feeds.sides import taker
from kato.market.feeds.times import from_rfc_3339
from kato.market.trade import Exchange, Trade


class _Trade(msgspec.Struct):
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    trade_id: Annotated[int, msgspec.Meta(ge=0, le=GREATEST_SEQUENCE)]
    timestamp: str
    ord_type: str = ""


class _Update(msgspec.Struct, tag_field="channel", tag="trade"):
    data: list[_Trade]
    type: str


class _Pieces(msgspec.Struct, tag_field="channel", tag="trade"):
    data: list[msgspec.Raw]
    type: str


_update = msgspec.json.Decoder(_Update)
_pieces = msgspec.json.Decoder(_Pieces)
_piece = msgspec.json.Decoder(_Trade)


class Kraken:
    """Version 2 of the protocol of Kraken; see
    :class:`~kato.market.feeds.protocol.ExchangeProtocol`.

    >>> Kraken().decode(b'{"channel":"heartbeat"}').kind
    'heartbeat'
    """  # noqa: D205 - the reference does not fit in the line

    name = "kraken"
    exchange: Exchange = "kraken"
    url = "wss://ws.kraken.com/v2"
    consecutive = True
    silence = 10.0  # a heartbeat comes every second
    lifetime = 23.0 * 3600

    def subscriptions(self, symbols: Sequence[str]) -> list[Subscription]:
        """One request; each symbol is acknowledged alone."""
        request = {
            "method": "subscribe",
            "params": {"channel": "trade", "symbol": list(symbols), "snapshot": True},
            "req_id": REQUEST,
        }
        return [Subscription(msgspec.json.encode(request), frozenset(symbols))]

    def decode(self, text: bytes) -> Message:
        """Trades, a heartbeat, the answer to a request, or the state of the exchange."""
        try:
            update = _update.decode(text)
            trades = [_trade(each) for each in update.data]
            return Message("trades", trades, snapshot=update.type == "snapshot")
        except UNREADABLE as error:
            return _piecewise(text) or _control(text, error)


def _trade(said: _Trade) -> Trade:
    side, vendor = taker("kraken", said.side), {"ord_type": said.ord_type, "side": said.side}
    time, sequence = from_rfc_3339(said.timestamp), said.trade_id
    return Trade(said.symbol, str(sequence), sequence, said.price, said.qty, side, time, vendor)


def _piecewise(text: bytes) -> Message | None:
    """The same, when a trade among them cannot be read: the others can."""
    try:
        update = _pieces.decode(text)
    except UNREADABLE:
        return None
    trades, faults = [], []
    for number, raw in enumerate(update.data):
        try:
            trades.append(_trade(_piece.decode(raw)))
        except UNREADABLE as error:
            faults.append(f"trade {number}: {error}")
    return Message("trades", trades, faults, snapshot=update.type == "snapshot")


def _control(text: bytes, error: Exception) -> Message:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except UNREADABLE as inner:
        return unreadable(inner)
    channel = fields.get("channel")
    if channel == "heartbeat":
        return Message("heartbeat")
    if channel == "status" or fields.get("method") == "pong":
        return Message("status")
    return _answer(fields) if fields.get("method") == "subscribe" else unreadable(error)


def _answer(fields: dict[str, Any]) -> Message:
    result = fields.get("result")
    symbol = fields.get("symbol") or (result.get("symbol") if isinstance(result, dict) else None)
    about = (symbol,) if isinstance(symbol, str) else ()
    if fields.get("success") is True:
        return Message("acknowledgement", about=about)
    return Message("refusal", about=about, reason=str(fields.get("error", "")))
