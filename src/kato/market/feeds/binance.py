"""Binance spot: the trade streams, as <https://developers.binance.com> documents them.

A connection takes at most 1024 streams and five messages a second, and is cut after 24 hours. An
unknown stream is acknowledged like any other and stays silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from kato.errors import InvalidInput
from kato.market.feeds.protocol import (
    GREATEST_SEQUENCE,
    REQUEST,
    UNREADABLE,
    Message,
    Subscription,
    unreadable,
)
from kato.market.feeds.times import checked
from kato.market.trade import Exchange, Side, Trade

MOST_STREAMS = 1024
STREAMS_A_REQUEST = 256


class _Event(msgspec.Struct, tag_field="e", tag="trade"):
    s: str
    t: Annotated[int, msgspec.Meta(ge=0, le=GREATEST_SEQUENCE)]
    p: Decimal
    q: Decimal
    T: int
    m: bool
    E: int = 0
    b: int | None = None
    a: int | None = None


_event = msgspec.json.Decoder(_Event)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Binance:
    """The protocol of Binance; see :class:`~kato.market.feeds.protocol.ExchangeProtocol`.

    >>> Binance().subscriptions(["BTCUSDT"])[0].text
    b'{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}'
    """

    name = "binance"
    exchange: Exchange = "binance"
    url = "wss://stream.binance.com:9443/ws"
    consecutive = True
    # It sends no heartbeats, so this is what a market may be quiet.
    silence = 60.0
    lifetime = 23.0 * 3600

    def subscriptions(self, symbols: Sequence[str]) -> list[Subscription]:
        """A request for each 256 symbols."""
        if len(symbols) > MOST_STREAMS:
            raise InvalidInput(
                f"Binance takes {MOST_STREAMS} symbols a connection, got {len(symbols)}",
                remedy="start several feeds, each with some of them",
            )
        starts = range(0, len(symbols), STREAMS_A_REQUEST)
        return [
            _subscription(symbols[start : start + STREAMS_A_REQUEST], number)
            for number, start in enumerate(starts, REQUEST)
        ]

    def decode(self, text: bytes) -> Message:
        """A trade, alone or in the envelope of a combined stream, or the answer to a request."""
        try:
            return _trades(_event.decode(text))
        except UNREADABLE as error:
            return _other(text, error)


def _subscription(symbols: Sequence[str], number: int) -> Subscription:
    streams = [f"{symbol.lower()}@trade" for symbol in symbols]
    request = {"method": "SUBSCRIBE", "params": streams, "id": number}
    return Subscription(msgspec.json.encode(request), frozenset({str(number)}))


def _trades(event: _Event) -> Message:
    vendor = {"E": str(event.E)}
    if event.b is not None:
        vendor["b"] = str(event.b)
    if event.a is not None:
        vendor["a"] = str(event.a)
    # The table of kato.market.feeds.sides, without looking it up for each trade.
    side = Side.SELL if event.m else Side.BUY
    time = checked(event.T * 1_000_000)
    sequence = event.t
    trade = Trade(event.s, str(sequence), sequence, event.p, event.q, side, time, vendor)
    return Message("trades", (trade,))


def _other(text: bytes, error: Exception) -> Message:
    try:
        fields = _fields.decode(text)
        if "data" in fields and "stream" in fields:
            return Binance().decode(bytes(fields["data"]))
        return _answer({name: msgspec.json.decode(raw) for name, raw in fields.items()}, error)
    except UNREADABLE as inner:
        return unreadable(inner)


def _answer(fields: dict[str, Any], error: Exception) -> Message:
    about = () if fields.get("id") is None else (str(fields["id"]),)
    if "error" in fields or ("code" in fields and "msg" in fields):
        return Message(
            "refusal", about=about, reason=str(fields.get("error") or fields.get("msg", ""))
        )
    if "result" in fields and about:
        return Message("acknowledgement", about=about)
    if fields.get("e") == "serverShutdown":
        return Message("status")
    if fields.get("e") == "trade":
        return Message("trades", faults=(str(error),))
    return unreadable(error)
