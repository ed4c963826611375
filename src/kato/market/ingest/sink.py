"""Where batches go: one insert that views carry to all layers."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import msgspec
import pyarrow as pa

from kato.market.durations import Durations
from kato.storage.clickhouse.client import ClickHouse


class Block(msgspec.Struct, frozen=True, eq=False):
    """A batch as ClickHouse takes it.

    Attributes:
        landing: Rows of ``market_landing``.
        gaps: Rows of ``market_gaps``; the newest version of each counts, so they may come again.
    """

    landing: pa.Table
    gaps: pa.Table


class LayerSink:
    """Bronze, silver and gold, as a :class:`kato.storage.batches.Sink`.

    The landing table keeps nothing. Each table behind it knows the tokens of its last blocks, so
    after a crash in the middle the same block fills just the tables that have not got it.

    Args:
        clickhouse: A connection of its own, so that nobody waits for inserts.
        inserting: Where the time of each insert is counted.
    """

    def __init__(self, clickhouse: ClickHouse, inserting: Durations | None = None) -> None:
        self._clickhouse = clickhouse
        self._inserting = inserting or Durations()

    def insert(self, entries: Sequence[Block], token: str) -> None:
        """Store a batch; nothing happens if its token was stored before."""
        began = perf_counter()
        for block in entries:
            self._clickhouse.insert("market_landing", block.landing, token)
            self._clickhouse.insert("market_gaps", block.gaps, f"{token}:gaps")
        self._inserting.add(perf_counter() - began)
