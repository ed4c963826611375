"""How far what ClickHouse holds goes: versions of its rows are the journal's sequences."""

from __future__ import annotations

from kato.storage.clickhouse.client import ClickHouse


def newest_version(clickhouse: ClickHouse) -> int:
    """At least the newest version of all that ClickHouse holds, 0 if it holds nothing."""
    rows = clickhouse.rows("SELECT max(sequence) FROM carried")
    return max((int(sequence) for (sequence,) in rows), default=0)
