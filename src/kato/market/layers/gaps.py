"""Rows of ``market_gaps``: which ids are missing as of when, and what feeds noted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kato.market.layers.rows import LATEST, Reading

if TYPE_CHECKING:
    from kato.market.feeds.sequence import Note
    from kato.market.ingest.seen import NewGap

MISSING = "missing"
"""The kind of a hole between ids; all other kinds are what a feed noted."""

_TYPES: dict[str, pa.DataType] = {
    "exchange": pa.string(),
    "symbol": pa.string(),
    "kind": pa.string(),
    "after": pa.uint64(),
    "before": pa.uint64(),
    "noted": pa.timestamp("ns", "UTC"),
    "missing": pa.uint64(),
    "time": pa.timestamp("ns", "UTC"),
    "connection": pa.string(),
    "version": pa.uint64(),
}
SCHEMA = pa.schema(_TYPES)
"""The columns."""


def gap_rows(gaps: Sequence[NewGap], notes: Sequence[Note], reading: Reading) -> pa.Table:
    """The rows that say of holes whether they are there now, and those of notes."""
    version = time.time_ns()
    rows = [_of_gap(gap) for gap in gaps] + [_of_note(note, reading) for note in notes]
    return pa.Table.from_pylist([{**row, "version": version} for row in rows], schema=SCHEMA)


def _of_gap(gap: NewGap) -> dict[str, Any]:
    return {
        "exchange": gap.instrument.exchange,
        "symbol": gap.instrument.symbol,
        "kind": MISSING,
        "after": gap.hole.after,
        "before": gap.hole.before,
        "noted": 0,
        "missing": gap.hole.missing if gap.is_open else 0,
        "time": gap.time,
        "connection": gap.connection,
    }


def _of_note(note: Note, reading: Reading) -> dict[str, Any]:
    noted = min(max(note.time, 0), LATEST)
    return {
        "exchange": note.exchange,
        "symbol": (reading.symbol(note.exchange, note.symbol) or note.symbol),
        "kind": note.kind,
        "after": max(note.after, 0),
        "before": max(note.before, 0),
        "noted": noted,
        "missing": max(note.missing, 0),
        "time": noted,
        "connection": note.connection,
    }
