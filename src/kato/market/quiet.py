"""Candles of quiet times: a window without trades has the close before it for all prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from kato.market.answers import Candle
from kato.market.timeframes import Timeframe

ZERO = Decimal(0)


def with_quiet(
    candles: Iterable[Candle], length: Timeframe, first: int, end: int
) -> Iterator[Candle]:
    """The candles and those of the quiet times behind them.

    Args:
        candles: Of one instrument of one exchange, by time.
        length: How long each is.
        first: From when on quiet times are filled, ns since 1970.
        end: Up to when, ns since 1970.
    """
    previous: Candle | None = None
    for candle in candles:
        if previous is not None:
            yield from _quiet(previous, length, first, candle.start)
        yield candle
        previous = candle
    if previous is not None:
        yield from _quiet(previous, length, first, end)


def _quiet(previous: Candle, length: Timeframe, first: int, end: int) -> Iterator[Candle]:
    """A candle for each window without trades behind one, from a time on and up to another."""
    close = previous.close
    begin = max(previous.start + length.nanoseconds, first)
    for start in range(begin, end, length.nanoseconds):
        yield Candle(
            exchange=previous.exchange,
            symbol=previous.symbol,
            start=start,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=ZERO,
            quote_volume=ZERO,
            buy_volume=ZERO,
            trades=0,
            vwap=None,
            first_time=None,
            last_time=None,
            sealed=False,
        )


def first_of(candles: Iterable[Candle], first: int, limit: int) -> Iterator[Candle]:
    """Up to so many of them from a time on."""
    for candle in candles:
        if candle.start < first:
            continue
        if not limit:
            return
        limit -= 1
        yield candle
