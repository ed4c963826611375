"""A log of each kind, as tests use it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from tests.market.brokers.mock import MockCluster

from kato.market.ingest.intents import Intent, Intents
from kato.market.log.kafka import KafkaReader, KafkaWriter
from kato.market.log.records import LogReader, LogWriter, Position, Record, Span
from kato.market.log.stream import StreamReader, StreamWriter
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


def whole(reader: LogReader, topic: str) -> dict[Position, list[Record]]:
    """All that a topic holds, by partition, as spans give it."""
    found = {}
    for position in reader.partitions([topic]):
        low, high = reader.bounds(position)
        found[position] = reader.read([Span(*position, low, high)])
    return found


def _fresh_topic() -> str:
    return f"market.crypto.trades.{secrets.token_hex(6)}-{next(_numbers)}.raw"
