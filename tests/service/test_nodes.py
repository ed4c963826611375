"""Nodes over HTTP: listed, used without a session, forgotten; none sees another's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.service.nodes import marked, path, taught
from tests.service.payloads import PAYLOADS

GOOD = [["a"], ["b"], ["c"]]
AS_NODES = [text for text in PAYLOADS if text and len(text) < 1000]


def test_a_node_and_what_it_holds(client: httpx.Client, kb_name: str) -> None:
    assert client.get(path(kb_name)).status_code == 404
    taught(client, kb_name, GOOD, GOOD, [["a"], ["d"]])
    assert client.get(path(kb_name)).json() == {
        "node_id": kb_name,
        "label": client.get(path(kb_name)).json()["label"],
        "patterns": 2,
        "symbols": 4,
        "pattern_frequencies": 3,
        "total_symbols": 8,
    }


def test_nodes_are_listed_page_by_page(client: httpx.Client, kb_name: str) -> None:
    ours = sorted(f"{kb_name} {i}" for i in range(5))
    for node in ours:
        taught(client, node, GOOD)
    listed: list[str] = []
    after: str | None = None
    while True:
        query: dict[str, Any] = {"limit": 3} | ({"after": after} if after is not None else {})
        answer = client.get("/nodes", params=query).json()
        assert 0 < len(answer["nodes"]) <= 3
        listed += [node["node_id"] for node in answer["nodes"]]
        after = answer["next"]
        if after is None:
            break
    assert listed == sorted(set(listed))
    assert [node for node in listed if node in ours] == ours


def test_a_deleted_node_is_gone(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, GOOD)
    kept = client.delete(path(kb_name))
    assert (kept.status_code, "kato mark" in kept.json()["detail"]) == (423, True)
    assert client.get(path(kb_name)).json()["patterns"] == 1
    assert marked(client, kb_name) == {"node_id": kb_name, "disposable": True}
    assert client.get(path(kb_name, "settings")).json()["disposable"] is True
    once = {"Idempotency-Key": kb_name.encode().hex()}
    gone = {"status": "deleted", "node_id": kb_name}
    assert client.delete(path(kb_name), headers=once).json() == gone
    assert client.get(path(kb_name)).status_code == 404
    taught(client, kb_name, [["x"], ["y"]])
    assert client.delete(path(kb_name), headers=once).json() == gone
    assert client.get(path(kb_name)).json()["patterns"] == 1
    assert client.delete(path(kb_name + "?")).status_code == 404


@pytest.mark.parametrize("node", AS_NODES, ids=ascii)
def test_any_name_is_a_node_of_its_own(client: httpx.Client, node: str) -> None:
    (name,) = taught(client, node, [[node], ["its own"]])
    listed = client.get(path(node, "patterns")).json()["patterns"]
    assert [pattern["events"] for pattern in listed] == [[[node], ["its own"]]]
    assert client.get(path(node, "patterns", name)).json()["name"] == name
    assert client.get(path(node)).json()["node_id"] == node
    session = client.post("/sessions", json={"node_id": node}).json()["session_id"]
    client.post(f"/sessions/{session}/observe", json={"strings": [node]})
    (found,) = client.get(f"/sessions/{session}/predictions").json()["predictions"]
    assert found["name"] == name
    marked(client, node)
    assert client.delete(path(node)).json()["node_id"] == node
    assert client.get(path(node, "patterns", name)).status_code == 404


@pytest.mark.parametrize("inner", ["patterns", "patterns/count", "export", "learn", "a/patterns"])
def test_a_path_in_a_name_is_no_path(client: httpx.Client, kb_name: str, inner: str) -> None:
    outer = kb_name.replace("/", "")
    taught(client, outer, [["outer"], ["one"]])
    taught(client, f"{outer}/{inner}", [["inner"], ["two"]])
    for node, symbol in ((outer, "outer"), (f"{outer}/{inner}", "inner")):
        (pattern,) = client.get(path(node, "patterns")).json()["patterns"]
        assert pattern["events"][0] == [symbol]
        assert client.get(path(node)).json()["node_id"] == node
        assert f'"{symbol}"' in client.get(path(node, "export")).text


@pytest.mark.parametrize("part", ["%FF", "%ED%A0%80", "a%C3"])
def test_a_name_that_is_no_text(client: httpx.Client, part: str) -> None:
    for method, rest in (("GET", ""), ("GET", "/patterns"), ("DELETE", ""), ("GET", "/export")):
        answer = client.request(method, f"/nodes/{part}{rest}")
        assert answer.status_code == 422
        assert "lone surrogate" in answer.json()["detail"]


def test_a_bad_item_hinders_no_other(client: httpx.Client, kb_name: str) -> None:
    sequences: list[Any] = [
        {"events": GOOD, "emotives": {"joy": 1}, "metadata": {"day": 3}},
        {"events": [["a", 1]]},
        {"events": "abc"},
        {},
        None,
        {"events": GOOD, "emotives": {"joy": 1e300}},
        {"events": [["alone"]]},
        {"events": GOOD},
    ]
    answer = client.post(path(kb_name, "learn"), json={"sequences": sequences}).json()
    results = answer["results"]
    assert [each["status"] for each in results] == ["learned"] + ["error"] * 5 + ["learned"] * 2
    assert [each["new"] for each in results if "new" in each] == [True, False, False]
    assert all(each["message"] for each in results[1:6])
    assert (results[6]["pattern_name"], results[7]) == ("", {**results[0], "new": False})
    (pattern,) = client.get(path(kb_name, "patterns")).json()["patterns"]
    assert (pattern["frequency"], pattern["emotives"]) == (2, [{"joy": 1.0}])
    assert pattern["metadata"] == {"day": ["3"]}


def test_a_repeated_learn_learns_once(client: httpx.Client, kb_name: str) -> None:
    once = {"Idempotency-Key": kb_name.encode().hex()}
    body = {"sequences": [{"events": [["x"], [str(i)]]} for i in range(700)] + [{"events": 0}]}
    first, second = (client.post(path(kb_name, "learn"), json=body, headers=once) for _ in range(2))
    assert first.status_code == 200
    assert first.json() == second.json()
    assert client.get(path(kb_name)).json()["pattern_frequencies"] == 700
    body["sequences"].pop()
    other = client.post(path(kb_name, "learn"), json=body, headers=once)
    assert (other.status_code, client.get(path(kb_name)).json()["patterns"]) == (422, 700)


def test_predictions_without_a_session(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, GOOD, [["a"], ["d"]])
    wanted: dict[str, Any] = {"events": [["a"], ["b"]], "config": {"max_predictions": 1}}
    answer = client.post(path(kb_name, "predictions"), json=wanted).json()
    assert (answer["count"], answer["node_id"]) == (1, kb_name)
    assert answer["predictions"][0]["future"] == [["c"]]
    assert "explanation" not in answer
    explained = client.post(path(kb_name, "predictions"), json={**wanted, "explain": True}).json()
    assert explained["predictions"] == answer["predictions"]
    assert explained["explanation"]["plan"]
    wrong = {"events": [["a"]], "config": {"recall_threshold": 2}}
    assert client.post(path(kb_name, "predictions"), json=wrong).status_code == 400


def test_more_than_a_call_may_bring(client: httpx.Client, kb_name: str) -> None:
    many = [["a"]] * 10_001
    learn = {"sequences": [{"events": many}]}
    for route, body in (("learn", learn), ("predictions", {"events": many})):
        answer = client.post(path(kb_name, route), json=body)
        assert answer.status_code == 413
        assert "at most 10000 events" in answer.json()["detail"]
