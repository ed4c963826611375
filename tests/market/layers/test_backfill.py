"""Backfill: silver and gold from bronze are what they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.market.layers.given import NOON, NS, Carrier, Written, candles_of, trade, unsealed

import kato
from kato.market.ingest.backfill import backfill
from kato.market.layers.migrations import migrate
from kato.market.market import Market
from kato.market.timeframes import TIMEFRAMES
from kato.market.trade import Trade
from kato.storage.clickhouse.client import ClickHouse


@pytest.fixture
def own(memory: kato.Memory) -> Iterator[Carrier]:
    """Layers of a database of their own."""
    clickhouse = memory.clickhouse()
    clickhouse.command("CREATE DATABASE filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kato.storage.clickhouse.client.DATABASE", "filled")
        apart = clickhouse.another()
        migrate(apart)
        yield Carrier(apart, memory.ledger())
        apart.close()
    clickhouse.command("DROP DATABASE filled SYNC")
    clickhouse.close()


END = NOON + 14 * 86_400 * NS + 12 * 3600 * NS


def given() -> list[Trade]:
    """The end of a month and the begin of the next, of two symbols; some are invalid."""
    return [
        trade(symbol, 20 + number, END + number * 9000 * NS, "0" if number % 7 == 3 else "2.5")
        for symbol in ("A-B", "C-D")
        for number in range(-10, 10)
    ]


def everything(clickhouse: ClickHouse) -> dict[str, Any]:
    market = Market(clickhouse)
    found: dict[str, Any] = {symbol: market.trades(symbol) for symbol in ("A/B", "C/D")}
    for one in TIMEFRAMES:
        found[one.name] = [unsealed(market.candles(s, one.name)) for s in ("A/B", "C/D")]
        found[f"{one.name} live"] = clickhouse.rows(
            "SELECT symbol, start, sum(trades), sum(quote_volume), argMinMerge(open) "
            "FROM candles_live WHERE seconds = {seconds:UInt32} GROUP BY ALL ORDER BY ALL",
            {"seconds": one.seconds},
        )
    return found


LOST = {
    "nothing": [],
    "silver": ["silver_trades"],
    "gold": ["candles_live"],
    "both": ["silver_trades", "candles_live"],
}


_IN_SUITE = ("gold", "both")


@pytest.mark.parametrize(
    "lost", [pytest.param(one, marks=() if one in _IN_SUITE else pytest.mark.deep) for one in LOST]
)
@pytest.mark.deep
def test_backfill_equals(own: Carrier, memory: kato.Memory, lost: str) -> None:
    trades = given()
    own.carry(trades[:30], trades[25:], trades[:10])
    before, bronze = everything(own.clickhouse), rows_in_bronze(own)
    for table in LOST[lost]:
        own.clickhouse.command(f"TRUNCATE TABLE {table}")
    done = backfill(own.clickhouse, memory.ledger(), Written(), 0)
    assert done.read == bronze
    assert done.added == (len(trades) if "silver_trades" in LOST[lost] else 0)
    assert everything(own.clickhouse) == before
    assert rows_in_bronze(own) == bronze
    assert Market(own.clickhouse).differences("1h") == []
    valid = [one for one in trades if one.symbol == "A-B" and one.price > 0]
    days = Market(own.clickhouse).candles("A/B", "1d")
    assert unsealed(days) == candles_of("binance", valid, TIMEFRAMES[-1])
    assert all(one.sealed for one in days)


def rows_in_bronze(own: Carrier) -> int:
    count: int = own.clickhouse.rows("SELECT count() FROM bronze_binance")[0][0]
    return count


def test_an_instrument_that_is_known_now_comes_in(own: Carrier, memory: kato.Memory) -> None:
    own.carry([trade("?A-B", number, NOON + number) for number in range(1, 6)])
    assert Market(own.clickhouse).symbols() == []

    class Knows(Written):
        def symbol(self, _exchange: str, native: str) -> str:
            return native.strip("?").replace("-", "/")

    done = backfill(own.clickhouse, memory.ledger(), Knows(), 0)
    assert (done.read, done.added) == (5, 5)
    assert [one.trades for one in Market(own.clickhouse).candles("A/B", "1d")] == [5]


@pytest.mark.deep
def test_a_backfill_that_was_cut_off_is_made_again(
    own: Carrier, memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades = given()
    own.carry(trades)
    before = everything(own.clickhouse)
    own.clickhouse.command("TRUNCATE TABLE silver_trades")
    for table in LOST["gold"]:
        own.clickhouse.command(f"TRUNCATE TABLE {table}")

    def cut(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr("kato.market.ingest.log.Intents.done", cut)
        with pytest.raises(InterruptedError):
            backfill(own.clickhouse, memory.ledger(), Written(), 0)
    backfill(own.clickhouse, memory.ledger(), Written(), 0)
    assert everything(own.clickhouse) == before
    assert msgspec.structs.asdict(Market(own.clickhouse).symbols()[0])["trades"] > 0
