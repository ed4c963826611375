"""A store that is gone: told in time by name, and served again when it is back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from tests.reference import ReferenceMemory
from tests.service.crowd import Steps, replayed
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.counted import assert_counters_are
from tests.storage.stores import Backend
from tests.support.faults import FaultProxy

import kato

Gated = tuple[str, FaultProxy, str, kato.Memory]

SECONDS = 2.0
"""Within which a store that is gone is told."""


@pytest.fixture(params=["ledger", "ClickHouse"])
def gated(request: pytest.FixtureRequest, servers: Backend, tmp_path: Path) -> Iterator[Gated]:
    """A service whose way to one store can be shut: the store, the gate, the URL, the memory."""
    settings = servers.settings
    assert settings.clickhouse_url
    assert settings.redis_url
    behind = settings.redis_url if request.param == "ledger" else settings.clickhouse_url
    with FaultProxy(behind) as gate:
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
        gate.set("refused")
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
        gate.set("none")
        wait_for(lambda: client.get("/ready").status_code == 200)
        assert client.get(f"{path}/stm").json()["stm"] == [["a", "b"]]
        [prediction] = client.get(f"{path}/predictions").json()["predictions"]
        assert prediction["future"] == [["c"]]


def test_what_is_acknowledged_while_a_store_comes_and_goes(gated: Gated, kb_name: str) -> None:
    """Clients repeat what was refused until it is acknowledged: then all is there, and once."""
    _, gate, url, memory = gated
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        steps = [threads.submit(stubborn, url, kb_name, number) for number in range(CLIENTS)]
        for _ in range(2):
            time.sleep(0.3)
            gate.set("refused")
            time.sleep(0.7)
            gate.set("none")
        done = [step.result(timeout=60) for step in steps]
    reference = ReferenceMemory()
    with httpx.Client(base_url=url, timeout=30) as client:
        wait_for(lambda: client.get("/ready").status_code == 200)
        for path, each in done:
            assert client.get(f"{path}/stm").json()["stm"] == replayed(reference, each).stm
    assert_counters_are(memory.knowledge_base(kb_name), reference)


CLIENTS = 8
ROUNDS = 40


def stubborn(url: str, node: str, number: int) -> tuple[str, Steps]:
    """Observe and learn for longer than the store is gone; answers the session and its steps."""
    chance, steps, until = Random(number), list[list[str] | None](), time.monotonic() + 2.5
    name = os.urandom(8).hex()  # keys are known for an hour, also to the next test's service
    with httpx.Client(base_url=url, timeout=30) as client:

        def ask(path: str, body: Any) -> Any:
            headers = {"Idempotency-Key": f"{name} {len(steps)}"}
            while (answer := client.post(path, json=body, headers=headers)).status_code == 503:
                time.sleep(0.05)
            return answer.raise_for_status().json()

        path = f"/sessions/{ask('/sessions', {'node_id': node})['session_id']}"
        while time.monotonic() < until or len(steps) < ROUNDS:
            steps.append([f"s{chance.randrange(9)}"])
            observed = ask(f"{path}/observe", {"strings": steps[-1]})
            assert observed["time"] == sum(step is not None for step in steps)
            if chance.random() < 0.2:
                steps.append(None)
                ask(f"{path}/learn", {})
        return path, steps


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
