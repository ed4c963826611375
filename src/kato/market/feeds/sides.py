"""Whose side exchanges report, and which side took.

Binance says whether the buyer was there already (the maker): then the seller took. Kraken says who
took. Coinbase says whose order was there already, so the taker is the other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kato.market.trade import Exchange, Side

TAKER: Mapping[Exchange, Mapping[str | bool, Side]] = MappingProxyType(
    {
        "binance": {True: Side.SELL, False: Side.BUY},
        "kraken": {"buy": Side.BUY, "sell": Side.SELL, "b": Side.BUY, "s": Side.SELL},
        "coinbase": {"BUY": Side.SELL, "SELL": Side.BUY},
    }
)
"""The side that took, by exchange and by what it says. Anything else it says is ``UNKNOWN``."""


def taker(exchange: Exchange, said: str | bool) -> Side:
    """The side that took.

    >>> taker("coinbase", "BUY").name, taker("kraken", "buy").name, taker("kraken", "x").name
    ('SELL', 'BUY', 'UNKNOWN')
    """
    return TAKER[exchange].get(said, Side.UNKNOWN)
