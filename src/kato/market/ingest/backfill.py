"""Silver and gold from bronze, by the same batches as from the log.

Bronze holds what was received, so it is a log itself: what it says is read again by the decoders
and the instruments of today, what silver has not got is new, and each batch is carried once whoever
dies. Then live candles are made anew from silver, and sealed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from kato.market.ingest.intents import Intents
from kato.market.ingest.log import BatchLog
from kato.market.ingest.report import Report
from kato.market.ingest.seen import Seen
from kato.market.ingest.sink import Block
from kato.market.layers.rebuilding import rebuild
from kato.market.layers.rows import Reading
from kato.market.layers.sealing import Sealer
from kato.market.log.records import Position, Record, Span, raw_topic
from kato.market.trade import EXCHANGES
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.connection import Connection

RECORDS = 20_000
"""Of a batch, at the most."""

_PARTITIONS = "SELECT DISTINCT topic, partition FROM {bronze:Identifier} ORDER BY ALL"
_BOUNDS = """
SELECT min(offset), max(offset) + 1 FROM {bronze:Identifier}
WHERE topic = {topic:String} AND partition = {partition:UInt32}
"""
_RECORDS = """
SELECT offset, native, base64Encode(payload), toUnixTimestamp64Nano(received), connection
FROM {bronze:Identifier}
WHERE topic = {topic:String} AND partition = {partition:UInt32} AND ordinal = 0
    AND offset >= {start:UInt64} AND offset < {stop:UInt64}
ORDER BY offset LIMIT {limit:UInt64}
"""
_BRONZE = {raw_topic(exchange): f"bronze_{exchange}" for exchange in EXCHANGES}
_END = 1 << 63


class Backfilled(msgspec.Struct, frozen=True):
    """What a backfill did.

    Attributes:
        read: Trades that bronze holds.
        added: Trades that silver had not got.
        months: Months of live candles that were made anew.
        sealed: Candles' times that were sealed.
    """

    read: int
    added: int
    months: int
    sealed: int


class BronzeReader:
    """Bronze as a log; see :class:`kato.market.log.records.LogReader`.

    Args:
        clickhouse: Where bronze is.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    @property
    def name(self) -> str:
        """Its offsets are another log's, which must lose nothing by being read here."""
        return "bronze"

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The partitions that bronze holds records of."""
        return [
            Position(*row)
            for topic in topics
            if topic in _BRONZE
            for row in self._clickhouse.rows(_PARTITIONS, {"bronze": _BRONZE[topic]})
        ]

    def bounds(self, position: Position) -> tuple[int, int]:
        """The first offset there is, and the one behind the last."""
        first, stop = self._clickhouse.rows(_BOUNDS, _named(position))[0]
        return first, stop

    def poll(self, after: Mapping[Position, int], rows: int, seconds: float) -> list[Record]:
        """Up to so many records, of the first partition that has any."""
        del seconds
        for position, offset in after.items():
            found = self._records(Span(*position, offset, _END), rows)
            if found:
                return found
        return []

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """Exactly the records of these spans."""
        return [record for span in spans for record in self._records(span, _END)]

    def close(self) -> None:
        """Nothing is held."""

    def _records(self, span: Span, limit: int) -> list[Record]:
        position = Position(span.topic, span.partition)
        asked = {**_named(position), "start": span.start, "stop": span.stop, "limit": limit}
        return [
            Record(span.topic, span.partition, offset, native, b64decode(payload), headers)
            for offset, native, payload, received, connection in self._clickhouse.rows(
                _RECORDS, asked
            )
            for headers in [_headers(received, connection)]
        ]


class SilverSink:
    """Silver and live candles: bronze has the batch already.

    Args:
        clickhouse: Where the layers are.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def insert(self, entries: Sequence[Block], token: str) -> None:
        """Store what is new in a batch; nothing happens if its token was stored before."""
        for block in entries:
            rows = block.landing
            new = rows.filter(pa.array(rows["is_new"].to_numpy() == 1))
            nothing = pa.array(np.zeros(len(new), np.uint8))
            new = new.set_column(new.schema.get_field_index("is_trade"), "is_trade", nothing)
            self._clickhouse.insert("market_landing", new, token)


def backfill(
    clickhouse: ClickHouse, ledger: Connection, reading: Reading, lateness: float
) -> Backfilled:
    """Carry to silver what bronze has and silver has not, and make the candles anew.

    Nothing may be ingested meanwhile. A call that is cut off may be made again.

    Args:
        clickhouse: Where the layers are.
        ledger: Where the batches are claimed.
        reading: Knows what records mean.
        lateness: Seconds a trade may come late, for sealing.

    Raises:
        StoreUnavailable: A store does not answer.
    """
    report = _fill_silver(clickhouse, ledger, reading)
    months = rebuild(clickhouse)
    sealed = Sealer(clickhouse, lateness).seal(everything=True).windows
    return Backfilled(report.trades, report.new, months, sealed)


def _fill_silver(clickhouse: ClickHouse, ledger: Connection, reading: Reading) -> Report:
    reader = BronzeReader(clickhouse)
    intents = Intents.of(ledger, reader)
    log, sink = BatchLog(reader, intents, reading, Seen(clickhouse)), SilverSink(clickhouse)
    _carry_what_stands(log, sink, intents)
    for position in reader.partitions(list(_BRONZE)):
        intents.move(position, reader.bounds(position)[0])
    log = BatchLog(reader, intents, reading, Seen(clickhouse))
    while claimed := log.claim(RECORDS, 0):
        sink.insert(log.read(claimed), claimed.token)
        log.done(claimed)
    return log.report


def _carry_what_stands(log: BatchLog, sink: SilverSink, intents: Intents) -> None:
    if intents.standing() is not None and (claimed := log.claim(RECORDS, 0)):
        sink.insert(log.read(claimed), claimed.token)
        log.done(claimed)


def _named(position: Position) -> dict[str, object]:
    return {
        "bronze": _BRONZE[position.topic],
        "topic": position.topic,
        "partition": position.partition,
    }


def _headers(received: int, connection: str) -> dict[str, bytes]:
    return {"received": str(received).encode(), "connection": connection.encode()}
