"""Rows of ``market_gaps``: which ids are missing, as of when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from kato.market.ingest.seen import NewGap

MISSING = "missing"
"""The kind of a gap between ids."""

_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("kind", pa.string()),
        ("after", pa.uint64()),
        ("before", pa.uint64()),
        ("missing", pa.uint64()),
        ("time", pa.timestamp("ns", "UTC")),
        ("connection", pa.string()),
        ("version", pa.uint64()),
    ]
)


def gap_rows(gaps: Sequence[NewGap]) -> pa.Table:
    """The rows that say of these gaps whether they are there now."""
    version = time.time_ns()
    rows = [
        {
            "exchange": gap.instrument.exchange,
            "symbol": gap.instrument.symbol,
            "kind": MISSING,
            "after": gap.hole.after,
            "before": gap.hole.before,
            "missing": gap.hole.missing if gap.is_open else 0,
            "time": gap.time,
            "connection": gap.connection,
            "version": version,
        }
        for gap in gaps
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
