"""Looks into the tables of a memory past the program."""

from __future__ import annotations

from typing import Any

from kato.memory.engines import Engines

TABLES = (
    "patterns",
    "symbols",
    "frequencies",
    "states",
    "affinities",
    "inherited",
    "vectors",
    "tombstones",
    "knowledge_bases",
)
"""What batches fill."""

DERIVED = (
    *("minhash_bands", "minhash_coverage", "postings", "posting_coverage"),
    *("last_patterns", "carried"),
)
"""What is made of the patterns where recall needs it, and what says how far they go."""


def rows_of(engines: Engines, table: str, kb: int) -> list[Any]:
    """All rows of a knowledge base, by key; of versions the newest."""
    final = "" if table in ("patterns", "symbols") else "FINAL"
    statement = f"SELECT * FROM {table} {final} WHERE kb = {{kb:UInt32}} ORDER BY ALL"  # noqa: S608
    return engines._clickhouse.rows(statement, {"kb": kb})


def optimize(engines: Engines) -> None:
    """Merge every table into one part."""
    for table in TABLES:
        engines._clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")
