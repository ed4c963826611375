"""The short way answers what FastAPI's way answers."""

from __future__ import annotations

import itertools
import json
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.service.conftest import Opened

JSON = {"Content-Type": "application/json"}
LONG_WAY = {**JSON, "Idempotency-Key": "any"}

TEXTS = st.text(max_size=3)
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)


def fields(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, now and then of another kind, and others."""
    usual = st.fixed_dictionaries({}, optional=kinds)
    unusual = st.fixed_dictionaries(
        {}, optional={name: st.one_of(kind, ANYTHING) for name, kind in kinds.items()}
    )
    return st.one_of(usual, usual, unusual, usual.map(lambda given: {**given, "other": 1}))


EVENTS = fields(
    strings=st.lists(TEXTS, max_size=3),
    vectors=st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=1),
    emotives=st.dictionaries(TEXTS, NUMBERS, max_size=2),
    metadata=st.dictionaries(TEXTS, ANYTHING, max_size=2),
    unique_id=st.one_of(st.none(), TEXTS),
)
SEQUENCES = fields(
    observations=st.lists(EVENTS, max_size=3),
    learn_after_each=st.booleans(),
    learn_at_end=st.booleans(),
    clear_stm_between=st.booleans(),
)
BODIES = st.one_of(
    st.tuples(st.just("observe"), st.one_of(EVENTS, ANYTHING).map(json.dumps)),
    st.tuples(st.just("observe-sequence"), st.one_of(SEQUENCES, ANYTHING).map(json.dumps)),
    st.tuples(st.sampled_from(("observe", "observe-sequence")), st.text(max_size=5)),
)


def opened_alone(client: httpx.Client) -> str:
    """The path of a session on a node of its own: vectors of another's would be neighbours."""
    made = client.post("/sessions", json={"node_id": f"direct {next(numbers)}"})
    return f"/sessions/{made.json()['session_id']}"


numbers = itertools.count()


def told(answer: httpx.Response) -> Any:
    """An answer without the names it gave."""
    body = answer.json()
    for each in [body, *body.get("results", ())]:
        if str(each.get("unique_id", "")).startswith("obs-"):
            del each["unique_id"]
    body.pop("session_id", None)
    body.pop("processor_id", None)
    return answer.status_code, body


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(BODIES)
@example(("observe", '{"strings": ["a"], "emotives": {"joy": 1e999}}'))
@example(("observe", '{"strings": ["\\ud800"]}'))
@example(("observe", '{"strings": ["a"], "emotives": {"joy": ' + "9" * 400 + "}}"))
@example(("observe", '{"metadata": {"a": ' + "9" * 40 + "}}"))
@example(("observe", "[" * 100_000))
@example(("observe-sequence", '{"observations": [{"strings": ["a", "b"]}], "learn_at_end": true}'))
def test_both_ways_answer_the_same(client: httpx.Client, asked: tuple[str, str]) -> None:
    step, body = asked
    one, other = opened_alone(client), opened_alone(client)
    content = body.encode("utf-8", "surrogatepass")
    short = client.post(f"{one}/{step}", content=content, headers=JSON)
    long = client.post(f"{other}/{step}", content=content, headers=LONG_WAY)
    assert told(short) == told(long)
    assert client.get(f"{one}/stm").json()["stm"] == client.get(f"{other}/stm").json()["stm"]


WAYS = [(JSON, {"PlainObservation"}), (LONG_WAY, {"ObservationWanted"}), ({}, set())]


@pytest.mark.parametrize(("headers", "kinds"), WAYS)
def test_the_ways_are_two(
    client: httpx.Client, opened: Opened, headers: dict[str, str], kinds: set[str]
) -> None:
    """Or comparing them would prove nothing."""
    path, seen = opened(), set[str]()

    def check_size(wanted: list[Any], _context: Any) -> None:
        seen.update(type(each).__name__ for each in wanted)

    with patch("kato.service.routes.short_term_memory.check_size", check_size):
        client.post(f"{path}/observe", content=b'{"strings": ["a"]}', headers=headers)
    assert seen == kinds
