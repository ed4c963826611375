"""The market's layers: nothing is found where nothing is wrong, and each kind of damage is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.market.layers.given import NS, Carrier, trade

import kato
from kato.market.layers.migrations import migrate
from kato.market.layers.sealing import Sealer
from kato.storage.clickhouse.client import ClickHouse
from kato.upkeep.checks import candles
from kato.upkeep.difference import Difference
from kato.upkeep.verify import verify

DAY = 1_737_072_000 * NS
"""2025-01-17."""

pytestmark = pytest.mark.servers_deep


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candles, "SETTLING_SECONDS", 0.0)


@pytest.fixture
def layers(memory: kato.Memory) -> Iterator[ClickHouse]:
    """Trades of two hours, sealed."""
    clickhouse = memory.clickhouse()
    migrate(clickhouse)
    for table in ("silver_trades", "bronze_binance", "candles_live", "candles_sealed"):
        clickhouse.command(f"TRUNCATE TABLE {table}")
    trades = [trade("A'☃-USD", 1 + i, DAY + i * 600 * NS, str(1 + i % 4)) for i in range(12)]
    Carrier(clickhouse, memory.ledger()).carry(trades)
    Sealer(clickhouse).seal(DAY + 30 * 3600 * NS, everything=True)
    yield clickhouse
    clickhouse.close()


def found(memory: kato.Memory, *, repair: bool = False) -> list[Difference]:
    return list(verify(memory, repair=repair))


def test_nothing_is_wrong(memory: kato.Memory, layers: ClickHouse) -> None:
    assert found(memory) == []


def test_a_candle_that_is_to_be_sealed_is_no_difference(
    memory: kato.Memory, layers: ClickHouse
) -> None:
    Carrier(layers, memory.ledger()).carry([trade("A'☃-USD", 100, DAY + 60 * NS, "7")])
    assert found(memory) == []


DAMAGES = {
    "sealed candles": """INSERT INTO candles_sealed SELECT * REPLACE (high + 1 AS high,
        version + 1 AS version) FROM candles_sealed FINAL WHERE seconds = 300 LIMIT 1""",
    "live candles": "ALTER TABLE candles_live DELETE WHERE seconds = 900 SETTINGS mutations_sync=2",
    "bronze": "ALTER TABLE bronze_binance DELETE WHERE trade_id = '3' SETTINGS mutations_sync=2",
}


@pytest.mark.parametrize("check", DAMAGES)
def test_damage_is_found(memory: kato.Memory, layers: ClickHouse, check: str) -> None:
    layers.command(DAMAGES[check])
    assert {one.check for one in found(memory)} == {check}
    mended = {one.mended for one in found(memory, repair=True)}
    assert mended == {check != "bronze"}
    assert {one.check for one in found(memory)} == ({"bronze"} if check == "bronze" else set())


def test_copies_of_a_trade_are_found(memory: kato.Memory, layers: ClickHouse) -> None:
    layers.command("SYSTEM STOP MERGES silver_trades")
    layers.command(
        "INSERT INTO silver_trades SELECT * FROM silver_trades WHERE trade_id = '5'"
        " SETTINGS insert_deduplicate = 0"
    )
    layers.command("SYSTEM START MERGES silver_trades")
    assert {one.check for one in found(memory)} == {"silver", "live candles"}
    assert all(one.mended for one in found(memory, repair=True))
    assert found(memory) == []
