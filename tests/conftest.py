"""Stores for tests: every test that asks for ``memory`` or ``kb`` runs on both backends.

A memory is shared by the tests of a module, as opening one takes most of a second; each test gets a
knowledge base of its own. Tests that need a memory of their own open one by ``own_memory``, which
closes the shared one if both would be embedded (chDB opens one path per process).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator

import hypothesis
import pytest
from tests.storage import stores
from tests.storage.stores import Backend
from tests.support.valkey_cluster import ValkeyCluster

import kato
from kato.memory.engines import Engines

_numbers = itertools.count()

# How long an example takes says something of the machine only.
hypothesis.settings.register_profile("kato", deadline=None)
hypothesis.settings.load_profile("kato")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a suite of ten minutes has no room for is left to the deep tests.

    Heavy properties run on embedded stores in the suite, and on servers in the deep tests; a real
    broker is fetched and started only there.
    """
    for item in items:
        kinds = re.split(r"[-\[\]]", item.name)
        heavy = "servers" in kinds and item.get_closest_marker("servers_deep")
        fixtures = getattr(item, "fixturenames", ())
        if heavy or "kafka" in kinds or "kafka_bootstrap" in fixtures:
            item.add_marker(pytest.mark.deep)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Servers by URL, as long as the tests run."""
    folder = tmp_path_factory.mktemp("servers")
    with (
        stores.clickhouse_url(tmp_path_factory.mktemp("clickhouse")) as clickhouse,
        stores.redis_url(tmp_path_factory.mktemp("valkey")) as redis,
    ):
        yield Backend("servers", stores.settings(folder, clickhouse=clickhouse, redis=redis))


@pytest.fixture(scope="session")
def valkey_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    """A Redis Cluster, as long as the tests run; who stops a node starts it again."""
    with ValkeyCluster.of_three(tmp_path_factory.mktemp("nodes")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster(valkey_cluster: ValkeyCluster, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """A ledger on a Redis Cluster, beside an embedded ClickHouse."""
    folder = tmp_path_factory.mktemp("cluster")
    return Backend("cluster", stores.settings(folder, redis=valkey_cluster.url))


@pytest.fixture(scope="module", params=["embedded", "servers"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """One kind of stores after the other; where a folder says so, a cluster too."""
    return stores.chosen(request)


@pytest.fixture(scope="module")
def memory(backend: Backend) -> Iterator[kato.Memory]:
    """A memory that the tests of a module share; nothing reaches ClickHouse but by ``flush``."""
    with backend.open() as memory:
        yield memory


@pytest.fixture
def engines(memory: kato.Memory) -> Engines:
    """The stores of the memory, with an empty journal."""
    memory.flush()
    return memory._engines


@pytest.fixture
def kb_name() -> str:
    """A name nobody else uses, not even on a server that outlives the tests."""
    return f'it\'s "{next(_numbers)}" \\ of {os.getpid()} {os.urandom(4).hex()} ☃'


@pytest.fixture
def kb(memory: kato.Memory, kb_name: str) -> kato.KnowledgeBase:
    """An empty knowledge base."""
    return memory.knowledge_base(kb_name)
