"""Asks the layers for candles, trades, symbols, gaps and freshness."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from kato.market.answers import (
    ENDLESS,
    Candle,
    Difference,
    Freshness,
    Gap,
    Range,
    StoredTrade,
    TradedSymbol,
)
from kato.market.quiet import first_of, with_quiet
from kato.market.timeframes import Timeframe, timeframe
from kato.market.trade import EXCHANGES, Side
from kato.storage.clickhouse.client import ClickHouse

_CANDLES = """
SELECT exchange, symbol, toUnixTimestamp(start) * 1000000000, open, high, low, close, volume,
    quote_volume, buy_volume, trades, vwap, toUnixTimestamp64Nano(first_time),
    toUnixTimestamp64Nano(last_time), sealed
FROM {view:Identifier}
WHERE symbol = {symbol:String} AND ({exchange:String} = '' OR exchange = {exchange:String})
    AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
"""
_NEWEST_CANDLES = _CANDLES + "ORDER BY start DESC, exchange DESC LIMIT {limit:UInt64}"
_OLDEST_CANDLES = _CANDLES + "ORDER BY start, exchange LIMIT {limit:UInt64}"
_BEFORE = """
SELECT max(start) > toDateTime(0, 'UTC'), toUnixTimestamp(max(start)) FROM (
    SELECT start FROM candles_live
    WHERE seconds = {seconds:UInt32} AND exchange = {exchange:String}
        AND symbol = {symbol:String} AND start < toDateTime({since:UInt32}, 'UTC')
    UNION ALL
    SELECT start FROM candles_sealed
    WHERE seconds = {seconds:UInt32} AND exchange = {exchange:String}
        AND symbol = {symbol:String} AND start < toDateTime({since:UInt32}, 'UTC')
)
"""
_TRADES = """
SELECT exchange, symbol, native, trade_id, sequence, toUnixTimestamp64Nano(time), price, size,
    quote, CAST(side, 'Int8'), is_valid, errors, vendor, toUnixTimestamp64Nano(received)
FROM silver_trades FINAL
WHERE symbol = {symbol:String} AND ({exchange:String} = '' OR exchange = {exchange:String})
    AND time >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
    AND time < fromUnixTimestamp64Nano({until:Int64}, 'UTC')
"""
_NEWEST_TRADES = (
    _TRADES + "ORDER BY time DESC, sequence DESC, trade_id DESC, exchange DESC LIMIT {limit:UInt64}"
)
_OLDEST_TRADES = _TRADES + "ORDER BY time, sequence, trade_id, exchange LIMIT {limit:UInt64}"
_SYMBOLS = """
SELECT exchange, symbol, sum(trades), toUnixTimestamp64Nano(min(first_time)),
    toUnixTimestamp64Nano(max(last_time)), argMax(close, start)
FROM candles_1d GROUP BY exchange, symbol ORDER BY exchange, symbol
"""
_GAPS = """
SELECT exchange, symbol, kind, after, before, missing, toUnixTimestamp64Nano(time), connection
FROM market_gaps FINAL
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
    AND ({exchange:String} = '' OR exchange = {exchange:String})
    AND ({kind:String} = '' OR kind = {kind:String})
    AND (kind != 'missing' OR missing > 0)
    AND time >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
    AND time < fromUnixTimestamp64Nano({until:Int64}, 'UTC')
ORDER BY time DESC, exchange, symbol, after LIMIT {limit:UInt64}
"""
_DIFFERENCES = """
SELECT exchange, symbol, toUnixTimestamp(start) * 1000000000, live.counted, sealed.counted,
    live.summed, sealed.summed
FROM (
    SELECT exchange, symbol, start, sum(trades) AS counted, sum(volume) AS summed
    FROM candles_live
    WHERE seconds = {seconds:UInt32}
        AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
    GROUP BY exchange, symbol, start
) AS live
INNER JOIN (
    SELECT exchange, symbol, start, argMax(trades, version) AS counted,
        argMax(volume, version) AS summed
    FROM candles_sealed
    WHERE seconds = {seconds:UInt32}
        AND start >= toDateTime({since:UInt32}, 'UTC') AND start < toDateTime({until:UInt32}, 'UTC')
    GROUP BY exchange, symbol, start
) AS sealed USING (exchange, symbol, start)
WHERE live.counted != sealed.counted OR live.summed != sealed.summed
ORDER BY exchange, symbol, start LIMIT {limit:UInt64}
"""


class Market:
    """Asks the layers. Safe for threads as its connection is.

    Args:
        clickhouse: Where they are.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def candles(
        self,
        symbol: str,
        name: str = "1m",
        exchange: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
        *,
        fill: bool = False,
    ) -> list[Candle]:
        """Candles of an instrument that begin in a range, by exchange and time.

        Args:
            symbol: Canonical, as ``BTC/USDT``.
            name: Of the timeframe.
            exchange: Only there; empty is all.
            within: When they begin.
            fill: Also make one for each window without trades, between those there are, and to
                the ends of the range as far as time has come: all prices are the close before.

        Raises:
            InvalidInput: There is no such timeframe.
        """
        length = timeframe(name)
        found = self._candles(symbol, length, exchange, within)
        found.sort(key=lambda candle: (candle.exchange, candle.start))
        if not fill:
            return found
        return [
            candle
            for where in ([exchange] if exchange else EXCHANGES)
            for candle in self._filled(
                [one for one in found if one.exchange == where], symbol, length, where, within
            )
        ]

    def trades(
        self,
        symbol: str,
        exchange: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
    ) -> list[StoredTrade]:
        """Trades of an instrument that were made in a range, by time; invalid ones too."""
        parameters = {
            "symbol": symbol,
            "exchange": exchange,
            "since": min(within.since, ENDLESS),
            "until": within.end,
            "limit": within.limit,
        }
        statement = _OLDEST_TRADES if within.oldest else _NEWEST_TRADES
        rows = self._clickhouse.rows(statement, parameters)
        found = [_trade(row) for row in rows]
        return found if within.oldest else found[::-1]

    def symbols(self) -> list[TradedSymbol]:
        """All instruments of which there are trades."""
        return [TradedSymbol(*row) for row in self._clickhouse.rows(_SYMBOLS)]

    def gaps(
        self,
        symbol: str = "",
        exchange: str = "",
        kind: str = "",
        within: Range = Range(),  # noqa: B008 - frozen
    ) -> list[Gap]:
        """What is missing between trades and what feeds noted, the newest first.

        Args:
            symbol: Only of this; empty is all.
            exchange: Only there; empty is all.
            kind: Only of this kind; empty is all.
            within: When; at the most so many.
        """
        parameters = {
            "symbol": symbol,
            "exchange": exchange,
            "kind": kind,
            "since": min(within.since, ENDLESS),
            "until": within.end,
            "limit": within.limit,
        }
        return [Gap(*row) for row in self._clickhouse.rows(_GAPS, parameters)]

    def freshness(self, now: int | None = None) -> list[Freshness]:
        """How old the newest trade of each instrument is.

        Args:
            now: The time, ns since 1970; the clock's by default.
        """
        moment = time.time_ns() if now is None else now
        return [
            Freshness(one.exchange, one.symbol, one.last_time, (moment - one.last_time) / 1e9)
            for one in self.symbols()
        ]

    def differences(
        self,
        name: str = "1m",
        within: Range = Range(),  # noqa: B008 - frozen
    ) -> list[Difference]:
        """Candles that are not the same live and sealed; there should be none.

        Raises:
            InvalidInput: There is no such timeframe.
        """
        length = timeframe(name)
        parameters = {
            "seconds": length.seconds,
            "limit": within.limit,
            **_seconds(within, length),
        }
        return [Difference(*row) for row in self._clickhouse.rows(_DIFFERENCES, parameters)]

    def _candles(
        self, symbol: str, length: Timeframe, exchange: str, within: Range
    ) -> list[Candle]:
        parameters = {
            "view": f"candles_{length.name}",
            "symbol": symbol,
            "exchange": exchange,
            "limit": within.limit,
            **_seconds(within, length),
        }
        statement = _OLDEST_CANDLES if within.oldest else _NEWEST_CANDLES
        return [Candle(*row) for row in self._clickhouse.rows(statement, parameters)]

    def _filled(
        self,
        candles: Sequence[Candle],
        symbol: str,
        length: Timeframe,
        exchange: str,
        within: Range,
    ) -> list[Candle]:
        """The candles of one exchange with those of quiet times, no more than wanted."""
        now = length.start(time.time_ns()) + length.nanoseconds
        end = within.end if within.until is not None else 0
        end = min(end, max(now, candles[-1].start + 1 if candles else 0))
        before = self._before(symbol, length, exchange, within, candles)
        begun = [before, *candles] if before else list(candles)
        first = -(-within.since // length.nanoseconds) * length.nanoseconds
        if not within.oldest:  # the newest: no use in making what is cut off
            last = max(end - 1, candles[-1].start if candles else 0)
            first = max(first, length.start(last) - (within.limit - 1) * length.nanoseconds)
        return list(first_of(with_quiet(begun, length, first, end), first, within.limit))

    def _before(
        self,
        symbol: str,
        length: Timeframe,
        exchange: str,
        within: Range,
        candles: Sequence[Candle],
    ) -> Candle | None:
        """The last candle before the range, if the range begins with a quiet time."""
        first = -(-within.since // length.nanoseconds) * length.nanoseconds
        if not within.since or (candles and candles[0].start <= first):
            return None
        if not within.oldest and len(candles) >= within.limit:
            return None
        parameters = {
            "seconds": length.seconds,
            "exchange": exchange,
            "symbol": symbol,
            "since": first // 10**9,
        }
        is_there, start = self._clickhouse.rows(_BEFORE, parameters)[0]
        if not is_there:
            return None
        at = Range(start * 10**9, start * 10**9 + 1, 1)
        return self._candles(symbol, length, exchange, at)[0]


def _seconds(within: Range, length: Timeframe) -> dict[str, int]:
    """The range in seconds, as far as candles can begin in it."""
    step = length.nanoseconds
    since, until = (-(-time // step) * step // 10**9 for time in (within.since, within.end))
    return {"since": min(since, ENDLESS // 10**9), "until": until}


def _trade(row: Sequence[Any]) -> StoredTrade:
    values = list(row)
    values[9] = Side(values[9])
    return StoredTrade(*values)
