"""A store goes silent or away under the service: every family of routes says so in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

import httpx
import pytest
from tests.faults.outcomes import OVERTIME, cases
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.stores import Backend
from tests.support.faults import Fault, FaultProxy

import kato
from kato.service import routes
from kato.storage.clickhouse import client as clickhouse
from kato.storage.ledger import connection, pipeline
from kato.storage.ledger import servers as reached

LEDGER_SECONDS, CLICKHOUSE_SECONDS = 1.5, 2
BOTH = ("ledger", "ClickHouse")
DEADLINES = {
    # What the pipeline got no answer to is asked for over the connection.
    "ledger": LEDGER_SECONDS + pipeline.ANSWER_SECONDS,
    "ClickHouse": CLICKHOUSE_SECONDS,
}


class Ask(NamedTuple):
    """A request, and the stores without which there is no answer."""

    method: str
    path: str
    needs: tuple[str, ...] = ("ledger",)
    body: Any = None


ASKS = {
    "sessions": Ask("POST", "/sessions", body={"node_id": "{node}"}),
    "short_term_memory": Ask("POST", "/sessions/{session}/observe", body={"strings": ["a"]}),
    "short_term_memory stm": Ask("GET", "/sessions/{session}/stm"),
    "short_term_memory learn": Ask("POST", "/sessions/{session}/learn", body={}),
    "predictions": Ask("GET", "/sessions/{session}/predictions", BOTH),
    "mirror": Ask("GET", "/sessions/{session}/state"),
    "nodes": Ask("GET", "/nodes/{node}"),
    "nodes learn": Ask("POST", "/nodes/{node}/learn", body={"sequences": [{"events": [["a"]]}]}),
    "patterns": Ask("GET", "/nodes/{node}/patterns", BOTH),
    "knowledge": Ask("GET", "/symbols/stats?node_id={node}", BOTH),
    "transfer": Ask("GET", "/nodes/{node}/export", BOTH),
    "undo": Ask("GET", "/undo"),
    "backup": Ask("POST", "/backup", BOTH),
    "market": Ask("GET", "/market/symbols", ("ClickHouse",)),
    "root": Ask("GET", "/status"),
    "root ready": Ask("GET", "/ready", BOTH),
    "monitoring": Ask("GET", "/stats", ()),
    "deprecated": Ask("GET", "/percept-data", ()),
}
"""By family of routes, and what more there is to say."""

NOT_ASKED = {"limits": "tells settings", "stream": "a socket, whose subscription has its own test"}


def test_every_family_is_asked() -> None:
    families = {module.name for module in iter_modules(routes.__path__)}
    assert families == {name.split()[0] for name in ASKS} | NOT_ASKED.keys()


class Service(NamedTuple):
    """A service whose way to each store leads through a proxy."""

    client: httpx.Client
    memory: kato.Memory
    ways: dict[str, FaultProxy]


@pytest.fixture(scope="module")
def service(servers: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    given = servers.settings
    assert given.redis_url
    assert given.clickhouse_url
    with (
        pytest.MonkeyPatch.context() as patch,
        FaultProxy(given.redis_url) as redis,
        FaultProxy(given.clickhouse_url) as http,
    ):
        patch.setattr(connection, "ANSWER_SECONDS", LEDGER_SECONDS)
        patch.setitem(reached._BY_TCP, "socket_timeout", LEDGER_SECONDS)
        patch.setattr(clickhouse, "ANSWER_SECONDS", CLICKHOUSE_SECONDS)
        settings = stores.settings(folder, clickhouse=http.url, redis=redis.url)
        with (
            kato.open(settings=settings) as memory,
            serving(settings, memory) as url,
            httpx.Client(base_url=url, timeout=30) as client,
        ):
            yield Service(client, memory, {"ledger": redis, "ClickHouse": http})


@pytest.mark.parametrize("store", BOTH)
@pytest.mark.parametrize(("name", "fault"), cases(ASKS, ("silent", "refused", "reset")))
def test_a_route_without_its_store(
    service: Service, kb_name: str, store: str, name: str, fault: Fault
) -> None:
    ask = _filled(service, ASKS[name], kb_name)
    # What is made at the first request, such as the market's tables, takes its time.
    assert service.client.request(ask.method, ask.path, json=ask.body).status_code < 500
    began = time.monotonic()
    with service.ways[store].failing(fault):
        answer = service.client.request(ask.method, ask.path, json=ask.body)
    assert time.monotonic() - began < DEADLINES[store] + OVERTIME
    if store in ask.needs:
        assert answer.status_code == 503
        assert store.lower() in answer.text.lower()
    else:
        assert answer.status_code < 500
    again = service.client.request(ask.method, ask.path, json=ask.body)
    assert again.status_code < 500


def _filled(service: Service, ask: Ask, name: str) -> Ask:
    """The request about a session and a node that are there, with patterns in ClickHouse."""
    node, client = name.encode().hex(), service.client
    made = client.post("/sessions", json={"node_id": node}).raise_for_status().json()
    session = f"/sessions/{made['session_id']}"
    for symbol in ("a", "b"):
        client.post(f"{session}/observe", json={"strings": [symbol]}).raise_for_status()
    client.post(f"{session}/learn", json={}).raise_for_status()
    for symbol in ("a", "b"):
        client.post(f"{session}/observe", json={"strings": [symbol]}).raise_for_status()
    service.memory.flush()
    path = ask.path.format(session=made["session_id"], node=node)
    body = {"node_id": node} if ask.body == {"node_id": "{node}"} else ask.body
    return ask._replace(path=path, body=body)
