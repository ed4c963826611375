"""Brokers for tests, and a log of each kind.

`KATO_TEST_KAFKA_BOOTSTRAP` names a broker to test on; else a real one is started where a JVM and
Maven are, once for all processes of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.market.brokers.maven import Missing
from tests.market.brokers.mock import MockCluster
from tests.market.brokers.shared import shared_broker

KAFKA_BOOTSTRAP = "KATO_TEST_KAFKA_BOOTSTRAP"


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[MockCluster]:
    """The client library's mock cluster."""
    cluster = MockCluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Apache Kafka broker; tests are skipped where there is none."""
    given = os.environ.get(KAFKA_BOOTSTRAP)
    if given:
        yield given
        return
    try:
        with shared_broker(_folder_of_run(tmp_path_factory) / "kafka") as bootstrap:
            yield bootstrap
    except Missing as reason:
        pytest.skip(f"needs Apache Kafka: {reason}")


def _folder_of_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of the run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
