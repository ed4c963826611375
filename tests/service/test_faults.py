"""A store that is gone: told in time by name, and served again when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.faults import Gate
from tests.storage.stores import Backend

import kato

Gated = tuple[str, Gate, str, kato.Memory]

SECONDS = 2.0
"""Within which a store that is gone is told."""


@pytest.fixture(params=["ledger", "ClickHouse"])
def gated(request: pytest.FixtureRequest, servers: Backend, tmp_path: Path) -> Iterator[Gated]:
    """A service whose way to one store can be shut: the store, the gate, the URL, the memory."""
    settings = servers.settings
    assert settings.clickhouse_url
    assert settings.redis_url
    behind = settings.redis_url if request.param == "ledger" else settings.clickhouse_url
    with Gate(behind) as gate:
        redis_url = gate.url if request.param == "ledger" else settings.redis_url
        clickhouse = settings.clickhouse_url if request.param == "ledger" else gate.url
        changed = stores.settings(tmp_path, clickhouse=clickhouse, redis=redis_url)
        with kato.open(settings=changed) as memory, serving(changed, memory) as url:
            yield request.param, gate, url, memory


def test_a_store_that_is_gone(gated: Gated, kb_name: str) -> None:
    store, gate, url, memory = gated
    with httpx.Client(base_url=url, timeout=30) as client:
        made = client.post("/sessions", json={"node_id": kb_name}).json()["session_id"]
        path = f"/sessions/{made}"
        for symbol in "abc":
            client.post(f"{path}/observe", json={"strings": [symbol]}).raise_for_status()
        client.post(f"{path}/learn").raise_for_status()
        client.post(f"{path}/observe", json={"strings": ["a", "b"]}).raise_for_status()
        memory.flush()
        gate.shut()
        refused(lambda: client.get(f"{path}/predictions"), store)
        if store == "ledger":
            refused(lambda: client.post(f"{path}/observe", json={"strings": ["x"]}), store)
            refused(lambda: client.post("/sessions", json={"node_id": kb_name}), store)
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert [name for name, state in ready.json()["stores"].items() if not state["ready"]] == [
            store.lower()
        ]
        assert client.get("/health").status_code == 200
        gate.open()
        wait_for(lambda: client.get("/ready").status_code == 200)
        assert client.get(f"{path}/stm").json()["stm"] == [["a", "b"]]
        [prediction] = client.get(f"{path}/predictions").json()["predictions"]
        assert prediction["future"] == [["c"]]


def refused(ask: Callable[[], httpx.Response], store: str) -> None:
    """Ask while a store is gone."""
    began = time.monotonic()
    answer = ask()
    assert answer.status_code == 503, answer.text
    assert time.monotonic() - began < SECONDS
    assert store in answer.json()["detail"]
    assert answer.headers["Retry-After"]


def wait_for(happens: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something happens."""
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.1)
