"""What clients send stays data: in symbols, nodes, names, metadata and headers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.service.payloads import PAYLOADS

import kato


def learned(client: httpx.Client, node: str, *symbols: str, **more: Any) -> str:
    """A pattern of the symbols, one an event; answers its name."""
    made = client.post("/sessions", json={"node_id": node}).json()
    path = f"/sessions/{made['session_id']}"
    assert made["node_id"] == node
    for symbol in symbols:
        answer = client.post(f"{path}/observe", json={"strings": [symbol], **more})
        assert answer.status_code == 200, answer.text
    assert [[symbol] for symbol in symbols] == client.get(f"{path}/stm").json()["stm"]
    name: str = client.post(f"{path}/learn").json()["pattern_name"]
    return name


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_symbol_is_data(client: httpx.Client, kb_name: str, payload: str) -> None:
    name = learned(client, kb_name, payload, "and", payload)
    node = {"node_id": kb_name}
    pattern = client.get(f"/pattern/{name}", params=node).json()["pattern"]["pattern"]
    assert pattern["pattern_data"] == [[payload], ["and"], [payload]]
    stats = client.get("/symbols/stats", params=node).json()["symbols"]
    assert stats[payload]["frequency"] == 2
    made = client.post("/sessions", json=node).json()["session_id"]
    client.post(f"/sessions/{made}/observe", json={"strings": [payload]})
    [prediction] = client.get(f"/sessions/{made}/predictions").json()["predictions"]
    assert prediction["future"] == [["and"], [payload]]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_symbols_affinity_is_found(client: httpx.Client, kb_name: str, payload: str) -> None:
    learned(client, kb_name, payload, "b", emotives={"joy": 2})
    target = f"/symbols/{quote(payload, safe='')}/affinity"
    answer = client.get(target, params={"node_id": kb_name}).json()
    assert (answer["symbol"], answer["affinity"]) == (payload, {"joy": 2.0})


def test_no_node_sees_another(client: httpx.Client, kb_name: str) -> None:
    nodes = [f"{kb_name} {payload}" for payload in PAYLOADS]
    names = [learned(client, node, node, "b") for node in nodes]
    for index, node in enumerate(nodes):
        symbols = client.get("/symbols/stats", params={"node_id": node}).json()["symbols"]
        assert set(symbols) == {node, "b"}
        there = [
            client.get(f"/pattern/{name}", params={"node_id": node}).json()["pattern"]["status"]
            for name in (names[index], names[index - 1])
        ]
        assert there == ["okay", "error"]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_metadata_and_emotives_are_data(client: httpx.Client, kb_name: str, payload: str) -> None:
    more = {"metadata": {payload: payload}, "emotives": {payload: 1.5}}
    name = learned(client, kb_name, "a", "b", **more)
    answer = client.get(f"/pattern/{name}", params={"node_id": kb_name}).json()
    pattern = answer["pattern"]["pattern"]
    assert pattern["metadata"] == {payload: [payload]}
    assert pattern["emotives"] == [{payload: 1.5}, {payload: 1.5}]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_names_and_sessions_are_data(
    client: httpx.Client, memory: kato.Memory, payload: str
) -> None:
    before = memory.knowledge_bases()
    encoded = quote(payload, safe="")
    answer = client.get(f"/pattern/{encoded or '%20'}")
    assert answer.status_code in (200, 404)
    for below in ("/stm", "/predictions", "/config"):
        answer = client.get(f"/sessions/{encoded or '%20'}{below}")
        assert answer.status_code == 404
    assert memory.knowledge_bases() == before


@pytest.mark.parametrize(
    "payload", [p for p in PAYLOADS if p.isascii() and p.isprintable() and p == p.strip()]
)
def test_headers_are_data(client: httpx.Client, payload: str) -> None:
    headers = {"X-Node-ID": payload, "X-Trace-ID": payload, "X-Session-ID": payload}
    answer = client.get("/symbols/stats", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["symbols"] == {}
    trace = answer.headers["X-Trace-ID"]
    assert trace == payload.strip()[:200] or trace.startswith("kato-")
