"""Retention takes what is old, never what is fresh, and what is left makes no candle."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.market.layers.given import NOON, NS, Carrier, trade

import kato
from kato.errors import InvalidConfig
from kato.market.layers.migrations import migrate
from kato.market.layers.retention import TABLES, Retention, drop_old, end_of, floor_of
from kato.market.layers.sealing import Sealer
from kato.market.market import Market
from kato.storage.clickhouse.client import ClickHouse

DAY = 86_400 * NS
SHORT = Retention(bronze=2, silver=2, live=2, sealed=None)


@pytest.fixture
def own(memory: kato.Memory) -> Iterator[Carrier]:
    """Layers of a database of their own."""
    clickhouse = memory.clickhouse()
    clickhouse.command("CREATE DATABASE IF NOT EXISTS kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kato.storage.clickhouse.client.DATABASE", "kept")
        patch.setattr("kato.market.layers.retention.DATABASE", "kept")
        apart = clickhouse.another()
        migrate(apart)
        yield Carrier(apart, memory.ledger())
        apart.close()
    clickhouse.command("DROP DATABASE kept SYNC")
    clickhouse.close()


def held(clickhouse: ClickHouse) -> dict[str, int]:
    return {
        table: clickhouse.rows("SELECT count() FROM {t:Identifier}", {"t": table})[0][0]
        for table in TABLES
    }


def test_what_is_fresh_stays_however_old_it_is(own: Carrier) -> None:
    """Trades of long ago and of far ahead that came in just now, received in 2025 as they say."""
    years = [trade("A-B", 1 + year, NOON - year * 365 * DAY) for year in range(40)]
    own.carry([*years, trade("A-B", 100, NOON + 50 * 365 * DAY), trade("A-B", 101, 0)])
    before = held(own.clickhouse)
    assert drop_old(own.clickhouse, Retention(bronze=1, silver=1, live=1, sealed=1)) == []
    assert held(own.clickhouse) == before
    assert before["silver_trades"] == 42
    assert floor_of(own.clickhouse, "silver_trades") == 0


def test_what_is_old_goes_and_its_sealed_candles_stay(own: Carrier) -> None:
    now = time.time_ns()
    own.carry([trade("A-B", 1, NOON, "5"), trade("A-B", 2, now + 30 * DAY)])
    Sealer(own.clickhouse).seal(now, everything=True)
    later = now + 3 * DAY
    dropped = drop_old(own.clickhouse, SHORT, later)
    assert {one.table for one in dropped} == {
        "bronze_binance",
        "silver_trades",
        "candles_live",
    }
    assert held(own.clickhouse)["silver_trades"] == 1
    market = Market(own.clickhouse)
    assert market.candles("A/B", "1d")[0].close == 5
    floor = floor_of(own.clickhouse, "silver_trades")
    assert floor == NOON - NOON % DAY + DAY
    assert drop_old(own.clickhouse, SHORT, later) == []


def test_a_trade_later_than_its_day_is_kept_does_not_seal_again(own: Carrier) -> None:
    now = time.time_ns()
    own.carry([trade("A-B", number, NOON + number, "5") for number in range(1, 10)])
    Sealer(own.clickhouse).seal(now, everything=True)
    whole = Market(own.clickhouse).candles("A/B")
    drop_old(own.clickhouse, SHORT, now + 3 * DAY)
    own.restart()
    own.carry([trade("A-B", 10, NOON + 10, "7")])
    Sealer(own.clickhouse).seal(now + 4 * DAY, everything=True)
    assert Market(own.clickhouse).candles("A/B") == whole
    assert whole[0].trades == 9


@pytest.mark.parametrize(
    "wrong", [{"silver": 0}, {"bronze": -1}, {"silver": 61}, {"silver": None}, {"sealed": 20}]
)
def test_what_takes_too_much_is_refused(wrong: dict[str, int | None]) -> None:
    with pytest.raises(InvalidConfig):
        Retention(**wrong)


@pytest.mark.parametrize(
    ("partition", "end"),
    [("20250117", NOON - NOON % DAY + DAY), ("202412", 1_735_689_600 * NS), ("19700101", DAY)],
)
def test_ends_of_partitions(partition: str, end: int) -> None:
    assert end_of(partition) == end


def test_an_odd_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="no partition"):
        end_of("all'; DROP")
