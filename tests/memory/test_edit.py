"""Edits, and what is learned piece by piece: counters stay right, a repeat changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.memory.changing import fresh, histories, pages, taken
from tests.memory.test_errors import without_sessions
from tests.storage.counted import assert_counters_are

import kato
from kato.errors import InvalidInput, InvalidSymbol, OperationReused, PatternNotFound, StoreFull
from kato.memory import PatternCopy
from kato.memory.engines import Engines
from kato.memory.learning import LESSON_PATTERNS
from kato.storage.ledger.operations import Operation

pytestmark = pytest.mark.servers_deep

GOOD = [["a"], ["b"]]


def copies(kb: kato.KnowledgeBase) -> list[PatternCopy]:
    page = kb.patterns(limit=1000)
    return list(map(PatternCopy.of, page.patterns, page.affinities, page.vectors))


@pytest.mark.servers_deep
@settings(max_examples=40, deadline=None)
@given(history=histories)
def test_counters_stay_those_of_the_reference(memory: kato.Memory, history: list[Any]) -> None:
    kb = fresh(memory)
    reference = taken(memory, kb, history)
    assert_counters_are(kb, reference)


@pytest.mark.servers_deep
@settings(max_examples=25, deadline=None)
@given(history=histories, flushed=st.booleans())
@pytest.mark.deep
def test_a_copy_is_the_same(memory: kato.Memory, history: list[Any], flushed: bool) -> None:
    kb, other = fresh(memory), fresh(memory)
    taken(memory, kb, history)
    placed = other.put(copies(kb))
    if flushed:
        memory.flush()
    assert all(each.new and each.error is None for each in placed)
    assert copies(other) == copies(kb)
    assert other.stats() == kb.stats()
    for one, two in zip(kb.symbols(), sorted_as(kb, other), strict=True):
        assert (one.name, one.frequency) == (two.name, two.frequency)
        assert one.pattern_member_frequency == two.pattern_member_frequency
        # A sum of floats that was added to and taken from ends in other digits.
        felt = {name: two.affinity.get(name, 0.0) for name in one.affinity}
        assert felt == pytest.approx(one.affinity, abs=1e-9)


def sorted_as(kb: kato.KnowledgeBase, other: kato.KnowledgeBase) -> list[Any]:
    by_name = {symbol.name: symbol for symbol in other.symbols()}
    return [by_name[symbol.name] for symbol in kb.symbols()]


def test_clickhouse_has_what_was_edited(engines: Engines, kb: kato.KnowledgeBase) -> None:
    name = kb.learn(GOOD, emotives={"joy": 4}) or ""
    for _ in range(4):
        kb.learn(GOOD)
    engines.flush()
    kb.edit(name, frequency=3)
    kb.edit(name, frequency=1, emotives=[{"sad": 1}, {"sad": 2}], metadata={"day": [1]})
    engines.flush()
    number = {"kb": engines.counters.number(kb.name)}
    ask = engines._clickhouse.rows
    kept = ask("SELECT frequency FROM frequencies FINAL WHERE kb = {kb:UInt32}", number)
    assert kept == [(1,)]
    (state,) = ask(
        "SELECT emotives, metadata, felt FROM states FINAL WHERE kb = {kb:UInt32}", number
    )
    assert state == ([{"sad": 1.0}, {"sad": 2.0}], {"day": ["1"]}, {"sad": 3.0})
    sums = ask("SELECT sums FROM affinities FINAL WHERE kb = {kb:UInt32}", number)
    assert sums == [({"joy": 0.0, "sad": 3.0},)] * 2


def test_predictions_count_what_was_edited(kb: kato.KnowledgeBase) -> None:
    name = kb.learn(GOOD) or ""
    kb.edit(name, frequency=7, emotives=[{"joy": 1}, {"joy": 2}])
    (prediction,) = kb.predict([["a"]])
    assert (prediction.frequency, prediction.emotives) == (7, {"joy": 1.5})
    kb.learn(GOOD)
    assert kb.get(name).frequency == 8


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"frequency": 0},
        {"frequency": -1},
        {"frequency": 10**9 + 1},
        {"frequency": True},
        {"frequency": 1.5},
        {"frequency": "2"},
        {"emotives": {"joy": 1}},
        {"emotives": [{"joy": math.nan}]},
        {"emotives": [1]},
        {"emotives": [{"joy": 1}] * 101},
        {"emotives": "joy"},
        {"metadata": [1]},
        {"metadata": {"k": "v"}},
        {"metadata": {1: ["v"]}},
        {"metadata": {"k": ["\ud800"]}},
        {"frequency": 2, "metadata": {"k": 1}},
    ],
    ids=ascii,
)
def test_what_is_no_edit(engines: Engines, kb: kato.KnowledgeBase, edit: dict[str, Any]) -> None:
    name = kb.learn(GOOD, emotives={"joy": 1}, metadata={"k": "v"}) or ""
    before = kb.get(name), kb.stats(), engines.journal.waiting()
    with pytest.raises(InvalidInput):
        kb.edit(name, **edit)
    assert (kb.get(name), kb.stats(), engines.journal.waiting()) == before


def test_a_pattern_that_is_not_there(kb: kato.KnowledgeBase) -> None:
    for name in ("", "x", "0" * 40, "\ud800"):
        with pytest.raises(PatternNotFound):
            kb.edit(name, frequency=2)


def test_a_full_journal_refuses(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kb.learn(GOOD) or ""
    before = without_sessions(engines, kb.name)
    monkeypatch.setattr(engines.counters, "_journal_limit", 0)
    asks: list[Callable[[], Any]] = [
        lambda: kb.edit(name, frequency=2),
        lambda: kb.learn_each([kato.Example(GOOD)]),
        lambda: memory.forget_knowledge_base(kb.name),
    ]
    for ask in asks:
        with pytest.raises(StoreFull):
            ask()
    assert without_sessions(engines, kb.name) == before


def test_a_repeat_answers_as_the_first_and_changes_nothing(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    name = kb.learn(GOOD, emotives={"joy": 1}) or ""
    gone = kb.learn([["a"], ["c"]]) or ""
    examples = [kato.Example([["x"], [str(i % 700)]]) for i in range(LESSON_PATTERNS + 300)]
    changes: list[Callable[[Operation], Any]] = [
        lambda operation: kb.learn(GOOD, operation=operation),
        lambda operation: kb.edit(name, frequency=5, operation=operation),
        lambda operation: kb.forget(gone, operation=operation),
        lambda operation: kb.learn_each(examples, operation=operation),
        lambda operation: kb.put([PatternCopy(GOOD, frequency=3)], operation=operation),
        lambda operation: kb.clear(operation=operation),
    ]
    for number, change in enumerate(changes):
        operation = Operation.repeatable(f"{kb.name} {number}", "request")
        first = change(operation)
        before = without_sessions(engines, kb.name)
        assert change(operation) == first
        assert without_sessions(engines, kb.name) == before
        with pytest.raises(OperationReused):
            change(Operation.repeatable(operation.id, "another"))
        assert without_sessions(engines, kb.name) == before
    operation = Operation.repeatable(f"{kb.name} last", "request")
    memory.forget_knowledge_base(kb.name, operation=operation)
    kb.learn(GOOD)
    memory.forget_knowledge_base(kb.name, operation=operation)
    assert kb.count() == 1


def test_a_repeated_edit_answers_after_the_pattern_is_gone(kb: kato.KnowledgeBase) -> None:
    name = kb.learn(GOOD) or ""
    operation = Operation.repeatable(f"{kb.name} edit", "request")
    first = kb.edit(name, frequency=4, metadata={"k": ["v"]}, operation=operation)
    kb.forget(name)
    assert kb.edit(name, frequency=4, metadata={"k": ["v"]}, operation=operation) == first


def test_each_is_learned_whatever_becomes_of_the_others(kb: kato.KnowledgeBase) -> None:
    bad: Any = [["a", 1]]
    examples = [kato.Example(events) for events in (GOOD, bad, [["a"]], GOOD, [["\ud800"], ["b"]])]
    placed = kb.learn_each([*examples, kato.Example(GOOD, {"joy": math.inf})])
    name = kb.patterns().patterns[0].name
    assert [(each.name, each.new) for each in placed] == [
        (name, True),
        (None, False),
        (None, False),
        (name, False),
        (None, False),
        (None, False),
    ]
    assert [i for i, each in enumerate(placed) if each.error is not None] == [1, 4, 5]
    assert isinstance(placed[4].error, InvalidSymbol)
    assert kb.get(name).frequency == 2


def test_many_are_learned_in_steps(kb: kato.KnowledgeBase) -> None:
    placed = kb.learn_each(kato.Example([["x"], [str(i % 1100)]]) for i in range(1200))
    assert [each.new for each in placed] == [True] * 1100 + [False] * 100
    assert sum(len(page) for page in pages(kb, 300)) == kb.count() == 1100


def test_a_copy_is_added_to_what_is_known(kb: kato.KnowledgeBase) -> None:
    kb.learn(GOOD, emotives={"joy": 1}, metadata={"k": "v"})
    copy = PatternCopy(GOOD, None, 4, [{"joy": 3.0}], {"k": ["w"]})
    assert [each.new for each in kb.put([copy, copy])] == [False, False]
    (pattern,) = kb.patterns().patterns
    assert (pattern.frequency, pattern.metadata) == (9, {"k": ["v", "w"]})
    assert pattern.emotives == [{"joy": 1.0}, {"joy": 3.0}, {"joy": 3.0}]
    assert kb.affinity("a") == {"joy": 7.0}


def test_a_copy_keeps_the_order_its_name_stands_for(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, sort_symbols=False)
    session.observe(["b", "a"])
    name = session.learn()
    (copy,) = copies(kb)
    assert (copy.name, copy.events) == (name, [["b", "a"]])
    kb.clear()
    assert kb.put([copy])[0].name == name
    assert kb.put([PatternCopy(copy.events)])[0].name != name
    wrong = kb.put([PatternCopy(GOOD, name)])[0].error
    assert wrong is not None
    assert "is not the name of these events" in str(wrong)
