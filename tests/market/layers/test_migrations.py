"""The market's tables: numbered, taken once, and all with a memory for tokens."""

from __future__ import annotations

from kato.market.layers.migrations import TABLE, known, migrate
from kato.market.layers.retention import TABLES
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.migrations import applied


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.number for step in known()] == list(range(1, len(known()) + 1))
    statements = [statement for step in known() for statement in step.statements]
    assert not any("--" in statement or "<" in statement[:80] for statement in statements)


def test_steps_are_taken_once(clickhouse: ClickHouse) -> None:
    assert migrate(clickhouse) == []
    assert applied(clickhouse, TABLE) == [step.number for step in known()]


def test_every_table_of_the_cascade_knows_its_blocks(clickhouse: ClickHouse) -> None:
    rows = clickhouse.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine_full LIKE '%non_replicated_deduplication_window = 10000%'"
    )
    beside = ("candles_sealed", "market_received")
    behind_landing = {table for table in TABLES if table not in beside}
    assert {name for (name,) in rows} >= behind_landing
    assert len(behind_landing) == 6
