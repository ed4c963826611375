"""The market's layers against each other: bronze, distinct trades, live and sealed candles.

Everything is compared day by day, by ClickHouse. Candles are compared where all their trades are
kept, and what differs is looked at a second time: trades may be on their way from one layer to the
next.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import msgspec

from kato.market.layers.rebuilding import rebuild_month
from kato.market.layers.retention import floor_of
from kato.market.layers.sealing import Sealer
from kato.market.timeframes import TIMEFRAMES, Timeframe
from kato.market.trade import EXCHANGES
from kato.storage.clickhouse.client import ClickHouse
from kato.upkeep.difference import Difference, Found

SETTLING_SECONDS = 1.0
"""Trades are in all layers so long after they are in one."""

DAY = 86_400

_LAYERS = """
SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'candles_sealed'
"""
_DAYS = """
SELECT DISTINCT intDiv(toUnixTimestamp64Second(time), 86400) * 86400 AS day FROM silver_trades
WHERE time >= fromUnixTimestamp64Nano({floor:Int64}, 'UTC') ORDER BY day
"""
_OF_DAY = "toYYYYMMDD(time) = toYYYYMMDD(toDateTime({day:UInt32}, 'UTC'))"
_COPIES = f"""
SELECT exchange, symbol, trade_id, count() FROM silver_trades WHERE {_OF_DAY}
GROUP BY exchange, symbol, time, trade_id HAVING count() > 1
ORDER BY exchange, symbol, trade_id LIMIT 1000
"""  # noqa: S608 - no value is written into it
_NOT_IN_BRONZE = f"""
SELECT symbol, trade_id FROM silver_trades
WHERE exchange = {{exchange:String}} AND {_OF_DAY}
AND received >= fromUnixTimestamp64Nano({{floor:Int64}}, 'UTC')
AND (topic, partition, offset, ordinal) NOT IN (
    SELECT topic, partition, offset, ordinal FROM {{bronze:Identifier}}
    WHERE received >= (SELECT min(received) FROM silver_trades
        WHERE exchange = {{exchange:String}} AND {_OF_DAY})
    AND received <= (SELECT max(received) FROM silver_trades
        WHERE exchange = {{exchange:String}} AND {_OF_DAY}))
ORDER BY symbol, trade_id LIMIT 1000
"""  # noqa: S608 - no value is written into it
_FROM_SILVER = f"""
SELECT length AS seconds, exchange, symbol,
    intDiv(toUnixTimestamp64Second(time), length) * length AS begin,
    (argMin(price, (time, sequence, trade_id)), max(price), min(price),
        argMax(price, (time, sequence, trade_id)), sum(toDecimal256(size, 24)), sum(quote),
        sumIf(toDecimal256(size, 24), side = 'BUY'), count(), min(time), max(time)) AS candle
FROM silver_trades FINAL ARRAY JOIN {{lengths:Array(UInt32)}} AS length
WHERE is_valid AND {_OF_DAY} GROUP BY seconds, exchange, symbol, begin
"""  # noqa: S608 - no value is written into it
_WITHIN = (
    "start >= toDateTime({day:UInt32}, 'UTC') AND start < toDateTime({day:UInt32} + 86400, 'UTC')"
)
_LIVE = f"""
SELECT seconds, exchange, symbol, toUnixTimestamp(start) AS begin,
    (argMinMerge(open), max(high), min(low), argMaxMerge(close), sum(volume), sum(quote_volume),
        sum(buy_volume), sum(trades), min(first_time), max(last_time)) AS candle
FROM candles_live WHERE {_WITHIN} GROUP BY seconds, exchange, symbol, start
"""  # noqa: S608 - no value is written into it
_SEALED = f"""
SELECT seconds, exchange, symbol, toUnixTimestamp(start) AS begin,
    (open, high, low, close, volume, quote_volume, buy_volume, trades, first_time, last_time)
        AS candle
FROM candles_sealed FINAL WHERE {_WITHIN}
"""  # noqa: S608 - no value is written into it
# A sealed candle that counts other trades than the live one is due to be sealed again.
_CANDLES = f"""
SELECT seconds, exchange, symbol, begin, toString(silver.candle), toString(live.candle),
    toString(sealed.candle), live.candle != silver.candle AS live_differs
FROM ({_FROM_SILVER}) AS silver
FULL JOIN ({_LIVE}) AS live USING (seconds, exchange, symbol, begin)
FULL JOIN ({_SEALED}) AS sealed USING (seconds, exchange, symbol, begin)
WHERE live_differs OR (sealed.candle.8 = live.candle.8 AND sealed.candle != silver.candle)
ORDER BY seconds, exchange, symbol, begin
"""  # noqa: S608 - no value is written into it


def layer_differences(clickhouse: ClickHouse) -> Iterator[Found]:
    """All that differs between layers, if there are any; what is late is no difference."""
    if not clickhouse.rows(_LAYERS)[0][0]:
        return
    floor = max(floor_of(clickhouse, "silver_trades"), floor_of(clickhouse, "candles_live"))
    for (day,) in clickhouse.rows(_DAYS, {"floor": floor}):
        yield from _copies(clickhouse, day)
        yield from _not_in_bronze(clickhouse, day)
        yield from _candles(clickhouse, day)


def _copies(clickhouse: ClickHouse, day: int) -> Iterator[Found]:
    for exchange, symbol, trade, copies in clickhouse.rows(_COPIES, {"day": day}):
        where = f"{exchange} {symbol!a}, trade {trade!a}"
        difference = Difference("silver", None, where, f"{copies} times", "once")
        yield Found(difference, mend=partial(_merge, clickhouse, day))


def _merge(clickhouse: ClickHouse, day: int) -> None:
    """Let ClickHouse take the copies of a day away now, as merges do sooner or later."""
    partition = time.strftime("%Y%m%d", time.gmtime(day))
    clickhouse.command(f"OPTIMIZE TABLE silver_trades PARTITION ID '{partition}' FINAL")


def _not_in_bronze(clickhouse: ClickHouse, day: int) -> Iterator[Found]:
    for exchange in EXCHANGES:
        bronze = f"bronze_{exchange}"
        given = {"exchange": exchange, "bronze": bronze, "day": day}
        given["floor"] = floor_of(clickhouse, bronze)
        if missing := clickhouse.rows(_NOT_IN_BRONZE, given):
            time.sleep(SETTLING_SECONDS)
            missing = [row for row in clickhouse.rows(_NOT_IN_BRONZE, given) if row in missing]
        for symbol, trade in missing:
            where = f"{exchange} {symbol!a}, trade {trade!a}"
            yield Found(Difference("bronze", None, where, "none", "the record of the trade"))


class _Candle(msgspec.Struct, frozen=True):
    seconds: int
    exchange: str
    symbol: str
    begin: int
    silver: str
    live: str
    sealed: str
    live_differs: int

    @property
    def timeframe(self) -> Timeframe:
        return next(one for one in TIMEFRAMES if one.seconds == self.seconds)


def _candles(clickhouse: ClickHouse, day: int) -> Iterator[Found]:
    found = _differing(clickhouse, day)
    if found:
        time.sleep(SETTLING_SECONDS)
        again = set(_differing(clickhouse, day))
        found = [one for one in found if one in again]
    for one in found:
        name = one.timeframe.name
        where = f"{one.exchange} {one.symbol!a}, {name} at {one.begin}"
        if one.live_differs:
            difference = Difference("live candles", None, where, one.live, one.silver)
            month = int(time.strftime("%Y%m", time.gmtime(day)))
            yield Found(difference, mend=partial(rebuild_month, clickhouse, month))
        else:
            difference = Difference("sealed candles", None, where, one.sealed, one.silver)
            again_at = partial(Sealer(clickhouse).seal_again, one.timeframe, one.begin * 10**9)
            yield Found(difference, mend=again_at)


def _differing(clickhouse: ClickHouse, day: int) -> list[_Candle]:
    lengths = [one.seconds for one in TIMEFRAMES]
    rows = clickhouse.rows(_CANDLES, {"day": day, "lengths": lengths})
    return [_Candle(*row) for row in rows]
