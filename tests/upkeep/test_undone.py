"""Verify and rebuild where things were taken back, or what came with a move went and came again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from tests.memory import test_undo_histories as histories

import kato
from kato.upkeep.rebuild_ledger import restore
from kato.upkeep.verify import Progress, verify


class Looked(histories.Histories):
    """Histories that are verified on their way, and whose ledger is lost."""

    def __init__(self, library: histories.Library) -> None:
        super().__init__(library)
        library.memory.knowledge_base("always").learn([["a"], ["b"]])  # else nothing is rebuilt

    @initialize(carried=st.booleans())
    def something_is_there(self, carried: bool) -> None:
        self.learn("ab", 3)
        self.inherit("a", 5)
        if carried:
            self.carry()

    @rule()
    def verify(self) -> None:
        self._verify()

    @precondition(lambda self: self.model.patterns)
    @rule(data=st.data(), replace=st.booleans())
    def verify_while_others_change(self, data: st.DataObject, replace: bool) -> None:
        """The journal is held: what happens meanwhile waits in it."""
        steps = iter(data.draw(st.lists(st.sampled_from(("forget", "undo", "learn")), max_size=6)))

        def meanwhile(what: str, _patterns: int) -> None:
            for step in steps:
                if step == "forget" and self.model.patterns:
                    self.forget(data)
                elif step == "undo":
                    self.undo(replace, held=what == "ledger")
                else:
                    self.learn("cab", 1)

        self._verify(meanwhile)

    @rule()
    def lose_the_ledger(self) -> None:
        """What can be undone is lost with it; what is in the patterns is not."""
        lose_and_rebuild(self.library.memory)
        self.model.stack.clear()
        self._verify()

    def _verify(self, progress: Progress = lambda _what, _patterns: None) -> None:
        if self.model.current is not None:
            assert list(verify(self.library.memory, kb=self.name, progress=progress)) == []


def lose_and_rebuild(memory: kato.Memory) -> None:
    memory.flush()
    memory._engines.connection.command("FLUSHALL")
    restore(memory._engines._clickhouse, memory._engines.connection)


def test_what_was_inherited_comes_back(tmp_path: Path) -> None:
    with histories.Library(tmp_path).memory as memory:
        kb = memory.knowledge_base("moved")
        name = kb.learn([["a"], ["b"]], emotives={"joy": 0.1})
        memory._engines.counters.inherit("moved", {"a": {"joy": 0.2, "fear": 1.0}})
        before = list(kb.symbols())
        assert before[0].affinity == {"joy": pytest.approx(0.3), "fear": 1.0}
        for _ in range(2):
            kb.forget(str(name))
            memory.flush()
            kb.undo()
            assert list(kb.symbols()) == before
            assert list(verify(memory)) == []
            lose_and_rebuild(memory)
            assert list(kb.symbols()) == before
            assert list(verify(memory)) == []


def test_any_history(tmp_path: Path) -> None:
    histories.run(tmp_path, Looked, examples=6, steps=15)


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_any_long_history(tmp_path: Path) -> None:
    histories.run(tmp_path, Looked, examples=200, steps=50)
