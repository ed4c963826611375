"""Logs of a test's own, which it may kill and start again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.market.brokers.kafka import KafkaBroker
from tests.market.brokers.maven import Missing
from tests.market.brokers.mock import MockCluster
from tests.market.log.logs import AnyLog, KafkaLog, MockLog, StreamLog
from tests.storage.stores import TcpValkey

from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection


class Mortal:
    """A log that can be killed.

    Args:
        log: The log.
        kill: Ends what keeps it, at once.
        start: Starts it again, with what it kept.

    Attributes:
        log: The log.
        kill: Ends what keeps it, at once.
        start: Starts it again, with what it kept.
    """

    def __init__(self, log: AnyLog, kill: Callable[[], None], start: Callable[[], None]) -> None:
        self.log = log
        self.kill = kill
        self.start = start


@contextmanager
def embedded(folder: Path) -> Iterator[Mortal]:
    """In an embedded Valkey."""
    valkey = EmbeddedValkey(folder)

    def kill() -> None:
        assert valkey._child is not None
        valkey._child.kill()
        valkey._child.wait()

    def start() -> None:
        nonlocal valkey
        valkey = EmbeddedValkey(folder)

    def connect() -> Connection:
        return Connection.to_socket(valkey.socket, valkey.reason_of_death)

    try:
        yield Mortal(StreamLog(connect), kill, start)
    finally:
        valkey.stop()


@contextmanager
def server(folder: Path) -> Iterator[Mortal]:
    """In a Valkey server, which writes to disk before it answers."""
    valkey = TcpValkey(folder)
    valkey.stop()

    def start() -> None:
        valkey.start("--appendfsync", "always")

    start()
    try:
        yield Mortal(StreamLog(lambda: Connection.to_url(valkey.url)), valkey.stop, start)
    finally:
        valkey.stop()


@contextmanager
def mock(_folder: Path) -> Iterator[Mortal]:
    """In a mock cluster, which keeps nothing when it is killed."""
    cluster = MockCluster()
    try:
        yield Mortal(MockLog(cluster), cluster.stop, pytest.fail)
    finally:
        cluster.stop()


@contextmanager
def kafka(folder: Path) -> Iterator[Mortal]:
    """In a real broker."""
    try:
        broker = KafkaBroker(folder)
    except Missing as reason:
        pytest.skip(f"needs Apache Kafka: {reason}")
    try:
        yield Mortal(KafkaLog(broker.bootstrap), broker.kill, broker.start)
    finally:
        broker.kill()
