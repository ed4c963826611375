"""A log of each kind, as tests use it."""

from __future__ import annotations

import itertools
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from tests.market.brokers.mock import MockCluster

from kato.market.ingest.intents import Intent, Intents
from kato.market.log.engine import EngineReader, source_of
from kato.market.log.kafka import KafkaReader, KafkaWriter
from kato.market.log.records import LogReader, LogWriter, Position, Record, Span
from kato.market.log.stream import StreamReader, StreamWriter
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.connection import Connection

_numbers = itertools.count()

CloseableT = TypeVar("CloseableT", LogReader, LogWriter)


class AnyLog(Protocol):
    """What a log of a kind is made of."""

    def make_topic(self) -> str:
        """A topic nobody uses; it need not be there until somebody writes to it."""

    def writer(self, **options: Any) -> LogWriter:
        """A writer."""

    def reader(self, **options: Any) -> LogReader:
        """A reader."""

    def lose(self, position: Position, offset: int) -> None:
        """Let go of all records before an offset, as retention would."""


class TestedLog:
    """A log whose writers and readers are closed at the end of a test.

    Args:
        log: The log.
        opened: Closes them.
    """

    __test__ = False

    def __init__(self, log: AnyLog, opened: ExitStack) -> None:
        self._log = log
        self._opened = opened
        self.make_topic = log.make_topic
        self.lose = log.lose

    def writer(self, **options: Any) -> LogWriter:
        """A writer."""
        return self._closed_at_last(self._log.writer(**options))

    def reader(self, **options: Any) -> LogReader:
        """A reader."""
        return self._closed_at_last(self._log.reader(**options))

    def _closed_at_last(self, opened: CloseableT) -> CloseableT:
        self._opened.callback(opened.close)
        return opened


class StreamLog:
    """The log in a Valkey server.

    Args:
        connect: Makes a connection to it.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self.connect = connect

    def make_topic(self) -> str:
        return _fresh_topic()

    def writer(self, **options: Any) -> LogWriter:
        return StreamWriter(self.connect(), **options)

    def reader(self, **_options: Any) -> LogReader:
        return StreamReader(self.connect())

    def lose(self, position: Position, offset: int) -> None:
        """Ingest is done with them."""
        connection = self.connect()
        intents = Intents(connection, secrets.token_hex(8))
        intent = Intent((Span(*position, 0, offset),), secrets.token_hex(16))
        intents.claim(intent)
        intents.done(intent)
        connection.close()


class KafkaLog:
    """The log in a real broker."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def make_topic(self) -> str:
        return _fresh_topic()

    def writer(self, **options: Any) -> LogWriter:
        return KafkaWriter(self.bootstrap, **{"partitions": 3, **options})

    def reader(self, **options: Any) -> LogReader:
        return KafkaReader(self.bootstrap, **options)

    def lose(self, position: Position, offset: int) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for done in admin.delete_records([TopicPartition(*position, offset)]).values():
            done.result()


class MockLog(KafkaLog):
    """The log in a mock cluster."""

    def __init__(self, cluster: MockCluster) -> None:
        super().__init__(cluster.bootstrap)
        self._cluster = cluster

    def make_topic(self) -> str:
        topic = _fresh_topic()
        self._cluster.make_topic(topic)
        return topic

    def lose(self, position: Position, offset: int) -> None:
        """Write until it has no room for them; what each holds can't be compressed."""
        writer, reader = self.writer(), self.reader()
        keys = (f"filler {number}" for number in itertools.count())
        while reader.bounds(position)[0] < offset:
            for key in itertools.islice(keys, 40):
                writer.send(position.topic, key, secrets.token_bytes(100_000), {})
            writer.flush()
        writer.close()
        reader.close()


class EngineLog:
    """What the Kafka engine of ClickHouse carried.

    Its writer stands for the engine: it inserts blocks, and some of them again, as an engine does
    that was killed before it committed them.

    Args:
        clickhouse: With the market's tables.
    """

    SOURCE = "broker:9092"

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def make_topic(self) -> str:
        return _fresh_topic()

    def writer(self, **_options: Any) -> LogWriter:
        return _Carrying(self._clickhouse, self.reader())

    def reader(self, **_options: Any) -> LogReader:
        return EngineReader(self._clickhouse, self.SOURCE)

    def lose(self, position: Position, offset: int) -> None:
        self._clickhouse.command(
            "ALTER TABLE market_received DELETE WHERE topic = {topic:String} "
            "AND partition = {partition:UInt32} AND offset < {offset:UInt64} "
            "SETTINGS mutations_sync = 2",
            {"topic": position.topic, "partition": position.partition, "offset": offset},
        )


class _Carrying:
    """Carries records in blocks, every other one twice."""

    def __init__(self, clickhouse: ClickHouse, reader: LogReader) -> None:
        self._clickhouse = clickhouse
        self._reader = reader
        self._rows: list[dict[str, Any]] = []
        self._carried = 0

    def send(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes]) -> None:
        partition = zlib.crc32(key.encode()) % 3
        names, values = list(headers), list(headers.values())
        self._rows.append(
            {
                "source": source_of(EngineLog.SOURCE),
                "topic": topic,
                "partition": partition,
                "key": key.encode(),
                "value": value,
                "header_names": names,
                "header_values": values,
                "arrived": int(time.time()),
            }
        )

    def flush(self) -> None:
        following: dict[Position, int] = {}
        for row in self._rows:
            position = Position(row["topic"], row["partition"])
            if position not in following:
                following[position] = self._reader.bounds(position)[1]
            row["offset"] = following[position]
            following[position] += 1
        for block in _blocks(self._rows):
            for _ in range(1 + self._carried % 2):
                rows = pa.Table.from_pylist(block, schema=RECEIVED)
                self._clickhouse.insert("market_received", rows, secrets.token_hex(8))
            self._carried += 1
        self._rows.clear()

    def close(self) -> None:
        self._reader.close()


_RECEIVED: dict[str, pa.DataType] = {
    "source": pa.string(),
    "topic": pa.string(),
    "partition": pa.uint32(),
    "offset": pa.uint64(),
    "key": pa.binary(),
    "value": pa.binary(),
    "header_names": pa.list_(pa.string()),
    "header_values": pa.list_(pa.binary()),
    "arrived": pa.uint32(),
}
RECEIVED = pa.schema(_RECEIVED)


def whole(reader: LogReader, topic: str) -> dict[Position, list[Record]]:
    """All that a topic holds, by partition, as spans give it."""
    found = {}
    for position in reader.partitions([topic]):
        low, high = reader.bounds(position)
        found[position] = reader.read([Span(*position, low, high)])
    return found


def _fresh_topic() -> str:
    return f"market.crypto.trades.{secrets.token_hex(6)}-{next(_numbers)}.raw"


def _blocks(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[start : start + 700] for start in range(0, len(rows), 700)]
