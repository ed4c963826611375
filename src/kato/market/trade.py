"""A trade, as all exchanges have it in common."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Literal

import msgspec

Exchange = Literal["binance", "kraken", "coinbase"]
EXCHANGES: tuple[Exchange, ...] = ("binance", "kraken", "coinbase")

SCALE = 12
"""Digits after the point of a price or a size; more are no valid trade."""


class Side(IntEnum):
    """Who took: the side of the order that met one that was there already."""

    BUY = 1
    SELL = 2
    SELL_SHORT = 3
    UNKNOWN = 4


class Trade(msgspec.Struct, frozen=True):
    """A trade on an exchange.

    Attributes:
        symbol: What the exchange calls the instrument, such as ``XBT/USD``.
        id: The exchange's id of it, of its own for each symbol.
        sequence: Its place among the trades of its symbol; consecutive where the exchange says so,
            0 where it has none.
        price: In the quote currency, as the exchange wrote it.
        size: In the base currency, as the exchange wrote it.
        side: Who took.
        time: When it was made, ns since 1970.
        vendor: What else the exchange says of it, as text by its own name.

    >>> price, size = Decimal("95381.70"), Decimal("0.0012")
    >>> trade = Trade("BTCUSDT", "7", 7, price, size, Side.SELL, 1737118158321 * 10**6)
    >>> str(trade.price * trade.size)
    '114.458040'
    """

    symbol: str
    id: str
    sequence: int
    price: Decimal
    size: Decimal
    side: Side
    time: int
    vendor: dict[str, str] = {}
