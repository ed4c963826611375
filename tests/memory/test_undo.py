"""Undo: what was taken away comes back just as it was, and what was learned since is not lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from tests.storage.stores import Backend
from tests.storage.tables import rows_of

import kato
from kato.errors import Conflict, KnowledgeBaseNotFound, NothingToUndo, OperationReused
from kato.memory import Undoable
from kato.storage.ledger.operations import Operation

pytestmark = pytest.mark.servers_deep

ABC, AD = [["a"], ["b"], ["c"]], [["a"], ["d"]]
HOUR = 3600


@pytest.fixture(scope="module")
def backend(backend: Backend) -> Backend:
    """Stores whose memory holds what is taken away."""
    return held_for(backend, HOUR)


@pytest.fixture(autouse=True)
def _let_go(memory: kato.Memory) -> Iterator[None]:
    """Other tests on the same servers delete what is void."""
    yield
    memory.flush()
    memory._engines.undo.settle(0)


def held_for(backend: Backend, seconds: int) -> Backend:
    return Backend(backend.name, msgspec.structs.replace(backend.settings, undo_seconds=seconds))


def learned(kb: kato.KnowledgeBase) -> str:
    """Two patterns, one learned twice and felt; answers its name."""
    kb.learn(AD, emotives={"joy": 1.0}, metadata={"day": 1})  # 1.8 - 0.8 + 0.8 is not 1.8 again
    kb.learn(ABC, emotives={"joy": 0.1}, metadata={"day": 2})
    name = kb.learn(ABC, emotives={"joy": 0.7, "fear": -0.1})
    assert name is not None
    return name


def everything(kb: kato.KnowledgeBase) -> Any:
    """All that can be asked; equal only to the last bit."""
    asked = [kb.predict(o, affinity_emotive=e) for o in ([["a"]], ABC) for e in (None, "joy")]
    pages = [kb.patterns(), kb.patterns(symbol="b"), kb.patterns(metadata={"day": 2})]
    return msgspec.json.encode([kb.stats(), list(kb.symbols()), pages, asked])


def purge(memory: kato.Memory) -> None:
    """Let ClickHouse delete what it may."""
    memory.flush()
    for _ in range(2):  # a tombstone goes one purge later
        memory._engines.writer._upkeep()


CHANGES: dict[str, Callable[[kato.Memory, kato.KnowledgeBase, str], None]] = {
    "clear": lambda _memory, kb, _name: kb.clear(),
    "forget": lambda _memory, kb, name: kb.forget(name),
    "drop": lambda memory, kb, _name: memory.forget_knowledge_base(kb.name),
}


@pytest.mark.parametrize("carried", ["before", "between", "after", "all the time"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_taken_away_is_given_back_as_it_was(
    change: str, carried: str, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    name = learned(kb)
    before = everything(kb)
    number = memory._engines.counters.number(kb.name)
    if carried in ("before", "all the time"):
        purge(memory)
    CHANGES[change](memory, kb, name)
    assert everything(kb) != before
    if carried in ("between", "all the time"):
        purge(memory)
    assert kb.undo().kind == change
    if carried == "all the time":
        assert everything(kb) == before
    if carried != "before":
        purge(memory)
    assert everything(kb) == before
    assert memory._engines.counters.number(kb.name) == number
    with pytest.raises(NothingToUndo, match="KATO_UNDO_SECONDS"):
        kb.undo()


def test_the_tables_say_the_same(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    """What ClickHouse has is enough to make the ledger anew."""
    name, engines = learned(kb), memory._engines
    memory.flush()
    number = engines.counters.number(kb.name) or 0
    tables = ("patterns", "symbols", "frequencies", "states")
    before = {table: rows_of(engines, table, number) for table in tables}
    sums = {row[1]: row[3] for row in rows_of(engines, "affinities", number)}
    for change in CHANGES.values():
        change(memory, kb, name)
        purge(memory)
        kb.undo()
        purge(memory)
    assert {table: rows_of(engines, table, number) for table in tables} == before
    assert {row[1]: row[3] for row in rows_of(engines, "affinities", number)} == sums
    (row,) = rows_of(engines, "knowledge_bases", number)
    assert (row[2], row[3]) == (kb.name, 0)
    assert [row[3] for row in rows_of(engines, "tombstones", number)] in ([], [1])


def test_the_last_change_comes_first(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    name = learned(kb)
    states = [everything(kb)]
    for change in ("forget", "clear"):
        CHANGES[change](memory, kb, name)
        states.append(everything(kb))
    assert [change.kind for change in kb.undoable()] == ["clear"]  # the other once this is undone
    for state in reversed(states[:-1]):
        kb.undo()
        assert everything(kb) == state
    assert kb.undoable() == []


def test_what_can_be_undone_is_listed(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    name, began = learned(kb), time.time()
    kb.forget(name)
    (change,) = kb.undoable()
    assert change in memory.undoable()
    assert change == Undoable("forget", kb.name, name, 1, change.at, change.until)
    assert began - 1 < change.at < time.time() + 1
    assert change.until == pytest.approx(change.at + HOUR)
    memory.forget_knowledge_base(kb.name)
    change, *rest = kb.undoable()
    assert (change.kind, change.patterns, change.pattern, rest) == ("drop", 1, None, [])


@pytest.mark.parametrize("change", ["clear", "drop"])
def test_what_was_learned_since_is_not_lost(
    change: str, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    name = learned(kb)
    before = everything(kb)
    CHANGES[change](memory, kb, name)
    kb.learn([["new"], ["things"]])
    since = everything(kb)
    with pytest.raises(Conflict, match=r"holds 1 patterns .* undo with replace"):
        kb.undo()
    assert everything(kb) == since
    assert kb.undo(replace=True).kind == change
    assert everything(kb) == before
    purge(memory)
    assert kb.undo(replace=True).kind == "replace"
    assert everything(kb) == since
    purge(memory)
    assert kb.undo(replace=True).kind == "replace"
    assert everything(kb) == before


def test_a_pattern_learned_anew_is_not_lost(kb: kato.KnowledgeBase) -> None:
    name = learned(kb)
    before = everything(kb)
    kb.forget(name)
    kb.learn(ABC)
    since = everything(kb)
    with pytest.raises(Conflict, match=f"{name} was learned anew"):
        kb.undo()
    assert everything(kb) == since
    assert kb.undo(replace=True).pattern == name
    assert kb.get(name).frequency == 2
    assert everything(kb) == before
    assert kb.undo(replace=True).pattern == name
    assert everything(kb) == since


def test_what_was_learned_beside_it_stays(kb: kato.KnowledgeBase) -> None:
    name = learned(kb)
    kb.forget(name)
    kb.learn([["b"], ["e"]], emotives={"joy": 0.25})
    kb.undo()
    symbols = {symbol.name: symbol for symbol in kb.symbols()}
    assert (symbols["b"].frequency, symbols["b"].pattern_member_frequency) == (3, 2)
    assert symbols["b"].affinity == pytest.approx({"joy": 1.05, "fear": -0.1}, rel=1e-12)
    assert kb.stats().patterns == 3


def test_an_undo_that_is_sent_again_is_done_once(kb: kato.KnowledgeBase) -> None:
    name = learned(kb)
    kb.forget(name)
    kb.clear()
    operation = Operation.repeatable("undo " + kb.name, "once")
    first = kb.undo(operation=operation)
    assert (first.kind, kb.undo(operation=operation)) == ("clear", first)
    assert kb.stats().patterns == 1
    with pytest.raises(OperationReused):
        kb.undo(operation=Operation.repeatable("undo " + kb.name, "another"))


def test_a_session_goes_on_with_what_was_given_back(kb: kato.KnowledgeBase) -> None:
    learned(kb)
    session = kato.Session(kb)
    session.observe(["a"])
    before = session.predict()
    session.clear_all()
    assert kb.undo().kind == "clear"
    session.observe(["a"])
    assert session.predict() == before


def test_only_so_many_changes_are_held(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    names = [kb.learn([["x"], [str(i)]]) or "" for i in range(5)]
    for name in names:
        kb.forget(name)
    memory._engines.undo.settle(2)
    assert [change.pattern for change in memory.undoable()] == [names[4], names[3]]


def test_nothing_is_made_of_a_name_that_never_was(memory: kato.Memory, kb_name: str) -> None:
    with pytest.raises(NothingToUndo):
        memory.undo(kb_name)
    with pytest.raises(KnowledgeBaseNotFound):
        memory.forget_knowledge_base(kb_name)
    assert kb_name not in memory.knowledge_bases()
