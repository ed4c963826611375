"""Sessions over HTTP: their life, their configuration, and requests that are sent again."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from tests.service.conftest import Opened

from kato.service.config import KEYS


def observe(client: httpx.Client, path: str, *symbols: str, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(f"{path}/observe", json={"strings": symbols}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stm(client: httpx.Client, path: str) -> list[list[str]]:
    events: list[list[str]] = client.get(f"{path}/stm").json()["stm"]
    return events


def test_a_session_tells_about_itself(client: httpx.Client, kb_name: str) -> None:
    wanted = {"node_id": kb_name, "metadata": {"who": "☃"}, "ttl_seconds": 100}
    made = client.post("/sessions", json=wanted).json()
    assert (made["node_id"], made["metadata"]) == (kb_name, {"who": "☃"})
    assert 98 <= made["ttl_seconds"] <= 100
    assert set(made["session_config"]) < set(KEYS)
    assert client.get(f"/sessions/{made['session_id']}").json()["created_at"] == made["created_at"]


def test_use_lets_it_live_on(client: httpx.Client, kb_name: str) -> None:
    # Defect 7 of the original: reads did not.
    wanted = {"node_id": kb_name, "ttl_seconds": 2}
    path = f"/sessions/{client.post('/sessions', json=wanted).json()['session_id']}"
    for _ in range(4):
        time.sleep(0.8)
        assert client.get(f"{path}/stm").status_code == 200
    for passed in (0.8, 1.6, 2.4):
        time.sleep(0.8)
        assert client.get(f"{path}/exists").json()["exists"] is (passed < 2)


def test_an_extension_lasts(client: httpx.Client, opened: Opened) -> None:
    # Defect 7: the next write undid it.
    path = opened()
    client.post(f"{path}/extend", params={"ttl_seconds": 9000})
    observe(client, path, "a")
    assert client.get(path).json()["ttl_seconds"] > 8990


@pytest.mark.parametrize("seconds", ["0", "-1", "x", str(10**30)])
def test_an_extension_by_no_time(client: httpx.Client, opened: Opened, seconds: str) -> None:
    path = opened()
    answer = client.post(f"{path}/extend", params={"ttl_seconds": seconds})
    assert answer.status_code == 422
    assert client.get(f"{path}/exists").json()["exists"]


def test_it_is_counted(client: httpx.Client, opened: Opened) -> None:
    before = client.get("/sessions/count").json()["active_session_count"]
    path = opened()
    assert client.get("/sessions/count").json()["active_session_count"] == before + 1
    client.delete(path)
    assert client.get("/sessions/count").json()["active_session_count"] == before


def test_a_deleted_session_is_gone(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    observe(client, path, "a")
    assert client.delete(path).json()["status"] == "deleted"
    session = path.rsplit("/", 1)[1]
    assert client.get(f"{path}/exists").json() == {
        "exists": False,
        "expired": False,
        "session_id": session,
    }
    for method, below in [
        ("DELETE", ""),
        ("POST", "/observe"),
        ("GET", "/stm"),
        ("POST", "/learn"),
        ("GET", "/no-such-path"),
        ("PUT", "/config"),
    ]:
        answer = client.request(method, path + below)
        assert answer.status_code == 404
        assert answer.json()["error"]["session_id"] == session


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"persistence": 0}, "persistence"),
        ({"filter_pipeline": ["bogus"]}, "filter_pipeline"),
        ({"filter_pipeline": "length"}, "filter_pipeline"),
        ({"minhash_bands": "many"}, "minhash_bands"),
        ({"recall_threshold": None}, "recall_threshold"),
        ({"recall_threshold": 2}, "recall_threshold"),
        ({"sort_symbols": 1}, "sort_symbols"),
        ({"sort": 3}, "sort"),
    ],
)
def test_garbage_is_no_configuration(
    client: httpx.Client, opened: Opened, kb_name: str, given: dict[str, Any], problem: str
) -> None:
    # Defects 3 and 4 of the original: it dropped or kept it.
    path = opened()
    before = client.get(f"{path}/config").json()
    answers = [
        client.post("/sessions", json={"node_id": kb_name, "config": given}),
        client.post(f"{path}/config", json={"config": {**given, "max_predictions": 7}}),
        client.post(f"{path}/config", json={**given, "max_predictions": 7}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert list(answer.json()["detail"]["validation_errors"]) == [problem]
    assert client.get(f"{path}/config").json() == before


def test_configuration_is_told_as_it_is(client: httpx.Client, opened: Opened) -> None:
    path = opened(affinity_emotive="joy", recall_threshold=0.25)
    client.post(f"{path}/config", json={"use_token_matching": False, "no_such_key": 1})
    config = client.get(f"{path}/config").json()["config"]
    assert (config["affinity_emotive"], config["recall_threshold"]) == ("joy", 0.25)
    assert (config["use_token_matching"], config["sort_symbols"]) == (False, False)
    assert "no_such_key" not in config


def test_every_setting_of_a_session_applies(client: httpx.Client, opened: Opened) -> None:
    # Defect 5 of the original: ranking, persistence and sorting were ignored.
    path = opened(sort_symbols=False, persistence=2)
    for joy in (1, 2, 3):
        observe(client, path, "b", "a")
        client.post(f"{path}/observe", json={"strings": ["c"], "emotives": {"joy": joy}})
        name = client.post(f"{path}/learn").json()["pattern_name"]
    assert name
    node = client.get(path).json()["node_id"]
    pattern = client.get(f"/pattern/{name}", params={"node_id": node}).json()["pattern"]["pattern"]
    assert pattern["pattern_data"] == [["b", "a"], ["c"]]
    assert pattern["emotives"] == [{"joy": 2.0}, {"joy": 3.0}]


def test_a_learn_says_how_many_events(client: httpx.Client, opened: Opened) -> None:
    # Defect 13.
    path = opened()
    for symbol in "abc":
        observe(client, path, symbol)
    assert "from 3 events" in client.post(f"{path}/learn").json()["message"]
    refused = client.post(f"{path}/learn")
    assert (refused.status_code, "empty STM" in refused.json()["detail"]) == (400, True)


def test_a_request_sent_again_is_done_once(client: httpx.Client, opened: Opened) -> None:
    path = opened(max_pattern_length=3)
    for symbol in "abc":
        first, again = (observe(client, path, symbol, key=path + symbol) for _ in range(2))
        assert first == again
    assert first["auto_learned_pattern"]
    assert stm(client, path) == []


def test_any_change_may_be_sent_again(client: httpx.Client, opened: Opened, kb_name: str) -> None:
    path = opened()
    sequence = {"observations": [{"strings": ["a"]}, {"strings": ["b"]}], "learn_after_each": False}
    requests = [
        ("POST", f"{path}/observe-sequence", sequence),
        ("POST", f"{path}/learn", {}),
        ("POST", f"{path}/config", {"max_predictions": 3}),
        ("POST", f"{path}/observe", {"strings": ["c"]}),
        ("POST", f"{path}/clear-stm", {}),
        ("POST", f"{path}/extend?ttl_seconds=77", None),
        ("POST", f"{path}/clear-all", {}),
        ("DELETE", path, None),
        ("POST", "/sessions", {"node_id": kb_name}),
    ]
    for number, (method, target, body) in enumerate(requests):
        headers = {"Idempotency-Key": f"{path} {number}"}
        first, again = (
            client.request(method, target, json=body, headers=headers) for _ in range(2)
        )
        assert (first.status_code, again.status_code) == (200, 200), (target, again.text)
        same = {**first.json(), "ttl_seconds": 0}, {**again.json(), "ttl_seconds": 0}
        assert same[0] == same[1]


def test_a_session_that_is_gone_is_not_opened_again(client: httpx.Client, kb_name: str) -> None:
    """By the same request, as it was answered already."""
    headers = {"Idempotency-Key": f"gone {kb_name.encode().hex()}"}
    wanted = {"node_id": kb_name}
    made = client.post("/sessions", json=wanted, headers=headers).json()
    client.delete(f"/sessions/{made['session_id']}")
    again = client.post("/sessions", json=wanted, headers=headers)
    assert again.status_code == 409
    assert "another Idempotency-Key" in again.text


def test_a_key_stands_for_one_request(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    observe(client, path, "a", key=path)
    headers = {"Idempotency-Key": path}
    answer = client.post(f"{path}/observe", json={"strings": ["b"]}, headers=headers)
    assert answer.status_code == 422
    assert stm(client, path) == [["a"]]


def test_a_sequence_is_all_or_nothing(client: httpx.Client, opened: Opened, kb_name: str) -> None:
    path = opened()
    observe(client, path, "first")
    bad = {
        "observations": [{"strings": ["a"]}, {"strings": ["b"], "vectors": [[]]}],
        "learn_after_each": True,
    }
    assert client.post(f"{path}/observe-sequence", json=bad).status_code == 422
    assert stm(client, path) == [["first"]]
    assert client.get("/symbols/stats", params={"node_id": kb_name}).json()["symbols"] == {}


def test_vectors_learned_in_a_sequence_are_found_in_it(
    client: httpx.Client, opened: Opened
) -> None:
    path = opened()
    sequence = {
        "observations": [
            {"strings": ["a"], "vectors": [[1.0, 2.0]]},
            {"strings": ["b"], "vectors": [[1.0, 2.5]]},
        ],
        "learn_after_each": True,
    }
    one = client.post(f"{path}/observe-sequence", json=sequence).json()["auto_learned_patterns"]
    other = opened()
    for each in sequence["observations"]:  # type: ignore[attr-defined]
        client.post(f"{other}/observe", json=each)
        name = client.post(f"{other}/learn").json()["pattern_name"]
    assert name == one[-1]


def test_an_overridden_prediction_changes_nothing(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    for symbol in "abc":
        observe(client, path, symbol)
    client.post(f"{path}/learn")
    observe(client, path, "a")
    observe(client, path, "x")
    assert client.get(f"{path}/predictions").json()["count"] == 1
    answer = client.post(f"{path}/predictions", json={"config": {"recall_threshold": 0.9}})
    assert answer.json()["count"] == 0
    explained = client.post(f"{path}/predictions", json={"explain": True}).json()
    assert explained["explanation"]["plan"] in ("index", "scan", "sql")
    assert client.get(f"{path}/config").json()["config"]["recall_threshold"] == 0.1
