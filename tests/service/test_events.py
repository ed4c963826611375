"""Events over WebSocket: what happens is told to who asked for it, from every worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.service.serving import serving
from tests.storage.stores import Backend
from websockets.sync.client import ClientConnection, connect

import kato


@contextmanager
def listening(url: str, *kinds: str) -> Iterator[ClientConnection]:
    address = url.replace("http://", "ws://") + "/ws/events"
    with connect(address, open_timeout=30) as socket:
        assert next_of(socket)["event_type"] == "state.snapshot"
        if kinds:
            socket.send(json.dumps({"subscribe": kinds}))
            assert next_of(socket)["data"] == {"events": sorted(kinds)}
        yield socket


def next_of(socket: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return event


def test_ping(url: str) -> None:
    with listening(url) as socket:
        socket.send("ping")
        assert socket.recv(timeout=10) == "pong"


def test_old_clients_hear_of_sessions_alone(client: httpx.Client, url: str, kb_name: str) -> None:
    with listening(url) as socket:
        made = client.post("/sessions", json={"node_id": kb_name}).json()
        path = f"/sessions/{made['session_id']}"
        client.post(f"{path}/observe", json={"strings": ["a", "b"]})
        client.post(f"{path}/learn")
        client.delete(path)
        created, destroyed = next_of(socket), next_of(socket)
    assert created["data"] == {
        "session_id": made["session_id"],
        "node_id": kb_name,
        "created_at": made["created_at"],
    }
    assert destroyed["event_type"] == "session.destroyed"
    assert destroyed["data"]["reason"] == "explicit_delete"


def test_learned_patterns_are_told(client: httpx.Client, url: str, kb_name: str) -> None:
    with listening(url, "pattern.learned") as socket:
        made = client.post("/sessions", json={"node_id": kb_name}).json()
        path = f"/sessions/{made['session_id']}"
        client.post(f"{path}/observe", json={"strings": ["a", "b"]})
        name = client.post(f"{path}/learn").json()["pattern_name"]
        assert next_of(socket)["data"] == {"node_id": kb_name, "pattern_name": name}


def test_sessions_that_expire_are_told(client: httpx.Client, url: str, kb_name: str) -> None:
    with listening(url, "session.expired") as socket:
        wanted = {"node_id": kb_name, "ttl_seconds": 1}
        made = client.post("/sessions", json=wanted).json()["session_id"]
        told = next_of(socket)["data"]["session_id"]
        while told != made:  # sessions of other tests expire too
            told = next_of(socket)["data"]["session_id"]


def test_events_of_another_worker(
    client: httpx.Client,
    memory: kato.Memory,
    backend: Backend,
    kb_name: str,
) -> None:
    with (
        serving(backend.settings, memory) as other,
        listening(other, "session.created") as socket,
    ):
        made = client.post("/sessions", json={"node_id": kb_name}).json()
        assert next_of(socket)["data"]["session_id"] == made["session_id"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"subscribe": 3}', '{"subscribe": ["x"]}', "null"]
)
def test_what_cannot_be_understood_is_left(url: str, text: str) -> None:
    with listening(url) as socket:
        socket.send(text)
        socket.send("ping")
        answers = {socket.recv(timeout=10) for _ in range(1 + ("[" in text and "x" in text))}
        assert "pong" in answers
