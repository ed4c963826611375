"""The reference itself, where no case of the original reaches: sessions, and taking back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from tests.cases import memories
from tests.closeness import differences
from tests.reference import ReferenceMemory, ReferenceSession


def contents(memory: ReferenceMemory) -> list[Any]:
    patterns = [memory.get(name) for name in sorted(memory.patterns)]
    symbols = memory.symbols()
    for facts in symbols.values():
        facts["affinity"] = {
            name: sum_ for name, sum_ in facts["affinity"].items() if abs(sum_) > 1e-9
        }
    return [memory.stats(), symbols, patterns]


@given(memories())
@settings(max_examples=50, deadline=None)
def test_forgetting_leaves_what_was_there_before(memory: ReferenceMemory) -> None:
    before = contents(memory)
    name = memory.learn([["new"], ["a"], ["a", "cat"]], [{"joy": 2.5}, {"sad": -1}])
    memory.learn([["new"], ["a"], ["a", "cat"]], {"joy": 0.5})
    assert memory.forget(name)
    assert differences(before, contents(memory)) == []
    assert not memory.forget(name)


def test_a_forgotten_pattern_comes_back_as_a_new_one() -> None:
    memory = ReferenceMemory()
    name = memory.learn([["a"], ["b"]], {"joy": 1})
    old = memory.patterns[name]["id"]
    memory.forget(name)
    memory.learn([["a"], ["b"]])
    assert memory.patterns[name]["id"] > old
    assert memory.get(name) == {
        "name": name,
        "events": [["a"], ["b"]],
        "length": 2,
        "frequency": 1,
        "emotives": [],
        "metadata": {},
    }


def emotives(session: ReferenceSession) -> list[list[dict[str, float]]]:
    return [pattern["emotives"] for pattern in session.memory.patterns.values()]


def test_rolling_windows_carry_the_emotives_of_their_own_events() -> None:
    # Decision Q5; learned are ab and bc, and b's emotives are in both.
    session = ReferenceSession(ReferenceMemory(), max_pattern_length=2, stm_mode="ROLLING")
    for number, symbol in enumerate("abc"):
        session.observe([symbol], {"joy": number})
    assert emotives(session) == [[{"joy": 0}, {"joy": 1}], [{"joy": 1}, {"joy": 2}]]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param([], [{"joy": 1}, {"joy": 2}], id="waits for the first event"),
        pytest.param(["z"], [{"joy": 1}, {"joy": 2}], id="belongs to the event before"),
    ],
)
def test_an_observation_without_symbols(first: list[str], expected: list[Any]) -> None:
    session = ReferenceSession(ReferenceMemory())
    if first:
        session.observe(first)
    session.observe([], {"joy": 1})
    session.observe(["a", "b"], {"joy": 2})
    assert session.learn()
    assert emotives(session) == [expected]
    assert session.time == 2 + len(first)


def test_a_learn_that_is_too_short_empties_emotives_too() -> None:
    # Decision Q4.
    session = ReferenceSession(ReferenceMemory())
    session.observe(["a"], {"joy": 1}, {"source": 1})
    assert session.learn() == ""
    session.observe(["a", "b"])
    name = session.learn()
    pattern = session.memory.get(name)
    assert pattern is not None
    assert (pattern["emotives"], pattern["metadata"]) == ([], {})


def test_rolling_with_one_event_keeps_nothing() -> None:
    # Decision Q27: the original kept, and learned, ever more.
    session = ReferenceSession(ReferenceMemory(), stm_mode="ROLLING")
    session.observe(["a", "b"])
    session.config["max_pattern_length"] = 1
    assert session.observe(["c"]) is not None
    assert session.stm == []


def test_a_session_predicts_by_its_own_settings() -> None:
    memory = ReferenceMemory()
    memory.learn([["a"], ["b"], ["c"]])
    session = ReferenceSession(memory, recall_threshold=0.9)
    session.observe(["a"])
    session.observe(["b"])
    assert session.predict() == ([], [])
    (prediction,), _ = session.predict(recall_threshold=0.8)
    assert prediction["future"] == [["c"]]
