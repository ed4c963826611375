"""A log of each kind: every test that asks for ``log`` runs on all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.market.brokers.mock import MockCluster
from tests.market.log.logs import AnyLog, EngineLog, KafkaLog, MockLog, StreamLog, TestedLog
from tests.storage.stores import TcpValkey, clickhouse_url

from kato.market.layers.migrations import migrate
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection


@pytest.fixture(scope="module", params=["embedded", "server", "mock", "kafka", "engine"])
def kind(request: pytest.FixtureRequest) -> AnyLog:
    """One kind of log after the other."""
    log: AnyLog = request.getfixturevalue(f"{request.param}_log")
    return log


@pytest.fixture
def log(kind: AnyLog) -> Iterator[TestedLog]:
    """A log of a kind, whose writers and readers are closed after the test."""
    with ExitStack() as opened:
        yield TestedLog(kind, opened)


@pytest.fixture(scope="module")
def embedded_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamLog]:
    """In an embedded Valkey."""
    valkey = EmbeddedValkey(tmp_path_factory.mktemp("ledger"))
    yield StreamLog(lambda: Connection.to_socket(valkey.socket, valkey.reason_of_death))
    valkey.stop()


@pytest.fixture(scope="module")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamLog]:
    """In a Valkey server."""
    valkey = TcpValkey(tmp_path_factory.mktemp("valkey"))
    yield StreamLog(lambda: Connection.to_url(valkey.url))
    valkey.stop()


@pytest.fixture(scope="module")
def mock_log(mock_cluster: MockCluster) -> MockLog:
    """In the mock cluster."""
    return MockLog(mock_cluster)


@pytest.fixture(scope="module")
def engine_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineLog]:
    """Carried into ClickHouse by its Kafka engine."""
    with clickhouse_url(tmp_path_factory.mktemp("clickhouse")) as url:
        clickhouse = ClickHouse.at(url)
        migrate(clickhouse)
        yield EngineLog(clickhouse)
        clickhouse.close()


@pytest.fixture(scope="module")
def kafka_log(kafka_bootstrap: str) -> KafkaLog:
    """In a real broker."""
    return KafkaLog(kafka_bootstrap)
