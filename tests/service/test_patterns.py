"""Patterns over HTTP: paged, searched, counted, edited and forgotten."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.service.nodes import path, taught
from tests.service.payloads import PAYLOADS

GOOD = [["a"], ["b"]]


def test_pages_follow_each_other(client: httpx.Client, kb_name: str) -> None:
    names = taught(client, kb_name, *([["x"], [str(i)]] for i in range(7)))
    listed: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        answer = client.get(path(kb_name, "patterns"), params=query).json()
        listed += [pattern["name"] for pattern in answer["patterns"]]
        if answer["next"] is None:
            break
        query["after"] = answer["next"]
    assert listed == names


def test_searches(client: httpx.Client, kb_name: str) -> None:
    names = taught(
        client,
        kb_name,
        {"events": [["a"], ["b"]], "metadata": {"day": 1}},
        {"events": [["a"], ["c"]], "metadata": {"day": 2}},
        {"events": [["c"], ["d"]], "metadata": {"day": 1}},
    )
    for query, expected in (
        ({"symbol": "a"}, names[:2]),
        ({"symbol": "a", "metadata_key": "day", "metadata_value": "1"}, names[:1]),
        ({"metadata_key": "day", "metadata_value": "1"}, [names[0], names[2]]),
        ({"prefix": names[1][:12]}, [names[1]]),
        ({"prefix": f"PTRN|{names[2]}"}, [names[2]]),
        ({"symbol": "e"}, []),
    ):
        found = client.get(path(kb_name, "patterns"), params=query).json()["patterns"]
        assert [pattern["name"] for pattern in found] == expected
        count = client.get(path(kb_name, "patterns", "count"), params=query).json()
        assert count == {"count": len(expected)}


@pytest.mark.parametrize("text", PAYLOADS, ids=lambda text: ascii(text)[:30])
def test_any_text_is_searched_for(client: httpx.Client, kb_name: str, text: str) -> None:
    taught(client, kb_name, {"events": [[text], ["x"]], "metadata": {text: text}}, GOOD)
    query = {"symbol": text, "metadata_key": text, "metadata_value": text}
    (found,) = client.get(path(kb_name, "patterns"), params=query).json()["patterns"]
    assert found["events"][0] == [text]
    assert client.get(path(kb_name, "patterns", "count"), params=query).json() == {"count": 1}
    prefixed = client.get(path(kb_name, "patterns"), params={"prefix": text})
    assert len(prefixed.json()["patterns"]) == (2 if text == "" else 0) or text.startswith("PTRN|")


def test_a_pattern_and_its_edit(client: httpx.Client, kb_name: str) -> None:
    (name,) = taught(client, kb_name, {"events": GOOD, "emotives": {"joy": 1}})
    here = path(kb_name, "patterns", f"PTRN|{name}")
    pattern = client.get(here).json()
    assert pattern == {
        "name": name,
        "events": GOOD,
        "length": 2,
        "frequency": 1,
        "emotives": [{"joy": 1.0}],
        "metadata": {},
    }
    edit = {"frequency": 4, "emotives": [{"joy": 2}, {"sad": 1}], "metadata": {"day": ["2", "1"]}}
    edited = client.patch(here, json=edit)
    assert edited.json() == {
        **pattern,
        "frequency": 4,
        "emotives": [{"joy": 2.0}, {"sad": 1.0}],
        "metadata": {"day": ["1", "2"]},
    }
    assert client.get(here).json() == edited.json()
    assert client.patch(here, json={"frequency": 2}).json() == {**edited.json(), "frequency": 2}
    stats = client.get("/symbols/stats", params={"node_id": kb_name}).json()["symbols"]
    assert stats["a"]["frequency"] == 2
    affinity = client.get("/symbols/a/affinity", params={"node_id": kb_name}).json()["affinity"]
    assert affinity == {"joy": 2.0, "sad": 1.0}


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"frequency": 0},
        {"frequency": 1.5},
        {"frequency": "2"},
        {"frequency": True},
        {"frequency": 10**30},
        {"emotives": {"joy": 1}},
        {"emotives": [{"joy": 1e200}]},
        {"emotives": [{"joy": 1}] * 101},
        {"metadata": {"day": "1"}},
        [],
    ],
    ids=ascii,
)
def test_what_is_no_edit(client: httpx.Client, kb_name: str, edit: Any) -> None:
    (name,) = taught(client, kb_name, GOOD)
    before = client.get(path(kb_name, "patterns", name)).json()
    assert client.patch(path(kb_name, "patterns", name), json=edit).status_code == 422
    assert client.get(path(kb_name, "patterns", name)).json() == before


def test_a_pattern_that_is_not_there(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, GOOD)
    for name in ("0" * 40, "x", "count/x", "☃", "'; DROP TABLE patterns; --"):
        here = path(kb_name, "patterns", name)
        assert client.get(here).status_code == 404
        assert client.delete(here).status_code == 404
        assert client.patch(here, json={"frequency": 2}).status_code == 404
    assert client.get(path(kb_name)).json()["patterns"] == 1


def test_a_repeat_is_carried_out_once(client: httpx.Client, kb_name: str) -> None:
    (name,) = taught(client, kb_name, GOOD)
    here = path(kb_name, "patterns", name)
    key = kb_name.encode().hex()
    first = client.patch(here, json={"frequency": 3}, headers={"Idempotency-Key": key})
    taught(client, kb_name, GOOD)
    again = client.patch(here, json={"frequency": 3}, headers={"Idempotency-Key": key})
    assert (again.status_code, again.json()) == (200, first.json())
    assert client.get(here).json()["frequency"] == 4
    other = client.patch(here, json={"frequency": 9}, headers={"Idempotency-Key": key})
    assert other.status_code == 422
    for _ in range(2):
        gone = client.delete(here, headers={"Idempotency-Key": key + "-"})
        assert (gone.status_code, gone.json()) == (200, {"status": "deleted", "name": name})
    assert client.delete(here).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"after": "x"},
        {"metadata_key": "k"},
        {"metadata_value": "v"},
    ],
    ids=str,
)
def test_what_is_no_query(client: httpx.Client, kb_name: str, query: dict[str, Any]) -> None:
    assert client.get(path(kb_name, "patterns"), params=query).status_code == 422
