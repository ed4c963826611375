"""Live candles anew from silver, a month at a time, each put in place by one step."""

from __future__ import annotations

from datetime import UTC, datetime

from kato.market.layers.retention import floor_of
from kato.market.timeframes import TIMEFRAMES, Timeframe
from kato.storage.clickhouse.client import ClickHouse

_MONTHS = """
SELECT DISTINCT intDiv(toUInt32(toYYYYMMDD(time)), 100) AS month FROM silver_trades
WHERE time >= fromUnixTimestamp64Nano({floor:Int64}, 'UTC') ORDER BY month
"""
_EMPTY = "TRUNCATE TABLE {anew:Identifier}"
_DROP = "DROP TABLE IF EXISTS {anew:Identifier} SYNC"
_FROM_SILVER = """
INSERT INTO {anew:Identifier}
SELECT exchange, symbol,
    toDateTime(intDiv(toUnixTimestamp64Second(time), {seconds:UInt32}) * {seconds:UInt32},
        'UTC') AS start,
    argMinState(price, (time, sequence, trade_id)), max(price), min(price),
    argMaxState(price, (time, sequence, trade_id)), sum(toDecimal256(size, 24)), sum(quote),
    sumIf(toDecimal256(size, 24), side = 'BUY'), count(), min(time), max(time)
FROM silver_trades FINAL
WHERE is_valid AND toYYYYMM(time) = {month:UInt32}
GROUP BY exchange, symbol, start
SETTINGS do_not_merge_across_partitions_select_final = 1
"""


def rebuild(clickhouse: ClickHouse) -> int:
    """Make all live candles anew whose trades are all there; answers how many months there were.

    Nothing may be ingested meanwhile. A call that is cut off leaves each table as it was or as it
    shall be, month by month, and may be made again.

    Raises:
        StoreUnavailable: ClickHouse does not answer.
    """
    floor = _month_after(floor_of(clickhouse, "silver_trades"))
    months = [row[0] for row in clickhouse.rows(_MONTHS, {"floor": floor})]
    for one in TIMEFRAMES:
        for month in months:
            _rebuild(clickhouse, one, month)
    return len(months)


def _rebuild(clickhouse: ClickHouse, one: Timeframe, month: int) -> None:
    live, anew = f"candles_{one.name}_live", f"candles_{one.name}_anew"
    names = {"anew": anew, "month": month, "seconds": one.seconds}
    # The parser takes no parameter behind AS; the names are of our own table of timeframes.
    clickhouse.command(f"CREATE TABLE IF NOT EXISTS {anew} AS {live}")
    clickhouse.command(_EMPTY, names)
    clickhouse.command(_FROM_SILVER, names)
    clickhouse.command(f"ALTER TABLE {live} REPLACE PARTITION ID '{month}' FROM {anew}")
    clickhouse.command(_DROP, names)


def _month_after(time: int) -> int:
    """When the first month begins that begins at a time or later, both ns since 1970."""
    day = datetime.fromtimestamp(time // 10**9, UTC)
    begin = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if begin < day:
        begin = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return int(begin.timestamp()) * 10**9
