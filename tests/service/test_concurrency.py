"""Many at once lose nothing: each session ends as if it had been alone, the node as if in turn."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.reference import ReferenceMemory
from tests.service.conftest import Opened
from tests.service.crowd import crowd, observed_at_once, replayed
from tests.service.processes import served
from tests.storage import stores
from tests.storage.counted import assert_counters_are
from tests.storage.stores import Backend
from tests.support.valkey_cluster import ValkeyCluster

import kato
from kato.settings import Settings

SECONDS = 10.0


def check(url: str, memory: kato.Memory, node: str, seconds: float) -> None:
    """Fifty sessions on one node, and afterwards everything against a sequential replay."""
    done = asyncio.run(crowd(url, node, 50, seconds))
    reference = ReferenceMemory()
    with httpx.Client(base_url=url, timeout=60) as client:
        for session, steps in done.items():
            expected = replayed(reference, steps)
            found = client.get(f"/sessions/{session}/stm").json()
            assert found["stm"] == expected.stm
    assert sum(map(len, done.values())) > 100
    assert_counters_are(memory.knowledge_base(node), reference)


@pytest.mark.deep
def test_fifty_sessions_on_one_node(url: str, memory: kato.Memory, kb_name: str) -> None:
    check(url, memory, kb_name, SECONDS)


@pytest.mark.deep
def test_fifty_sessions_for_a_minute(url: str, memory: kato.Memory, kb_name: str) -> None:
    check(url, memory, kb_name, 60)


def test_a_hundred_observations_of_one_session(
    client: httpx.Client, url: str, opened: Opened
) -> None:
    path = opened()
    times = asyncio.run(observed_at_once(url, path.rsplit("/", 1)[1], 100))
    assert sorted(times) == list(range(1, 101))
    events = client.get(f"{path}/stm").json()["stm"]
    assert sorted(events) == sorted([str(number)] for number in range(100))


@pytest.mark.parametrize("seconds", [2.0, pytest.param(60.0, marks=pytest.mark.deep)])
def test_four_workers(servers: Backend, tmp_path: Path, seconds: float) -> None:
    settings = servers.settings
    assert settings.clickhouse_url
    assert settings.redis_url
    environment = {
        "KATO_CLICKHOUSE_URL": settings.clickhouse_url,
        "KATO_REDIS_URL": settings.redis_url,
    }
    node = f"workers of {tmp_path}"
    with served(tmp_path, environment, "--workers", "4") as service, servers.open() as memory:
        check(service.url, memory, node, seconds)
        made = httpx.post(f"{service.url}/sessions", json={"node_id": node}).json()["session_id"]
        times = asyncio.run(observed_at_once(service.url, made, 100))
        assert sorted(times) == list(range(1, 101))
        assert service.log.read_text().count(f"serving {service.url} ") == 1


@pytest.mark.deep
def test_two_workers_on_a_cluster_whose_slot_moves(
    valkey_cluster: ValkeyCluster, tmp_path: Path
) -> None:
    with stores.clickhouse_url(tmp_path) as clickhouse:
        shard = "15003"
        environment = {
            "KATO_CLICKHOUSE_URL": clickhouse,
            "KATO_REDIS_URL": valkey_cluster.url,
            "KATO_LEDGER_SHARD": shard,
        }
        settings = Settings.from_environment(environment)
        with (
            served(tmp_path, environment, "--workers", "2") as service,
            Backend("cluster", settings).open() as memory,
            ThreadPoolExecutor(1) as pool,
        ):
            checked = pool.submit(check, service.url, memory, "crowd", 20)
            while not checked.done():
                valkey_cluster.move(f"{{{shard}}}")
                time.sleep(0.5)
            checked.result()


@pytest.mark.deep
def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    with served(tmp_path, {}) as service:
        made = httpx.post(f"{service.url}/sessions", json={"node_id": "n"}).json()["session_id"]
        path = f"/sessions/{made}"
        httpx.post(f"{service.url}{path}/observe", json={"strings": ["a"]}).raise_for_status()
    with served(tmp_path, {}) as service:
        assert httpx.get(f"{service.url}{path}/stm").json()["stm"] == [["a"]]
