"""How long each layer is kept: old partitions go whole, and only when nothing in them is fresh.

A TTL over a column of times removes what is replayed from long ago at the very insert (and one that
overflows 32 bits removes everything). So there is none: a partition goes when its days are over
*and* no row came into it for as long. Merges count as that too, which only keeps it longer.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import msgspec

from kato.errors import InvalidConfig
from kato.market.trade import EXCHANGES
from kato.storage.clickhouse.client import DATABASE, ClickHouse

DAY_NS = 86_400 * 10**9

_PARTITIONS = """
SELECT partition_id, max(toUnixTimestamp(modification_time)) FROM system.parts
WHERE active AND database = {database:String} AND table = {table:String}
GROUP BY partition_id ORDER BY partition_id
"""
_FLOOR = "SELECT toString(max(day)) FROM market_floors WHERE name = {name:String}"
_RAISE = "INSERT INTO market_floors (name, day) VALUES ({name:String}, {day:Date})"


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How many days each layer is kept, 1 or more; None is for ever.

    Attributes:
        bronze: From when a record was received.
        silver: From when a trade was made.
        live: From when a live candle began. Sealed ones go on being served.
        sealed: From when a sealed candle began.

    Raises:
        InvalidConfig: A number of days is below 1, or sealed minutes would go before trades do.
    """

    bronze: int | None = 7
    silver: int | None = 30
    live: int | None = 60
    sealed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would take fresh rows away."""
        days = msgspec.structs.asdict(self)
        problems = {
            name: f"must be 1 day or more, got {kept}"
            for name, kept in days.items()
            if kept is not None and kept < 1
        }
        if _longer(self.silver, self.live) or _longer(self.silver, self.sealed):
            problems["silver"] = "candles must be kept as long as the trades that they are made of"
        if problems:
            raise InvalidConfig(problems)

    def of(self, table: str) -> int | None:
        """Days that a table is kept."""
        layer = (
            table.rpartition("_")[2] if table.startswith("candles_") else table.partition("_")[0]
        )
        kept: int | None = getattr(self, "bronze" if layer == "market" else layer)
        return kept


class Dropped(msgspec.Struct, frozen=True):
    """A partition that was taken away."""

    table: str
    partition: str


TABLES = (
    *(f"bronze_{exchange}" for exchange in EXCHANGES),
    "market_unreadable",
    "market_received",
    "silver_trades",
    "candles_live",
    "candles_sealed",
)
"""All tables with partitions by time."""


def drop_old(clickhouse: ClickHouse, retention: Retention, now: int | None = None) -> list[Dropped]:
    """Take away the partitions that are over.

    Args:
        clickhouse: Where the layers are.
        retention: How long each is kept.
        now: The time, ns since 1970; the clock's by default.

    Raises:
        StoreUnavailable: ClickHouse does not answer.
    """
    moment = time.time_ns() if now is None else now
    return [
        dropped
        for table in TABLES
        if (days := retention.of(table)) is not None
        for dropped in _drop(clickhouse, table, days, moment)
    ]


def floor_of(clickhouse: ClickHouse, table: str) -> int:
    """From when on a table is whole, ns since 1970: what is older may have been taken away."""
    text = clickhouse.rows(_FLOOR, {"name": table})[0][0]
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def _drop(clickhouse: ClickHouse, table: str, days: int, now: int) -> list[Dropped]:
    cutoff = now - days * DAY_NS
    found = clickhouse.rows(_PARTITIONS, {"database": DATABASE, "table": table})
    over = [
        partition
        for partition, changed in found
        if end_of(partition) <= cutoff and changed * 10**9 <= cutoff
    ]
    if over:
        # The floor first: whoever seals meanwhile must not take a part of a day for all of it.
        floor = max(end_of(partition) for partition in over)
        clickhouse.command(_RAISE, {"name": table, "day": _day(floor)})
    for partition in over:
        statement = f"ALTER TABLE {table} DROP PARTITION ID '{partition}'"
        clickhouse.command(statement)
    return [Dropped(table, partition) for partition in over]


def end_of(partition: str) -> int:
    """When the day or the month of a partition is over, ns since 1970.

    >>> end_of("19700101") // DAY_NS, end_of("197002") // DAY_NS
    (1, 59)
    """
    year, month, day = _parts(partition)
    if day:
        end = datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
    else:
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(end.timestamp()) * 10**9


def month_of(partition: str) -> int:
    """When the month of a partition begins, ns since 1970.

    >>> month_of("197002") // DAY_NS
    31
    """
    year, month, _ = _parts(partition)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 10**9


def _parts(partition: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"\d{6}(\d\d)?", partition):
        raise ValueError(f"no partition by time: {partition!r}")
    return int(partition[:4]), int(partition[4:6]), int(partition[6:] or 0)


def _day(time: int) -> str:
    return datetime.fromtimestamp(time // 10**9, UTC).date().isoformat()


def _longer(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)
