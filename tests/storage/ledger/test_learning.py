"""Learning and forgetting: the counters equal a recount from the sequences."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference import ReferenceMemory
from tests.storage.counted import assert_counters_are, learn

import kato
from kato.errors import PatternNotFound
from kato.memory.engines import Engines

pytestmark = pytest.mark.servers_deep

Sequence = list[list[str]]

TEXTS = {
    "empty": "",
    "quote": "it's",
    "double quote": '"',
    "backslash": "\\",
    "tab and newline": "\t\n\r",
    "nul": "a\0b",
    "emoji": "👩‍👩‍👧‍👦",
    "highest": "\U0010ffff",
    "combining": "e\u0301",
    "SQL": "'; DROP TABLE patterns; --",
    "placeholder": "{id:String} %s %(id)s",
    "long": "x" * 100_000,
}


def test_new_patterns_are_numbered_in_order(engines: Engines, kb_name: str) -> None:
    learned = learn(engines, kb_name, [["a"], ["b"]], [["b"], ["c"]])
    assert (learned.ids, learned.frequencies) == ([1, 2], [1, 1])


def test_known_patterns_are_counted(engines: Engines, kb_name: str) -> None:
    learn(engines, kb_name, [["a"], ["b"]])
    learned = learn(engines, kb_name, [["c"], ["d"]], [["a"], ["b"]])
    assert (learned.ids, learned.frequencies) == ([2, 1], [1, 2])


def test_a_pattern_may_come_twice_in_one_step(engines: Engines, kb_name: str) -> None:
    learned = learn(engines, kb_name, [["a"], ["b"]], [["b"], ["c"]], [["a"], ["b"]])
    assert (learned.ids, learned.frequencies) == ([1, 2, 1], [1, 1, 2])


def test_knowledge_bases_share_nothing(memory: kato.Memory, kb_name: str) -> None:
    one, other = (memory.knowledge_base(kb_name + end) for end in ("", " "))
    one.learn([["a"], ["b"]])
    assert other.stats().patterns == 0
    other.learn([["a"], ["b"]])
    one.clear()
    assert (one.stats().patterns, other.stats().patterns) == (0, 1)


def test_learning_in_one_step_or_many_counts_the_same(memory: kato.Memory, kb_name: str) -> None:
    sequences: list[Sequence] = [[[f"s{i % 7}"], [f"s{i % 11}", "t"]] for i in range(600)]
    reference = ReferenceMemory()
    at_once, one_by_one = (memory.knowledge_base(f"{kb_name} {i}") for i in range(2))
    at_once.learn_many(sequences)
    for events in sequences:
        one_by_one.learn(events)
        reference.learn(events)
    assert_counters_are(at_once, reference)
    assert_counters_are(one_by_one, reference)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_is_a_symbol(kb: kato.KnowledgeBase, memory: kato.Memory, text: str) -> None:
    events = [[text], ["b"], [text]]
    name = kb.learn(events)
    assert name is not None
    before = kb.predict([[text]])
    memory.flush()
    assert kb.get(name).events == events
    assert kb.predict([[text]]) == before
    assert before[0].matches == [text]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_is_a_name(memory: kato.Memory, kb_name: str, text: str) -> None:
    kb = memory.knowledge_base(text + kb_name)
    name = kb.learn([["a"], ["b"]], emotives={text: 1.0}, metadata={text: text})
    assert name is not None
    memory.flush()
    pattern = kb.get(name)
    assert (pattern.emotives, pattern.metadata) == ([{text: 1.0}], {text: [text]})
    assert text + kb_name in memory.knowledge_bases()


def test_emotives_of_one_step_are_kept_in_its_order(kb: kato.KnowledgeBase) -> None:
    examples = [kato.Example([["a"], ["b"]], emotives={"joy": float(i)}) for i in range(500)]
    kb.learn_many(examples)
    name = kb.predict([["a"]])[0].name
    assert kb.get(name).emotives == [{"joy": float(i)} for i in range(495, 500)]


@pytest.mark.parametrize("persistence", [1, 3, 100])
def test_the_window_of_emotives_is_the_sessions(kb: kato.KnowledgeBase, persistence: int) -> None:
    session = kato.Session(kb, persistence=persistence)
    name = ""
    for i in range(7):
        session.observe(["a"], emotives={"joy": i})
        session.observe(["b"])
        name = session.learn() or ""
    assert [record["joy"] for record in kb.get(name).emotives] == list(range(7))[-persistence:]


def test_metadata_is_united(kb: kato.KnowledgeBase) -> None:
    for metadata in ({"k": "b"}, {"k": "a", "l": 1}, {"k": "b"}):
        name = kb.learn([["a"], ["b"]], metadata=metadata) or ""
    assert kb.get(name).metadata == {"k": ["a", "b"], "l": ["1"]}


@pytest.mark.servers_deep
def test_one_step_may_touch_very_many_affinities(kb: kato.KnowledgeBase) -> None:
    """More than Lua's ``unpack`` takes at once."""
    reference = ReferenceMemory()
    examples = [
        kato.Example(
            [[f"{i} {j}"] for j in range(20)], emotives={"joy": 0.1 * i}, metadata={"i": i}
        )
        for i in range(500)
    ]
    for example in examples:
        reference.learn(example.events, example.emotives, example.metadata)
    kb.learn_many(examples)
    assert_counters_are(kb, reference)


def test_a_pattern_may_have_very_many_symbols(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    events = [[str(i) for i in range(20_000)], ["end"]]
    name = kb.learn(events, emotives={"joy": 1.5}) or ""
    memory.flush()
    assert len(kb.get(name).events[0]) == 20_000
    assert kb.predict([["0"]])[0].name == name
    kb.forget(name)
    assert list(kb.symbols()) == []


def test_forgetting_leaves_no_trace(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    reference = ReferenceMemory()
    kept = [["a"], ["b", "c"]]
    gone = [["a"], ["c"], ["a"], ["d"]]
    for learner in (kb, reference):
        learner.learn(kept, emotives={"joy": 0.1})
    before = kb.predict([["a"]])
    names = {kb.learn(gone, emotives={"joy": 0.2, "fear": 3}) or "" for _ in range(3)}
    reference.learn(gone, emotives={"fear": 0, "joy": 0})
    reference.forget(*names)
    memory.flush()
    for name in names:
        kb.forget(name)
        with pytest.raises(PatternNotFound):
            kb.get(name)
        with pytest.raises(PatternNotFound):
            kb.forget(name)
    assert_counters_are(kb, reference)
    assert kb.predict([["a"]]) == before


def test_a_relearned_pattern_is_new(kb: kato.KnowledgeBase, engines: Engines) -> None:
    first = learn(engines, kb.name, [["a"], ["b"]])
    kb.forget(kb.predict([["a"]])[0].name)
    again = learn(engines, kb.name, [["a"], ["b"]])
    assert first.ids != again.ids
    assert again.frequencies == [1]


# Emotives are quarters, so that sums of floats are exact whatever their order.
_symbols = st.sampled_from(["a", "b", "c", "it's", "\0", "☃"])
_events = st.one_of(
    st.sampled_from([[["a"], ["b"]], [["a", "b"], ["a"]], [["b"], ["☃"]]]),
    st.lists(st.lists(_symbols, max_size=3).map(sorted), min_size=1, max_size=4),
)
_example: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    events=_events,
    emotives=st.dictionaries(
        st.sampled_from(["joy", "fear"]), st.integers(-8, 8).map(lambda i: i / 4), max_size=2
    ),
    metadata=st.dictionaries(st.sampled_from("kl"), st.integers(0, 3), max_size=2),
)
_step = st.one_of(
    st.tuples(st.just("learn"), _example),
    st.tuples(st.just("many"), st.lists(_example, max_size=6)),
    st.tuples(st.just("forget"), st.integers(0, 20)),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("flush"), st.none()),
)


@pytest.mark.servers_deep
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(_step, min_size=3, max_size=15))
def test_counters_equal_a_recount(memory: kato.Memory, steps: list[tuple[str, Any]]) -> None:
    kb = memory.knowledge_base(secrets.token_hex(8))
    reference = ReferenceMemory()
    for kind, value in steps:
        _take(kind, value, memory, kb, reference)
    assert_counters_are(kb, reference)


def _take(
    kind: str, value: Any, memory: kato.Memory, kb: kato.KnowledgeBase, reference: ReferenceMemory
) -> None:
    if kind in ("learn", "many"):
        examples = [value] if kind == "learn" else value
        for example in examples:
            reference.learn([e for e in example["events"] if e], *list(example.values())[1:])
        kb.learn_many(kato.Example(**example) for example in examples)
    elif kind == "forget" and reference.patterns:
        name = list(reference.patterns)[value % len(reference.patterns)]
        kb.forget(name)
        reference.forget(name)
    elif kind == "clear":
        kb.clear()
        reference.clear()
    elif kind == "flush":
        memory.flush()
