"""The lengths of candles."""

from __future__ import annotations

from typing import Literal

import msgspec

from kato.errors import InvalidInput, shown

TimeframeName = Literal["1m", "5m", "15m", "30m", "1h", "1d"]


class Timeframe(msgspec.Struct, frozen=True):
    """A length of candles. They begin at its multiples since 1970, UTC.

    Attributes:
        name: As in ``candles_5m``.
        seconds: How long a candle is.
    """

    name: TimeframeName
    seconds: int

    @property
    def nanoseconds(self) -> int:
        """How long a candle is, in ns."""
        return self.seconds * 1_000_000_000

    def start(self, time: int) -> int:
        """When the candle begins that a moment lies in; both ns since 1970.

        >>> timeframe("5m").start(1_737_118_158_321_000_000)
        1737117900000000000
        """
        return time - time % self.nanoseconds


TIMEFRAMES = (
    Timeframe("1m", 60),
    Timeframe("5m", 300),
    Timeframe("15m", 900),
    Timeframe("30m", 1800),
    Timeframe("1h", 3600),
    Timeframe("1d", 86_400),
)
"""All of them, the shortest first; each is a multiple of the shortest, and a day is one of each."""


def timeframe(name: str) -> Timeframe:
    """The timeframe of that name.

    Raises:
        InvalidInput: There is none.
    """
    for one in TIMEFRAMES:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in TIMEFRAMES)
    raise InvalidInput(f"no timeframe {shown(name)}", remedy=f"use one of {names}")
