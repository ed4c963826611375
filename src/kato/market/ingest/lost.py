"""Going on behind records that the log does not keep any more: only when somebody says so."""

from __future__ import annotations

import time

import msgspec
import pyarrow as pa

from kato.market.ingest.intents import Intents
from kato.market.ingest.log import TOPICS
from kato.market.layers.gaps import SCHEMA
from kato.market.log.records import LogReader, Position
from kato.storage.clickhouse.client import ClickHouse

LOST = "lost"
"""The kind of a gap between offsets of the log."""


class Loss(msgspec.Struct, frozen=True):
    """Records of a partition that were never ingested.

    Attributes:
        position: Of which partition.
        start: The first offset.
        stop: The one behind the last.
    """

    position: Position
    start: int
    stop: int


def skip_lost(clickhouse: ClickHouse, intents: Intents, reader: LogReader) -> list[Loss]:
    """Go on behind what the log has lost, and write it down in ``market_gaps``.

    A batch that stands and cannot be read any more is given up: layers may hold a part of it,
    which a backfill makes whole as far as bronze has it.

    Raises:
        StoreUnavailable: A store does not answer.
    """
    at = intents.positions()
    standing = intents.standing()
    if standing is not None and any(
        span.start < reader.bounds(Position(span.topic, span.partition))[0]
        for span in standing.spans
    ):
        intents.done(standing)
    lost = [
        Loss(position, at[position], first)
        for position in reader.partitions(TOPICS)
        for first, _ in [reader.bounds(position)]
        if position in at and at[position] < first
    ]
    # Written down first: a call that is cut off finds it again.
    clickhouse.insert("market_gaps", _rows(lost), f"lost {time.time_ns()}")
    for loss in lost:
        intents.move(loss.position, max(loss.stop, intents.positions()[loss.position]))
    return lost


def _rows(lost: list[Loss]) -> pa.Table:
    now = time.time_ns()
    rows = [
        {
            "exchange": loss.position.topic.split(".")[3],
            "symbol": "",
            "kind": LOST,
            "after": loss.start,
            "before": loss.stop,
            "noted": 0,
            "missing": loss.stop - loss.start,
            "time": now,
            "connection": f"{loss.position.topic} {loss.position.partition}",
            "version": now,
        }
        for loss in lost
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
