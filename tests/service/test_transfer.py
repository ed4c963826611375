"""Export and import over HTTP: the same again, in either format, of any size."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.service.conftest import Opened
from tests.service.nodes import marked, path, taught
from tests.service.payloads import PAYLOADS

import kato
from kato.storage.clickhouse import patterns

FORMATS = ("ndjson", "parquet")


def filled(client: httpx.Client, node: str) -> None:
    """Teach a node what is hard to carry."""
    sequences: list[dict[str, Any]] = [
        {"events": [[text], ["x", text]], "metadata": {text: text}, "emotives": {text: i / 7}}
        for i, text in enumerate(PAYLOADS)
    ]
    names = taught(client, node, *sequences, *sequences[:5], [["a"], ["b"]])
    client.patch(
        path(node, "patterns", names[0]),
        json={"frequency": 12, "emotives": [{PAYLOADS[0]: 0.1}, {"joy": 0.2}, {"sad": -1e100}]},
    )


def exported(client: httpx.Client, node: str, kind: str = "ndjson") -> bytes:
    answer = client.get(path(node, "export"), params={"format": kind})
    assert answer.status_code == 200, answer.text
    return answer.content


def imported(client: httpx.Client, node: str, body: Any, **query: str) -> dict[str, Any]:
    answer = client.post(path(node, "import"), params=query, content=body)
    assert answer.status_code == 200, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


@pytest.mark.parametrize("kind", FORMATS)
def test_what_comes_in_is_what_went_out(client: httpx.Client, kb_name: str, kind: str) -> None:
    filled(client, kb_name)
    outcome = imported(client, kb_name + "2", exported(client, kb_name, kind), format=kind)
    count = len(PAYLOADS) + 1
    assert outcome == {
        "status": "completed",
        "node_id": kb_name + "2",
        "rows": count,
        "new": count,
        "merged": 0,
        "too_short": 0,
        "bad": 0,
        "bad_rows": [],
    }
    assert exported(client, kb_name + "2") == exported(client, kb_name)
    for question in ("/symbols/stats", "/symbols/affinity"):
        one, two = (
            client.get(question, params={"node_id": node}).json()
            for node in (kb_name, kb_name + "2")
        )
        del one["node_id"], two["node_id"]
        assert_near(two, one)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("flushed", [True, False])
def test_vectors_come_along(  # noqa: PLR0917 - fixtures
    client: httpx.Client,
    memory: kato.Memory,
    opened: Opened,
    kb_name: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    flushed: bool,
) -> None:
    """Or an observed vector would find no neighbour in the copy."""
    monkeypatch.setattr(patterns, "_NAMES_AT_ONCE", 2)
    path = opened()
    for vector in ([1.0, 2.0], [1 / 3, -0.0], [9.0, 9.0, 9.0]):
        client.post(f"{path}/observe", json={"strings": ["a"], "vectors": [vector]})
    client.post(f"{path}/learn").raise_for_status()
    if flushed:
        memory.flush()
    body = exported(client, kb_name, kind)
    outcome = imported(client, kb_name + "2", body, format=kind)
    assert (outcome["new"], outcome["bad"]) == (1, 0)
    for vector in ([1.1, 2.0], [0.3, 0.0], [8.0, 9.0, 9.0]):
        near = [
            memory.knowledge_base(node).nearest_vectors(vector, 5, None, {})
            for node in (kb_name, kb_name + "2")
        ]
        assert near[0] == near[1]
        assert near[0]


def test_a_vector_without_a_vector_s_name_is_refused(client: httpx.Client, kb_name: str) -> None:
    name = f"VCTR|{39 * '0'}"
    row = {"events": [[name], ["a"]], "vectors": {name: [1.0]}}
    outcome = imported(client, kb_name, json.dumps(row), format="ndjson")
    assert outcome["bad"] == 1
    assert "is no symbol of a vector" in outcome["bad_rows"][0]["reason"]


def assert_near(value: Any, expected: Any) -> None:
    """Equal, but for the last digits of sums."""
    if isinstance(expected, dict):
        assert value.keys() == expected.keys()
        for key in expected:
            assert_near(value[key], expected[key])
    elif isinstance(expected, str):
        assert value == expected
    else:
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_line_is_a_pattern(client: httpx.Client, kb_name: str) -> None:
    (name,) = taught(
        client, kb_name, {"events": [["a"], ["b"]], "emotives": {"joy": 2}, "metadata": {"k": 1}}
    )
    assert json.loads(exported(client, kb_name)) == {
        "name": name,
        "events": [["a"], ["b"]],
        "frequency": 1,
        "emotives": [{"joy": 2.0}],
        "metadata": {"k": ["1"]},
        "affinity": {"joy": 2.0},
        "vectors": {},
    }
    table = pq.read_table(io.BytesIO(exported(client, kb_name, "parquet")))
    assert table.column("events").to_pylist() == [[["a"], ["b"]]]
    assert table.column("metadata").to_pylist() == [[("k", ["1"])]]


def test_many_pages(client: httpx.Client, memory: kato.Memory, kb_name: str) -> None:
    kb = memory.knowledge_base(kb_name)
    kb.learn_many([["x"], [str(i)]] for i in range(2500))
    memory.flush()
    kb.learn([["x"], ["new"]])
    lines = exported(client, kb_name).splitlines()
    assert len({msgspec.json.decode(line)["name"] for line in lines}) == len(lines) == 2501
    table = pq.read_table(io.BytesIO(exported(client, kb_name, "parquet")))
    assert table.column("events").to_pylist()[-1] == [["x"], ["new"]]
    assert table.num_rows == 2501


def test_bad_rows_are_told_by_line(client: httpx.Client, kb_name: str) -> None:
    lines = [
        '{"events": [["a"], ["b"]]}',
        "",
        "garbage",
        '{"events": [["a"], [1]]}',
        '{"events": [["a"]]}',
        '{"events": [["a"], ["b"]], "frequency": 0}',
        '{"events": [["a"], ["b"]], "frequency": 1e9}',
        '{"events": [["a"], ["b"]], "name": "PTRN|' + "0" * 40 + '"}',
        '{"events": [["a"], ["b"]], "emotives": [{"joy": 1e200}]}',
        '{"events": [["\\ud800"], ["b"]]}',
        "\udcff",
        "[" * 100_000,
        '{"events": [["a"], ["b"]], "unknown": 1}\r',
    ]
    body = "\n".join(lines).encode("utf-8", "surrogateescape")
    outcome = imported(client, kb_name, body)
    bad = [row["line"] for row in outcome.pop("bad_rows")]
    assert bad == [3, 4, 6, 7, 8, 9, 10, 11, 12]
    assert outcome == {
        "status": "completed",
        "node_id": kb_name,
        "rows": 12,
        "new": 1,
        "merged": 1,
        "too_short": 1,
        "bad": 9,
    }


def test_parquet_rows_that_cannot_be_used(client: httpx.Client, kb_name: str) -> None:
    table = pa.table(
        {
            "events": [[["a"], ["b"]], None, [["a"], None], [["a"], ["c"]], [["d"]]],
            "frequency": [2, 1, 1, -1, 1],
            "metadata": [{"k": ["v"], "m": None}, None, None, None, {"k": None, "m": ["w"]}],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    outcome = imported(client, kb_name, file.getvalue(), format="parquet")
    assert [row["line"] for row in outcome["bad_rows"]] == [2, 3, 4]
    assert (outcome["new"], outcome["too_short"]) == (1, 1)
    (pattern,) = client.get(path(kb_name, "patterns")).json()["patterns"]
    assert (pattern["frequency"], pattern["metadata"]) == (2, {"k": ["v"]})


@pytest.mark.parametrize("body", [b"", b"PAR1", b"garbage" * 100, b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_what_is_no_parquet(client: httpx.Client, kb_name: str, body: bytes) -> None:
    answer = client.post(path(kb_name, "import"), params={"format": "parquet"}, content=body)
    assert answer.status_code == 422
    assert "no readable Parquet" in answer.json()["detail"]
    other = io.BytesIO()
    pq.write_table(pa.table({"symbols": [1]}), other)
    answer = client.post(
        path(kb_name, "import"), params={"format": "parquet"}, content=other.getvalue()
    )
    assert (answer.status_code, "no column events" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_repeated_import_doubles_nothing(
    client: httpx.Client, memory: kato.Memory, kb_name: str, kind: str, mode: str
) -> None:
    memory.knowledge_base(kb_name).learn_many([["x"], [str(i % 1300)]] for i in range(1700))
    body = exported(client, kb_name, kind)
    target, query = kb_name + "2", {"format": kind, "mode": mode}
    taught(client, target, [["x"], ["0"]], [["already"], ["there"]])
    marked(client, target)
    once = {"Idempotency-Key": target.encode().hex()}
    parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    first = client.post(path(target, "import"), params=query, content=iter(parts), headers=once)
    after = exported(client, target)
    again = client.post(path(target, "import"), params=query, content=body, headers=once)
    assert (again.status_code, again.json()) == (200, first.json())
    assert exported(client, target) == after
    outcome = (1299, 1, 1301) if mode == "merge" else (1300, 0, 1300)
    assert (first.json()["new"], first.json()["merged"], after.count(b"\n")) == outcome
    taught(client, kb_name, [["another"], ["body"]])
    other = exported(client, kb_name, kind)
    refused = client.post(path(target, "import"), params=query, content=other, headers=once)
    assert (refused.status_code, exported(client, target)) == (422, after)


def test_a_merge_adds(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, {"events": [["a"], ["b"]], "emotives": {"joy": 1}})
    body = exported(client, kb_name)
    for _ in range(2):
        assert imported(client, kb_name, body, mode="merge")["merged"] == 1
    (pattern,) = client.get(path(kb_name, "patterns")).json()["patterns"]
    assert (pattern["frequency"], len(pattern["emotives"])) == (3, 3)


def test_a_body_may_be_larger_than_others(client: httpx.Client, kb_name: str) -> None:
    symbol = "s" * 100_000

    def lines() -> Iterator[bytes]:
        for i in range(200):  # 20 MB, where other bodies have 16
            yield msgspec.json.encode({"events": [[symbol], [f"{i}"]]}) + b"\n"

    assert imported(client, kb_name, lines())["new"] == 200
    line = b'{"events": [["' + b"x" * (17 << 20) + b'"], ["b"]]}\n{"events": [["a"], ["b"]]}'
    outcome = imported(client, kb_name, line)
    assert (outcome["new"], outcome["bad"]) == (1, 1)
    assert "a line has at most 16777216 bytes" in outcome["bad_rows"][0]["reason"]
    learn = client.post(path(kb_name + "/import", "learn"), content=line)
    assert learn.status_code == 413


def test_a_node_that_is_not_there(client: httpx.Client, kb_name: str) -> None:
    assert client.get(path(kb_name, "export")).status_code == 404
    marked(client, kb_name)
    assert imported(client, kb_name, b"", mode="replace")["rows"] == 0


def test_what_is_not_marked_is_not_replaced(client: httpx.Client, kb_name: str) -> None:
    taught(client, kb_name, [["a"], ["b"]])
    before, body = exported(client, kb_name), b'{"events": [["c"], ["d"]]}'
    target, query = path(kb_name, "import"), {"mode": "replace"}
    refused = client.post(target, params=query, content=body)
    assert (refused.status_code, "PUT" in refused.json()["detail"]) == (423, True)
    assert exported(client, kb_name) == before
    marked(client, kb_name)
    assert client.post(target, params=query, content=body).json()["new"] == 1
    marked(client, kb_name, disposable=False)
    assert client.post(target, params=query, content=body).status_code == 423
    assert b'["c"]' in exported(client, kb_name)


@pytest.mark.parametrize("query", [{"format": "csv"}, {"mode": "drop"}], ids=str)
def test_what_is_no_import(client: httpx.Client, kb_name: str, query: dict[str, str]) -> None:
    assert client.post(path(kb_name, "import"), params=query, content=b"").status_code == 422
