"""What stands in the layers of a market."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import kato

TABLES = ("silver_trades", "bronze_binance", "candles_1m", "candles_1h", "market_gaps")


def layers(memory: kato.Memory) -> dict[str, Any]:
    """What stands in the layers."""
    with closing(memory.clickhouse()) as clickhouse:
        return {
            table: clickhouse.rows(f"SELECT * FROM {table} ORDER BY ALL")  # noqa: S608
            for table in TABLES
        }
