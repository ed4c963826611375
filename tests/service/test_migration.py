"""Each line of the page about what changed since KATO 3 is true.

A test names the line it shows by its beginning; a line without a test, or a test of a line that is
no longer there, fails :func:`test_each_line_is_shown`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest
from structlog.testing import capture_logs
from tests.service import test_faults, test_malformed, test_monitoring, test_sessions
from tests.service.conftest import Opened

from kato.session import Session

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
TABLE = "## What answers differently"

Test = TypeVar("Test", bound=Callable[..., None])

ELSEWHERE = {
    "reading did not keep a session alive": (
        test_sessions.test_use_lets_it_live_on,
        test_sessions.test_an_extension_lasts,
        test_sessions.test_an_extension_by_no_time,
    ),
    "learn said `from 0 events`": (test_sessions.test_a_learn_says_how_many_events,),
    "a store that was down": (test_faults.test_a_store_that_is_gone,),
    "bodies without bounds": (
        test_malformed.test_a_large_body_in_parts,
        test_malformed.test_a_slow_client_is_hung_up_on,
    ),
    "`minutes` of `/metrics": (test_monitoring.test_minutes_are_minutes,),
}
"""Lines, and the tests that show them beside those here."""

shown = [*ELSEWHERE]


def shows(*beginnings: str) -> Callable[[Test], Test]:
    """Marks a test with the lines it shows."""
    shown.extend(beginnings)
    return lambda test: test


def lines() -> list[str]:
    """The first column of the table."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(TABLE)
    table = rest.partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]]


def learned(client: httpx.Client, path: str, *events: list[str], **also: Any) -> str:
    """Observe events, the last with what else is given, and learn; the pattern's name."""
    for event in events[:-1]:
        client.post(f"{path}/observe", json={"strings": event}).raise_for_status()
    client.post(f"{path}/observe", json={"strings": events[-1], **also}).raise_for_status()
    name: str = client.post(f"{path}/learn").raise_for_status().json()["pattern_name"]
    return name


def pattern(client: httpx.Client, kb_name: str, name: str) -> dict[str, Any]:
    found = client.get(f"/pattern/{name}", params={"node_id": kb_name}).json()
    inner: dict[str, Any] = found["pattern"]["pattern"]
    return inner


def predictions(client: httpx.Client, path: str, *events: list[str]) -> list[dict[str, Any]]:
    client.post(f"{path}/clear-stm").raise_for_status()
    for event in events:
        client.post(f"{path}/observe", json={"strings": event}).raise_for_status()
    told: list[dict[str, Any]] = client.get(f"{path}/predictions").json()["predictions"]
    return told


@shows("a bad key in the `config`", "most filter keys", "a number's range was checked")
@pytest.mark.parametrize(
    "bad",
    [
        {"recall_threshold": 7},
        {"minhash_bands": "many"},
        {"jaccard_threshold": "x"},
        {"max_predictions": True},
        {"recall_threshold": True},
    ],
)
def test_bad_configuration(
    client: httpx.Client, opened: Opened, kb_name: str, bad: dict[str, Any]
) -> None:
    path = opened()
    before = client.get(f"{path}/config").json(), client.get("/sessions/count").json()
    for answer in (
        client.post("/sessions", json={"node_id": kb_name, "config": {**bad, "persistence": 2}}),
        client.post(f"{path}/config", json={**bad, "persistence": 2}),
    ):
        assert answer.status_code == 400
        assert list(answer.json()["detail"]["validation_errors"]) == list(bad)
    assert (client.get(f"{path}/config").json(), client.get("/sessions/count").json()) == before


@shows("`rank_sort_algo`, `persistence` and")
def test_settings_of_a_session_apply(client: httpx.Client, opened: Opened, kb_name: str) -> None:
    path = opened(sort_symbols=False, persistence=2, rank_sort_algo="frequency")
    for joy in (1, 2, 3):
        often = learned(client, path, ["b", "a"], ["c"], emotives={"joy": joy})
    learned(client, path, ["b", "a"])
    assert pattern(client, kb_name, often)["pattern_data"] == [["b", "a"], ["c"]]
    assert pattern(client, kb_name, often)["emotives"] == [{"joy": 2.0}, {"joy": 3.0}]
    assert [p["frequency"] for p in predictions(client, path, ["b", "a"])] == [3, 1]
    client.post(f"{path}/config", json={"rank_sort_algo": "similarity"})
    assert [p["frequency"] for p in predictions(client, path, ["b", "a"])] == [1, 3]


@shows("`recall_threshold` and `max_predictions` did not")
def test_an_observe_computes_nothing_and_cognition_data_as_the_session_says(
    client: httpx.Client, opened: Opened, kb_name: str
) -> None:
    path = opened()
    for last in "xyz":
        learned(client, path, ["a"], ["b"], [last])
    client.post(f"{path}/config", json={"max_predictions": 2})
    observed = client.post(f"{path}/observe", json={"strings": ["a"]}).json()
    assert "predictions" not in observed
    client.post(f"{path}/observe", json={"strings": ["b"]})
    told = client.get(f"{path}/cognition-data").json()["cognition_data"]
    assert len(told["predictions"]) == 2
    client.post(f"{path}/config", json={"recall_threshold": 1.0})
    told = client.get(f"{path}/cognition-data").json()["cognition_data"]
    assert told["predictions"] == []


@shows("emotives and metadata leaked")
def test_a_pattern_carries_its_own(client: httpx.Client, opened: Opened, kb_name: str) -> None:
    path = opened(max_pattern_length=2)
    first = learned(client, opened(), ["a"], ["b"], emotives={"joy": 1}, metadata={"who": "x"})
    second = learned(client, opened(), ["c"], ["d"])
    assert pattern(client, kb_name, first)["metadata"] == {"who": ["x"]}
    assert pattern(client, kb_name, second)["emotives"] == []
    assert pattern(client, kb_name, second)["metadata"] == {}
    client.post(f"{path}/observe", json={"strings": ["e"], "emotives": {"joy": 5}})
    told = client.post(f"{path}/observe", json={"strings": ["f"]}).json()
    assert pattern(client, kb_name, told["auto_learned_pattern"])["emotives"] == [{"joy": 5.0}]


@shows("`ttl_seconds` of a new session")
def test_the_time_to_live_is_told(client: httpx.Client, kb_name: str) -> None:
    made = client.post("/sessions", json={"node_id": kb_name}).json()
    now = client.get(f"/sessions/{made['session_id']}").json()
    assert made["ttl_seconds"] - now["ttl_seconds"] in (0, 1)


@shows("`sessions/count` drifted")
def test_sessions_are_counted(client: httpx.Client, opened: Opened) -> None:
    before = client.get("/sessions/count").json()["active_session_count"]
    paths = [opened() for _ in range(3)]
    client.get(f"{paths[0]}/stm")
    for path in (paths[0], paths[0], paths[1]):
        client.delete(path)
    assert client.get("/sessions/count").json()["active_session_count"] == before + 1


@shows("one symbol in memory")
def test_one_symbol_has_the_full_form(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    learned(client, path, ["a"], ["b"], ["c"])
    [one] = predictions(client, path, ["a"])
    [two] = predictions(client, path, ["a"], ["b"])
    assert set(one) == set(two)
    assert (one["present"], one["future"]) == ([["a"]], [["b"], ["c"]])


@shows("`future_potentials` of another")
def test_futures_are_of_this_prediction(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    for last in "xy":
        learned(client, path, ["a", last], ["b", last], [last])
    for last in "xy":
        predictions(client, path, ["a", last], ["b", last])
        told = client.get(f"{path}/predictions").json()["future_potentials"]
        assert told[0]["future"] == [[last]]


@shows("entropies and tf-idf changed")
def test_finalize_training_changes_no_number(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    for last in "xyz":
        learned(client, path, ["a"], ["b", "c"], [last])
    before = predictions(client, path, ["a"], ["b"])
    assert client.post(f"{path}/finalize-training").status_code == 200
    assert predictions(client, path, ["a"], ["b"]) == before
    assert all(each["entropy"] > 0 for each in before)


@shows("totals counted new patterns only")
def test_confluence_lies_within_0_and_1(client: httpx.Client, opened: Opened) -> None:
    path = opened()
    for _ in range(20):
        learned(client, path, ["a"], ["b"])
    [told] = predictions(client, path, ["a"], ["b"])
    assert 0 <= told["confluence"] <= 1


@shows("fuzzy matches stayed in")
def test_a_fuzzy_match_is_a_match(client: httpx.Client, opened: Opened) -> None:
    path = opened(fuzzy_token_threshold=0.8)
    learned(client, path, ["colour"], ["of"], ["money"])
    [told] = predictions(client, path, ["color"], ["of"])
    assert (told["matches"], told["missing"], told["extras"]) == (
        ["color", "of"],
        [[], []],
        [[], []],
    )
    assert told["similarity"] == pytest.approx(2 * 2 / (3 + 2))


@shows("several vectors of an observation")
def test_vectors_are_symbols_of_their_own(client: httpx.Client, opened: Opened) -> None:
    path = opened(vector_max_distance=0.5)
    vectors = [[1.0, 2.0], [3.0, 4.0]]
    client.post(f"{path}/observe", json={"strings": [], "vectors": vectors}).raise_for_status()
    names = {
        f"VCTR|{hashlib.sha1(struct.pack('<2d', *v), usedforsecurity=False).hexdigest()}"
        for v in vectors
    }
    [event] = client.get(f"{path}/stm").json()["stm"]
    assert set(event) == names
    client.post(f"{path}/observe", json={"strings": ["end"]})
    client.post(f"{path}/learn").raise_for_status()
    for far, near in ((0.1, 1), (0.6, 0)):
        client.post(f"{path}/clear-stm")
        client.post(f"{path}/observe", json={"strings": [], "vectors": [[1.0 + far, 2.0]]})
        [event] = client.get(f"{path}/stm").json()["stm"]
        assert len(set(event) & names) == near


@shows("names that differ in")
def test_every_name_is_a_node_of_its_own(client: httpx.Client, kb_name: str) -> None:
    for middle in "-. _":
        made = client.post("/sessions", json={"node_id": f"{kb_name}{middle}x"}).json()
        path = f"/sessions/{made['session_id']}"
        assert predictions(client, path, ["a"], ["b"]) == []
        learned(client, path, ["c"])


@shows("a symbol with `'` hung", "a lone surrogate was accepted")
def test_any_unicode_text_and_nothing_else(
    client: httpx.Client, opened: Opened, kb_name: str
) -> None:
    path, symbol = opened(), "it's/☃"
    learned(client, path, [symbol], ["b"], emotives={"joy": 1})
    assert len(predictions(client, path, [symbol])) == 1
    here = f"/symbols/{quote(symbol, safe='')}/affinity"
    told = client.get(here, params={"node_id": kb_name}).json()
    assert told["affinity"] == {"joy": 1.0}
    lone = b'{"strings": ["\\ud800"]}'
    headers = {"Content-Type": "application/json"}
    assert client.post(f"{path}/observe", content=lone, headers=headers).status_code == 422
    named = b'{"node_id": "\\ud800"}'
    assert client.post("/sessions", content=named, headers=headers).status_code == 422


@shows("an unhandled error was plain text")
def test_an_unhandled_error_is_json(
    url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Session) -> None:
        raise RuntimeError

    path = opened()
    monkeypatch.setattr(Session, "info", broken)
    with capture_logs():  # else it is printed with all that every function held
        answer = httpx.get(f"{url}{path}")  # whose connection is closed by the server
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})


@shows("the 404 of a session")
def test_other_origins_hear_of_a_404_and_nobody_of_passwords(client: httpx.Client) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    missing = client.get("/sessions/none/stm", headers=headers)
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (
        404,
        headers["Origin"],
    )
    assert "redis://" not in client.get("/status").text


def test_each_line_is_shown() -> None:
    unshown = [line for line in lines() if not line.startswith(tuple(shown))]
    gone = [begins for begins in shown if not any(line.startswith(begins) for line in lines())]
    assert (unshown, gone) == ([], [])
    assert len(lines()) > 20
