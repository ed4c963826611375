"""Trades that are made up: prices that walk at random, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from kato.market.feeds.clock import Clock
from kato.market.instruments import Instrument
from kato.market.simulator.truth import Made
from kato.market.trade import Side

FIRST_PRICES: Mapping[str, float] = MappingProxyType(
    {
        "BTC": 95_000.0, "ETH": 3_300.0, "BNB": 650.0, "SOL": 190.0, "XRP": 2.5, "ADA": 0.9,
        "DOGE": 0.35, "AVAX": 38.0, "LINK": 22.0, "DOT": 7.0, "LTC": 110.0, "SHIB": 0.00002,
        "PEPE": 0.00001,
    }
)  # fmt: skip
TICKS: Mapping[str, int] = MappingProxyType(
    {"binance": 10**6, "kraken": 10**3, "kraken_v1": 10**3, "coinbase": 1}
)
"""What times are told exactly to, in ns, by protocol."""

LONG = Decimal("0.000000000000001")


class Market:
    """Makes trades.

    Args:
        protocol: Whose times they have.
        instruments: What is traded.
        chance: Where they come from.
        clock: When they are made.
    """

    def __init__(
        self, protocol: str, instruments: Sequence[Instrument], chance: random.Random, clock: Clock
    ) -> None:
        self._tick = TICKS[protocol]
        self._chance = chance
        self._clock = clock
        self._walks = [_Walk(each) for each in instruments]
        # The first instruments are traded most, as everywhere.
        self._weights = [1.0 / (1 + place) for place in range(len(self._walks))]

    def trade(self, *, invalid: bool = False) -> Made:
        """One more trade.

        Args:
            invalid: Whether it has a price or a size that no trade can have.
        """
        chance = self._chance
        (walk,) = chance.choices(self._walks, self._weights)
        price, size = walk.move(chance)
        if invalid:
            price, size = (Decimal(0), size) if chance.random() < 0.5 else (price, size + LONG)
        side = Side.BUY if chance.random() < 0.5 else Side.SELL
        time = self._clock.time_ns() // self._tick * self._tick
        return Made(walk.exchange, walk.native, walk.number, price, size, side, time)


class _Walk:
    """The price of an instrument, in ticks of its scale."""

    def __init__(self, instrument: Instrument) -> None:
        self.exchange, self.native, self.number = instrument.exchange, instrument.native, 0
        self._price_scale, self._size_scale = instrument.price_scale, instrument.size_scale
        first = FIRST_PRICES.get(instrument.base, 10.0) * 10**instrument.price_scale
        self._ticks = max(1, round(first / FIRST_PRICES.get(instrument.quote, 1.0)))

    def move(self, chance: random.Random) -> tuple[Decimal, Decimal]:
        self.number += 1
        step = chance.gauss(0.0, 1.0) * max(1.0, self._ticks * 2e-5)
        self._ticks = max(1, self._ticks + round(step))
        units = max(1, round(chance.expovariate(1.0) * 0.2 * 10**self._size_scale))
        price = Decimal(self._ticks).scaleb(-self._price_scale)
        return price, Decimal(units).scaleb(-self._size_scale)
