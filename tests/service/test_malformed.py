"""Whatever is sent, the documented status comes in bounded time, and the next request works."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from structlog.testing import capture_logs
from tests.service.conftest import Opened

from kato.service import middleware

BODIES: list[tuple[bytes, int]] = [
    (b"", 422),
    (b"{", 422),
    (b"[]", 422),
    (b"null", 422),
    (b'"text"', 422),
    (b"{'strings': []}", 422),
    (b'{"strings": null}', 422),
    (b'{"strings": "abc"}', 422),
    (b'{"strings": [1]}', 422),
    (b'{"strings": [["a"]]}', 422),
    (b'{"strings": ["\\ud800"]}', 422),
    (b'{"strings": ["\xff"]}', 422),
    (b'{"emotives": {"joy": "x"}}', 422),
    (b'{"emotives": {"joy": NaN}}', 422),
    (b'{"emotives": {"joy": Infinity}}', 422),
    (b'{"emotives": {"joy": 1e999}}', 422),
    (b'{"emotives": {"joy": "nan"}}', 422),
    (b'{"emotives": []}', 422),
    (b'{"vectors": [["x"]]}', 422),
    (b'{"vectors": [[1e999]]}', 422),
    (b'{"vectors": [[]]}', 422),
    (b'{"metadata": 3}', 422),
    (b'{"strings": [' + b"9" * 100_000 + b"]}", 422),
    (b'{"emotives": {"joy": ' + b"9" * 100_000 + b"}}", 422),
    (b"[" * 100_000, 422),
    (b'{"metadata": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", 422),
    (b'{"strings": ["a"]} trailing', 422),
    (b'{"strings": ["' + b"a" * (17 << 20) + b'"]}', 413),
    (b'{"strings": [' + b'"a",' * 10_000 + b'"a"]}', 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_bad_body(client: httpx.Client, opened: Opened, body: bytes, status: int) -> None:
    path = opened()
    began = time.monotonic()
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"{path}/observe", content=body, headers=headers)
    assert answer.status_code == status, answer.text[:300]
    assert "detail" in answer.json()
    assert time.monotonic() - began < 10
    assert client.get(f"{path}/stm").json()["stm"] == []
    assert client.post(f"{path}/observe", json={"strings": ["a"]}).status_code == 200


def test_a_body_that_is_no_json(client: httpx.Client, opened: Opened) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = client.post(f"{opened()}/observe", content=b'{"strings": []}', headers=headers)
    assert answer.status_code == 422


def test_a_large_body_in_parts(client: httpx.Client, opened: Opened) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * (1 << 20)

    path = opened()
    try:
        answer = client.post(f"{path}/observe", content=parts())
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # it was answered and hung up on before all of it was sent
    assert client.get(f"{path}/stm").status_code == 200


def test_more_events_than_a_call_brings(client: httpx.Client, opened: Opened) -> None:
    body = {"observations": [{"strings": ["a"]}] * 10_001}
    path = opened()
    assert client.post(f"{path}/observe-sequence", json=body).status_code == 413
    assert client.get(f"{path}/stm").json()["stm"] == []


@pytest.mark.parametrize("ttl", ["x", -1, 1.5, 10**30, True])
def test_a_bad_time_to_live(client: httpx.Client, kb_name: str, ttl: Any) -> None:
    body = {"node_id": kb_name, "ttl_seconds": ttl}
    answer = client.post("/sessions", json=body)
    assert answer.status_code in (422, 200 if ttl is True else 422)


def test_unknown_paths_and_methods(client: httpx.Client) -> None:
    assert client.get("/nothing").json() == {"detail": "Not Found"}
    assert client.delete("/health").status_code == 405
    assert client.put("/sessions").status_code == 405


def test_a_slow_client_is_hung_up_on(url: str, opened: Opened) -> None:
    host, port = url.removeprefix("http://").split(":")
    head = f"POST {opened()}/observe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with (
        patch.object(middleware, "BODY_SECONDS", 0.3),
        socket.create_connection((host, int(port)), timeout=10) as line,
    ):
        line.sendall(f"{head}Content-Length: 100\r\n\r\n".encode() + b'{"str')
        assert line.recv(1000).startswith(b"HTTP/1.1 408")


def test_a_client_that_leaves_is_no_failure_of_ours(
    url: str, client: httpx.Client, opened: Opened
) -> None:
    host, port = url.removeprefix("http://").split(":")
    path = opened()
    head = f"POST {path}/observe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with capture_logs() as logged:
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(f"{head}Content-Length: 100\r\n\r\n".encode() + b'{"str')
            time.sleep(0.2)
        time.sleep(0.3)
        assert client.get(f"{path}/stm").json()["stm"] == []
    assert logged == []


def test_garbage_instead_of_http(url: str, client: httpx.Client) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 400")
    assert client.get("/health").status_code == 200
