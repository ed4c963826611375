"""The ledger, made again from ClickHouse: everything is as it was before it was lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.changing import fresh, steps, take
from tests.reference import ReferenceMemory
from tests.storage import stores
from tests.upkeep.contents import contents

import kato
from kato.errors import StoreRebuilding
from kato.memory.engines import Engines
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.ledger.connection import SHARD
from kato.storage.ledger.journal import Entry, State
from kato.storage.ledger.rebuilding import LedgerRebuild
from kato.upkeep import rebuild_ledger as module
from kato.upkeep.rebuild_ledger import restore
from kato.upkeep.verify import verify

BASES = 3
changes = st.one_of(
    st.tuples(st.integers(0, BASES - 1), steps),
    st.tuples(st.integers(0, BASES - 1), st.sampled_from([("clear",), ("remove",), ("purge",)])),
)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Stores of this module alone: their ledger is lost again and again."""
    with stores.embedded(tmp_path_factory.mktemp("rebuilt")).open() as memory:
        memory.knowledge_base("always").learn([["a"], ["b"]])
        yield memory


def lose(engines: Engines) -> None:
    """Lose the ledger."""
    engines.connection.command("FLUSHALL")


def rebuild(engines: Engines) -> None:
    restore(engines._clickhouse, engines.connection)


class History:
    """Knowledge bases, and the references that took the same."""

    def __init__(self, memory: kato.Memory) -> None:
        self.memory = memory
        self.bases = [fresh(memory) for _ in range(BASES)]
        self.references = [ReferenceMemory() for _ in range(BASES)]

    def take(self, place: int, step: Any) -> None:
        kb, kind = self.bases[place], step[0]
        if kind == "clear":
            kb.clear()
        elif kind == "remove" and self.memory.has_knowledge_base(kb.name):
            self.memory.forget_knowledge_base(kb.name)
        elif kind == "purge":
            self.memory.flush()
            engines = self.memory._engines
            PatternSink(engines._clickhouse).purge(engines.journal.done_until())
        elif kind == "flush":
            self.memory.flush()
        elif kind != "remove":
            take(kb, self.references[place], step)
            return
        if kind in ("clear", "remove"):
            self.references[place] = ReferenceMemory()

    def answers(self) -> list[bytes]:
        """Predictions and statistics, byte by byte."""
        answers: list[Any] = []
        for kb, reference in zip(self.bases, self.references, strict=True):
            if self.memory.has_knowledge_base(kb.name):
                answers += [kb.stats(), *kb.symbols(), *map(kb.get, reference.patterns)]
            for pattern in list(reference.patterns.values())[:5]:
                answers.append(kb.predict(pattern["events"]))
        return list(map(msgspec.json.encode, answers))


@settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(changes, min_size=5, max_size=30))
def test_everything_is_as_before(memory: kato.Memory, history: list[Any]) -> None:
    assert_everything_is_as_before(memory, history)


@pytest.mark.deep
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(changes, min_size=5, max_size=60))
def test_everything_is_as_before_many_times(memory: kato.Memory, history: list[Any]) -> None:
    assert_everything_is_as_before(memory, history)


def assert_everything_is_as_before(memory: kato.Memory, history: list[Any]) -> None:
    engines, told = memory._engines, History(memory)
    for place, step in history:
        told.take(place, step)
    memory.flush()
    before, answers = contents(engines), told.answers()
    lose(engines)
    rebuild(engines)
    assert contents(engines) == before
    assert told.answers() == answers
    assert list(verify(memory)) == []
    for place, (_, step) in enumerate(history[:BASES]):
        told.take(place, step)  # and it goes on from there
    assert list(verify(memory)) == []
    for kb in told.bases:
        if memory.has_knowledge_base(kb.name):
            memory.forget_knowledge_base(kb.name)


def test_ids_are_not_given_again_when_their_rows_are_deleted(memory: kato.Memory) -> None:
    kb, engines = fresh(memory), memory._engines
    names = [kb.learn([["a"], [str(number)]]) or "" for number in range(5)]
    for name in names[2:]:
        kb.forget(name)
    memory.flush()
    for _ in range(2):
        PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    before = contents(engines)
    lose(engines)
    rebuild(engines)
    assert contents(engines) == before
    kb.learn([["x"], ["y"]])
    assert contents(engines)["held"][kb.name]["totals"]["next_pattern"] == 6


def test_a_batch_that_was_cut_off_is_left_out(memory: kato.Memory) -> None:
    """Its rows are in all tables but that of the patterns, which is filled last."""
    kb, engines = fresh(memory), memory._engines
    kb.learn([["a"], ["b"]], emotives={"joy": 1})
    memory.flush()
    number, before = memory.numbers()[kb.name], contents(engines)
    half = Entry(
        sequence=engines.journal.done_until() + 1,
        kind="learn",
        kb=number,
        frequencies={2: 7},
        states={2: State([{"joy": 4.0}], {"day": ["1"]}, {"joy": 4.0})},
        affinities={1: {"joy": 5.0}},
        forgotten=3,
    )
    PatternSink(engines._clickhouse).insert([half], "half a batch")
    lose(engines)
    rebuild(engines)
    assert contents(engines) == before
    name = kb.learn([["a"], ["c"]]) or ""
    memory.flush()
    assert kb.get(name).frequency == 1
    assert kb.get(name).emotives == []
    assert kb.count() == 2
    assert list(verify(memory)) == []


def test_changes_are_refused_meanwhile(
    memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, engines = fresh(memory), fresh(memory), memory._engines
    for kb in (first, second):
        kb.learn([["a"], ["b"]])
    memory.flush()
    name = str(first.learn([["a"], ["b"]]))
    memory.flush()
    lose(engines)
    steps_taken = cut_off(engines, monkeypatch, after=first.name)
    assert steps_taken
    refused = [
        lambda: first.learn([["c"], ["d"]]),
        lambda: first.forget(name),
        lambda: first.edit(name, frequency=3),
        first.clear,
        lambda: kato.Session(first).observe(["a"]),
        lambda: second.predict([["a"]]),
        lambda: second.get(name),
        second.stats,
    ]
    for ask in refused:
        with pytest.raises(StoreRebuilding, match="wait for kato rebuild ledger"):
            ask()
    assert first.predict([["a"]])[0].future == [["b"]]
    assert first.get(name).frequency == 2
    engines.connection.command("DEL", f"{SHARD}:rebuilder")
    rebuild(engines)
    assert second.get(name).frequency == 1
    first.learn([["c"], ["d"]])
    assert list(verify(memory)) == []


def cut_off(engines: Engines, monkeypatch: pytest.MonkeyPatch, *, after: str) -> int:
    """Rebuild up to a knowledge base, that one too."""
    taken = 0
    whole = module._KnowledgeBase.restore

    def restore_some(self: Any, name: str, tally: Any) -> None:
        nonlocal taken
        whole(self, name, tally)
        taken += 1
        if name == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._KnowledgeBase, "restore", restore_some)
        with pytest.raises(KeyboardInterrupt):
            rebuild(engines)
    return taken


def test_one_process_rebuilds_at_a_time(memory: kato.Memory) -> None:
    kb, engines = fresh(memory), memory._engines
    kb.learn([["a"], ["b"]])
    memory.flush()
    lose(engines)
    one, other = (LedgerRebuild(engines.connection) for _ in range(2))
    one.begin()
    with pytest.raises(kato.KatoError, match="another process rebuilds the ledger"):
        other.begin()
    engines.connection.command("DEL", f"{SHARD}:rebuilder")  # it was silent for too long
    other.begin()
    with pytest.raises(kato.KatoError, match="another process rebuilds the ledger"):
        one.end("store", 1, 1)
    engines.connection.command("DEL", f"{SHARD}:rebuilder")
    rebuild(engines)
    assert kb.count() == 1
