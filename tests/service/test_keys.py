"""Keys: who has none is refused, and nobody reaches another's node."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.service.serving import serving
from tests.storage.stores import Backend
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import kato
from kato.cli import main
from kato.errors import InvalidConfig
from kato.service import create_app
from kato.service.keys import Key, KeyFile, hash_of, json_line, new_secret, toml_line

NASTY = 'it\'s "a" \\ \x7f ☃ 🙂'
KEYS = {
    "ann": Key(name="ann", nodes=("ann", NASTY), rights=("read", "write")),
    "reader": Key(name="reader", nodes="a*", rights=("read",)),
    "writer": Key(name="writer", nodes=("ann",), rights=("write",)),
    "watcher": Key(name="watcher", nodes=(), rights=("metrics",)),
    "auditor": Key(name="auditor", rights=("read",)),
    "root": Key(name="root", rights=("read", "write")),
}
SECRETS = {name: f"kato_the-secret-of-{name}" for name in KEYS}


class Keyed(msgspec.Struct):
    """A service that asks for keys."""

    url: str
    path: Path

    def client(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {SECRETS[name]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def status(self, name: str, method: str, path: str, **request: Any) -> int:
        with self.client(name) as client:
            return client.request(method, path, **request).status_code

    def session(self, node: str) -> str:
        with self.client("root") as client:
            answer = client.post("/sessions", json={"node_id": node})
            assert answer.status_code == 200, answer.text
            return f"/sessions/{answer.json()['session_id']}"


@pytest.fixture(scope="module")
def keyed(
    backend: Backend, memory: kato.Memory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keyed]:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    write(path, KEYS)
    settings = msgspec.structs.replace(backend.settings, api_keys_file=path)
    with serving(settings, memory) as url:
        yield Keyed(url, path)


def write(path: Path, keys: dict[str, Key]) -> None:
    line = toml_line if path.suffix == ".toml" else json_line
    path.write_text("".join(f"{line(hash_of(SECRETS[name]), key)}\n" for name, key in keys.items()))


@contextmanager
def changed(path: Path) -> Iterator[None]:
    """The file may be changed, and is as it was afterwards."""
    before = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/docs", "/openapi.json"])
def test_what_is_open_stays_open(keyed: Keyed, path: str) -> None:
    assert httpx.get(keyed.url + path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {SECRETS['root']}"},
        {"Authorization": SECRETS["root"]},
        {"Authorization": "Bearer " + SECRETS["root"][:-1]},
        {"Authorization": "Bearer " + hash_of(SECRETS["root"])},
        {"Authorization": b"Bearer \xe2\x98\x83"},
        {"Cookie": f"token={SECRETS['root']}"},
    ],
    ids=str,
)
def test_without_a_key_nothing_is_told(keyed: Keyed, headers: Any) -> None:
    with httpx.Client(base_url=keyed.url, headers=headers) as client:
        for path in ("/metrics", "/sessions/nobody/stm", "/nothing", "/docs/x", "/health/"):
            answer = client.get(path, params={"token": SECRETS["root"]})
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "X-API-Key" in answer.json()["detail"]
            assert answer.headers["X-Trace-ID"]


def test_pages_are_told_why_too(keyed: Keyed) -> None:
    answer = httpx.get(f"{keyed.url}/status", headers={"Origin": "https://page.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"]
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    assert httpx.options(f"{keyed.url}/sessions", headers=asked).status_code == 200


@pytest.mark.parametrize("header", ["Authorization", "authorization", "X-API-Key", "x-api-key"])
def test_ways_to_bring_a_key(keyed: Keyed, header: str) -> None:
    secret = SECRETS["root"]
    value = f"bearer {secret}" if header.lower() == "authorization" else secret
    assert httpx.get(f"{keyed.url}/status", headers={header: value}).status_code == 200


def test_a_key_opens_its_nodes(keyed: Keyed) -> None:
    for node in ("ann", NASTY):
        session = keyed.session(node)
        assert keyed.status("ann", "POST", f"{session}/observe", json={"strings": ["a"]}) == 200
        assert keyed.status("ann", "GET", f"{session}/predictions") == 200
        assert keyed.status("ann", "DELETE", session) == 200
        assert keyed.status("ann", "POST", "/sessions", json={"node_id": node}) == 200


IN_SESSION = [
    ("GET", ""),
    ("GET", "/exists"),
    ("GET", "/stm"),
    ("GET", "/config"),
    ("GET", "/predictions"),
    ("POST", "/predictions"),
    ("GET", "/percept-data"),
    ("GET", "/cognition-data"),
    ("POST", "/observe"),
    ("POST", "/observe-sequence"),
    ("POST", "/learn"),
    ("POST", "/clear-stm"),
    ("POST", "/clear-all"),
    ("POST", "/finalize-training"),
    ("POST", "/extend"),
    ("POST", "/config"),
    ("DELETE", ""),
]


@pytest.mark.parametrize(("method", "path"), IN_SESSION)
def test_no_other_node_s_session_is_reached(keyed: Keyed, method: str, path: str) -> None:
    session = keyed.session("bob")
    for name in ("ann", "reader", "writer", "watcher"):
        with keyed.client(name) as client:
            answer = client.request(method, session + path, json={})
        assert answer.status_code == 403, (name, answer.text)
        assert name in answer.json()["detail"]
    assert keyed.status("root", "GET", session) == 200


@pytest.mark.parametrize(("method", "path"), IN_SESSION)
def test_reads_and_writes(keyed: Keyed, method: str, path: str) -> None:
    session = keyed.session("ann")
    reads = method == "GET" or path == "/predictions"
    allowed, refused = ("reader", "writer") if reads else ("writer", "reader")
    assert keyed.status(refused, method, session + path, json={}) == 403
    assert keyed.status(allowed, method, session + path, json={}) not in (401, 403)


@pytest.mark.parametrize(("method", "path"), IN_SESSION)
def test_a_session_that_is_not_there(keyed: Keyed, method: str, path: str) -> None:
    expected = 200 if path == "/exists" else 404
    body: dict[str, Any] = {"observations": []} if path == "/observe-sequence" else {}
    assert keyed.status("ann", method, f"/sessions/nobody{path}", json=body) == expected


@pytest.mark.parametrize("path", ["/pattern/x", "/symbols/stats", "/symbols/affinity"])
@pytest.mark.parametrize("given", ["query", "header"])
def test_nodes_are_guarded_however_they_are_named(keyed: Keyed, path: str, given: str) -> None:
    def status(name: str, node: str) -> int:
        named = {
            "params" if given == "query" else "headers": {
                "node_id" if given == "query" else "X-Node-ID": node
            }
        }
        return keyed.status(name, "GET", path, **named)

    assert status("reader", "ann") == 200
    assert status("reader", "bob") == 403
    assert status("writer", "ann") == 403
    assert status("root", "bob") == 200


def test_the_node_that_is_read_is_the_one_that_is_guarded(keyed: Keyed) -> None:
    def status(**request: Any) -> int:
        return keyed.status("ann", "GET", "/symbols/stats", **request)

    assert status(params={"node_id": "ann"}, headers={"X-Node-ID": "bob"}) == 200
    assert status(params={"node_id": "bob"}, headers={"X-Node-ID": "ann"}) == 403
    assert status(params=[("node_id", "ann"), ("node_id", "bob")]) == 403
    assert status(headers={"X-Test-ID": "ann", "X-Node-ID": "ann"}) == 403  # is test_ann
    assert status() == 403  # is default_node
    with keyed.client("ann") as client:
        answer = client.get("/symbols/stats?node_id=bob&node_id=ann")
        assert answer.json()["node_id"] == "ann_kato"


@pytest.mark.parametrize(
    "body",
    [
        b'{"node_id": "bob"}',
        b'{"node_id": "ann", "node_id": "bob"}',
        b'{"node_id": ""}',
        b'{"node_id": "ann "}',
        b'{"node_id": "\\u0061nn\\u0000"}',
        b'{"node_id": ["ann"]}',
        b'{"metadata": {"node_id": "ann"}}',
        b'["ann"]',
        b"null",
    ],
)
def test_no_session_is_opened_on_another_node(keyed: Keyed, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert keyed.status("ann", "POST", "/sessions", content=body, headers=headers) == 403


@pytest.mark.parametrize("body", [b"", b"{", b'{"node_id": "ann"}'])
def test_what_is_no_json_opens_no_session(keyed: Keyed, body: bytes) -> None:
    status = keyed.status(
        "ann", "POST", "/sessions", content=body, headers={"Content-Type": "text/plain"}
    )
    assert status in (403, 422)


MONITORING = [
    "/metrics",
    "/metrics/kato_requests_total",
    "/stats",
    "/concurrency",
    "/connection-pools",
    "/cache/stats",
    "/distributed-stm/stats",
]


@pytest.mark.parametrize("path", MONITORING)
def test_monitoring_needs_its_right_or_all_nodes(keyed: Keyed, path: str) -> None:
    statuses = {name: keyed.status(name, "GET", path) for name in KEYS}
    assert statuses == {
        "ann": 403,
        "reader": 403,
        "writer": 403,
        "watcher": 200,
        "auditor": 200,
        "root": 200,
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/cache/invalidate", {"root"}),
        ("GET", "/status", {"root", "auditor"}),
        ("GET", "/sessions/count", {"root", "auditor"}),
    ],
)
def test_what_is_about_all_nodes_needs_all(
    keyed: Keyed, method: str, path: str, allowed: set[str]
) -> None:
    assert {name for name in KEYS if keyed.status(name, method, path) == 200} == allowed


def test_every_route_refuses_a_key_that_opens_nothing(keyed: Keyed) -> None:
    with keyed.client("watcher") as client:
        described = client.get("/openapi.json").json()["paths"]
        open_paths = {"/", "/health", "/ready", *MONITORING, "/metrics/{metric_name}"}
        session = keyed.session("bob").rsplit("/", maxsplit=1)[1]
        asked = 0
        for template, methods in described.items():
            if template in open_paths:
                continue
            path = template.replace("{session_id}", session).replace("{", "").replace("}", "")
            for method in methods:
                body = {"node_id": "bob", "observations": [], "events": []}
                answer = client.request(method, path, json=body)
                assert answer.status_code == 403, (method, template, answer.text)
                asked += 1
        assert asked > 20


def test_a_web_socket_needs_a_key_too(keyed: Keyed) -> None:
    url = keyed.url.replace("http", "ws") + "/ws/events"
    bearer = {"Authorization": f"Bearer {SECRETS['auditor']}"}
    with connect(url, additional_headers=bearer) as socket:
        assert "state.snapshot" in str(socket.recv())
    with connect(f"{url}?token={SECRETS['root']}") as socket:
        assert "state.snapshot" in str(socket.recv())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 401),
        ("?token=wrong", 401),
        (f"?token={SECRETS['ann']}", 403),
        (f"?token={SECRETS['watcher']}", 403),
        (f"?token={SECRETS['writer']}", 403),
    ],
)
def test_a_web_socket_tells_of_all_nodes_so_it_needs_all(
    keyed: Keyed, query: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(keyed.url.replace("http", "ws") + "/ws/events" + query)
    assert refused.value.response.status_code == status


def test_the_file_is_read_again_when_it_changes(keyed: Keyed) -> None:
    with changed(keyed.path):
        assert keyed.status("root", "GET", "/status") == 200
        write(keyed.path, {"auditor": KEYS["auditor"]})
        assert keyed.status("root", "GET", "/status") == 401
        assert keyed.status("auditor", "GET", "/status") == 200
        replacement = keyed.path.with_name("new.toml")
        write(replacement, {"auditor": KEYS["ann"]})
        replacement.replace(keyed.path)
        assert keyed.status("auditor", "GET", "/status") == 403
    assert keyed.status("root", "GET", "/status") == 200


@pytest.mark.parametrize("broken", [b"[", b"\xff", b'"x" = {name = "n"}', None], ids=repr)
def test_a_file_that_cannot_be_read_lets_nobody_in(keyed: Keyed, broken: bytes | None) -> None:
    with changed(keyed.path):
        if broken is None:
            keyed.path.unlink()
        else:
            keyed.path.write_bytes(broken)
        with keyed.client("root") as client:
            for _ in range(2):
                answer = client.get("/status")
                assert answer.status_code == 503
                assert "KATO_API_KEYS_FILE" in answer.json()["detail"]
        assert httpx.get(f"{keyed.url}/health").status_code == 200
    assert keyed.status("root", "GET", "/status") == 200


HASH = hash_of("x")
BAD = {
    "keys.toml": [
        "[",
        '"short" = { name = "n" }',
        f'"{HASH.upper()}" = {{ name = "n" }}',
        f'"{HASH}" = {{ nodes = ["a"] }}',
        f'"{HASH}" = {{ name = "n", rights = ["all"] }}',
        f'"{HASH}" = {{ name = "n", right = ["read"] }}',
        f'"{HASH}" = {{ name = "n", nodes = 3 }}',
        f'"{HASH}" = {{ name = "n", requests_per_second = -1 }}',
    ],
    "keys.jsonl": [
        "{",
        "[]",
        '{"name": "n"}',
        f'{{"hash": "{HASH}"}}',
        f'{{"hash": "{HASH}", "x": 1}}',
    ],
}


@pytest.mark.parametrize(
    ("name", "text"), [(n, text) for n, texts in BAD.items() for text in texts]
)
def test_no_service_starts_with_a_file_it_cannot_use(
    backend: Backend, memory: kato.Memory, tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidConfig, match="KATO_API_KEYS_FILE"):
        KeyFile(path).refresh()
    settings = msgspec.structs.replace(backend.settings, api_keys_file=path)
    with pytest.raises(InvalidConfig, match="KATO_API_KEYS_FILE"):
        create_app(settings, memory)


@pytest.mark.parametrize("name", ["keys.toml", "keys.jsonl", "keys"])
def test_both_forms_of_the_file(tmp_path: Path, name: str) -> None:
    keys = {**KEYS, "odd": Key(name=NASTY, nodes=(NASTY, ""), requests_per_second=2.5)}
    SECRETS["odd"] = new_secret()
    write(tmp_path / name, keys)
    file = KeyFile(tmp_path / name)
    for each, key in keys.items():
        found = file.find(SECRETS[each])
        assert found is not None
        assert (found.name, found.rights, found.requests_per_second) == (
            key.name,
            key.rights,
            key.requests_per_second,
        )
        assert tuple(found.nodes) == tuple(key.nodes)
    assert file.find("") is None


Printed = Callable[..., list[str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    def printed(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit) as ended:
            main(["key", *arguments])
        assert not ended.value.code
        return capsys.readouterr().out.splitlines()

    return printed


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ([], Key(name=NASTY)),
        (
            ["--node", "a", "--node", NASTY, "--write"],
            Key(name=NASTY, nodes=("a", NASTY), rights=("read", "write")),
        ),
        (
            ["--metrics", "--rate", "2.5"],
            Key(name=NASTY, rights=("read", "metrics"), requests_per_second=2.5),
        ),
    ],
)
@pytest.mark.parametrize("form", ["toml", "jsonl"])
def test_the_command_makes_keys(
    printed: Printed, tmp_path: Path, options: list[str], key: Key, form: str
) -> None:
    secret, line = printed(NASTY, *options, *(["--json"] if form == "jsonl" else []))
    assert secret not in line
    path = tmp_path / f"keys.{form}"
    path.write_text(f"{line}\n")
    found = KeyFile(path).find(secret)
    assert found == key
    assert printed("another")[0] != secret


def test_without_a_file_nobody_needs_a_key(backend: Backend, memory: kato.Memory) -> None:
    with serving(backend.settings, memory) as url:
        assert (
            httpx.get(f"{url}/status", headers={"X-API-Key": os.urandom(4).hex()}).status_code
            == 200
        )
