"""Live candles anew from silver, a month at a time, each put in place by one step."""

from __future__ import annotations

from datetime import UTC, datetime

from kato.market.layers.retention import floor_of
from kato.market.timeframes import TIMEFRAMES
from kato.storage.clickhouse.client import ClickHouse

_MONTHS = """
SELECT DISTINCT intDiv(toUInt32(toYYYYMMDD(time)), 100) AS month FROM silver_trades
WHERE time >= fromUnixTimestamp64Nano({floor:Int64}, 'UTC') ORDER BY month
"""
_EMPTY = "TRUNCATE TABLE candles_anew"
_DROP = "DROP TABLE IF EXISTS candles_anew SYNC"
# The parser takes no parameter for a partition of ALTER; the month is a number from ClickHouse.
_REPLACE = "ALTER TABLE candles_live REPLACE PARTITION ID '{month}' FROM candles_anew"
_FROM_SILVER = """
INSERT INTO candles_anew
SELECT length, exchange, symbol, toDateTime(intDiv(minute, length) * length, 'UTC') AS start,
    argMinMergeState(first_price), max(highest), min(lowest), argMaxMergeState(last_price),
    sum(sizes), sum(quotes), sum(bought), sum(counted), min(earliest), max(latest)
FROM (
    SELECT exchange, symbol, intDiv(toUnixTimestamp64Second(time), 60) * 60 AS minute,
        argMinState(price, (time, sequence, trade_id)) AS first_price,
        max(price) AS highest, min(price) AS lowest,
        argMaxState(price, (time, sequence, trade_id)) AS last_price,
        sum(toDecimal256(size, 24)) AS sizes, sum(quote) AS quotes,
        sumIf(toDecimal256(size, 24), side = 'BUY') AS bought, count() AS counted,
        min(time) AS earliest, max(time) AS latest
    FROM silver_trades FINAL
    WHERE is_valid AND toYYYYMM(time) = {month:UInt32}
    GROUP BY exchange, symbol, minute
    SETTINGS do_not_merge_across_partitions_select_final = 1
)
ARRAY JOIN {lengths:Array(UInt32)} AS length
GROUP BY length, exchange, symbol, start
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
    for month in months:
        rebuild_month(clickhouse, month)
    return len(months)


def rebuild_month(clickhouse: ClickHouse, month: int) -> None:
    """Make the live candles of a month anew, as 202501; all of its trades must be there.

    Raises:
        StoreUnavailable: ClickHouse does not answer.
    """
    lengths = [one.seconds for one in TIMEFRAMES]
    clickhouse.command("CREATE TABLE IF NOT EXISTS candles_anew AS candles_live")
    clickhouse.command(_EMPTY)
    clickhouse.command(_FROM_SILVER, {"month": month, "lengths": lengths})
    clickhouse.command(_REPLACE.format(month=month))
    clickhouse.command(_DROP)


def _month_after(time: int) -> int:
    """When the first month begins that begins at a time or later, both ns since 1970."""
    day = datetime.fromtimestamp(time // 10**9, UTC)
    begin = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if begin < day:
        begin = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return int(begin.timestamp()) * 10**9
