"""Any history of learning, forgetting, clearing and undoing, against a plain dictionary."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.storage import stores

import kato
from kato.errors import Conflict, KnowledgeBaseNotFound, NothingToUndo

SEQUENCES = ("ab", "abc", "bc", "cab", "abab")
"""Few, so that they are learned and forgotten again."""


class Incarnation(msgspec.Struct, eq=False):
    """A pattern from its first learn until it is forgotten.

    Attributes:
        sequence: Its symbols.
        place: Which pattern of its knowledge base it was.
        felt: Of each time it was learned, the joy of it.
    """

    sequence: str
    place: int
    felt: list[float]


class Held(msgspec.Struct, eq=False):
    """A number of a knowledge base.

    Attributes:
        patterns: By name.
        ever: How many there ever were.
        inherited: By symbol, the joy that came with a move; gone with its last pattern.
    """

    patterns: dict[str, Incarnation] = {}
    ever: int = 0
    inherited: dict[str, float] = {}

    def take_out(self, name: str) -> Taken:
        """Take a pattern out, and what its symbols inherited that no other has."""
        taken = self.patterns.pop(name)
        left = {symbol for pattern in self.patterns.values() for symbol in pattern.sequence}
        bereft = self.inherited.keys() - left
        return Taken(self, name, taken, {symbol: self.inherited.pop(symbol) for symbol in bereft})


class Taken(msgspec.Struct, eq=False):
    """What was taken away: a number, or one of its patterns."""

    kb: Held
    name: str | None = None
    pattern: Incarnation | None = None
    inherited: dict[str, float] = {}


class Model:
    """A knowledge base with undo, as a dictionary and a stack."""

    def __init__(self) -> None:
        self.current: Held | None = None
        self.stack: list[Taken] = []

    @property
    def patterns(self) -> dict[str, Incarnation]:
        return self.current.patterns if self.current else {}

    def learn(self, name: str, sequence: str, joy: float) -> None:
        self.current = self.current or Held({})
        if name not in self.patterns:
            self.current.ever += 1
            self.patterns[name] = Incarnation(sequence, self.current.ever, [])
        self.patterns[name].felt.append(joy)

    def inherit(self, symbol: str, joy: float) -> None:
        if any(symbol in pattern.sequence for pattern in self.patterns.values()):
            assert self.current is not None
            self.current.inherited[symbol] = self.current.inherited.get(symbol, 0.0) + joy

    def forget(self, name: str) -> None:
        assert self.current is not None
        self.stack.append(self.current.take_out(name))

    def give_up(self, successor: Held | None) -> None:
        if self.current is not None:
            self.stack.append(Taken(self.current))
            self.current = successor

    def undo(self, *, replace: bool, held: bool = False) -> str:
        usable = [i for i, t in enumerate(self.stack) if not t.name or t.kb is self.current]
        if not usable:
            return "nothing"
        taken = self.stack[usable[-1]]
        if held and taken.name:
            return "held"
        in_the_way = taken.name in self.patterns if taken.name else bool(self.patterns)
        if in_the_way and not replace:
            return "occupied"
        del self.stack[usable[-1]]
        if taken.name is None:
            if in_the_way:
                self.give_up(taken.kb)
            self.current = taken.kb
        else:
            self.put_back(taken, in_the_way=in_the_way)
        return "done"

    def put_back(self, taken: Taken, *, in_the_way: bool) -> None:
        assert taken.name is not None
        assert taken.pattern is not None
        if in_the_way:
            self.forget(taken.name)
        self.patterns[taken.name] = taken.pattern
        for symbol, joy in taken.inherited.items():
            taken.kb.inherited[symbol] = taken.kb.inherited.get(symbol, 0.0) + joy


class Histories(RuleBasedStateMachine):
    """Every step is taken on both, and all that can be counted is compared."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library
        self.name = f"kb {next(library.numbers)}"
        self.model = Model()
        self.answers: dict[str, bytes] = {}

    @property
    def kb(self) -> kato.KnowledgeBase:
        return self.library.memory.knowledge_base(self.name)

    @rule(sequence=st.sampled_from(SEQUENCES), joy=st.integers(-8, 8))
    def learn(self, sequence: str, joy: int) -> None:
        felt = joy / 8  # sums of these are exact in whatever order
        name = self.kb.learn([[symbol] for symbol in sequence], emotives={"joy": felt})
        assert name is not None
        self.model.learn(name, sequence, felt)

    @rule(symbol=st.sampled_from("abc"), joy=st.integers(-8, 8))
    def inherit(self, symbol: str, joy: int) -> None:
        counters = self.library.memory._engines.counters
        counters.inherit(self.name, {symbol: {"joy": joy / 8}})
        self.model.inherit(symbol, joy / 8)

    @precondition(lambda self: self.model.patterns)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.patterns)))
        self.kb.forget(name)
        self.model.forget(name)

    @rule()
    def clear(self) -> None:
        self.kb.clear()
        self.model.give_up(Held({}))

    @rule()
    def drop(self) -> None:
        if self.model.current is None:
            with pytest.raises(KnowledgeBaseNotFound):
                self.library.memory.forget_knowledge_base(self.name)
            return
        self.library.memory.forget_knowledge_base(self.name)
        self.model.give_up(None)

    @rule(replace=st.booleans())
    def undo(self, replace: bool, held: bool = False) -> None:
        refused = {"nothing": NothingToUndo, "occupied": Conflict, "held": Conflict}
        outcome = self.model.undo(replace=replace, held=held)
        if outcome == "done":
            self.kb.undo(replace=replace)
        else:
            with pytest.raises(refused[outcome]):
                self.kb.undo(replace=replace)

    @rule()
    def carry(self) -> None:
        self.library.memory.flush()

    @rule()
    def purge(self) -> None:
        self.library.memory._engines.writer._upkeep()

    @rule(really=st.sampled_from((False, False, False, True)))  # it takes most of a second
    def reopen(self, really: bool) -> None:
        if really:
            self.library.reopen()

    @rule()
    def predict(self) -> None:
        """Whenever it holds the very same patterns, it answers the very same."""
        held = [(name, p.place, p.felt) for name, p in sorted(self.model.patterns.items())]
        inherited = sorted(self.model.current.inherited.items()) if self.model.current else []
        asked = [self.kb.predict([["a"]]), self.kb.predict([["b"], ["c"]])]
        assert len(asked[0]) == sum(p.sequence[0] == "a" for p in self.model.patterns.values())
        answer = msgspec.json.encode(asked)
        assert self.answers.setdefault(repr((held, inherited)), answer) == answer

    @invariant()
    def counts_are_those_of_the_model(self) -> None:
        patterns = self.model.patterns
        assert self.library.memory.has_knowledge_base(self.name) == (self.model.current is not None)
        for name, pattern in patterns.items():
            found = self.kb.get(name)
            assert found.frequency == len(pattern.felt)
            assert found.emotives == [{"joy": joy} for joy in pattern.felt[-5:]]
        listed = self.kb.patterns().patterns
        ages = sorted(patterns, key=lambda name: patterns[name].place)
        assert [pattern.name for pattern in listed] == ages
        frequency, members = Counter[str](), Counter[str]()
        joy = dict(self.model.current.inherited) if self.model.current else {}
        for pattern in patterns.values():
            for symbol, times in Counter(pattern.sequence).items():
                frequency[symbol] += times * len(pattern.felt)
                members[symbol] += 1
                joy[symbol] = joy.get(symbol, 0.0) + sum(pattern.felt)
        counted = {
            symbol.name: (
                symbol.frequency,
                symbol.pattern_member_frequency,
                symbol.affinity["joy"],
            )
            for symbol in self.kb.symbols()
        }
        assert counted == {s: (frequency[s], members[s], joy[s]) for s in members}
        stats = self.kb.stats()
        assert (stats.patterns, stats.symbols) == (len(patterns), len(members))
        assert stats.total_symbols == frequency.total()
        assert stats.pattern_frequencies == sum(len(p.felt) for p in patterns.values())


class Library:
    """A memory that holds what is taken away, and can be closed and opened again."""

    def __init__(self, folder: Path) -> None:
        settings = stores.embedded(folder).settings
        held = msgspec.structs.replace(settings, undo_seconds=3600)
        self._backend = stores.Backend("embedded", held)
        self.memory = self._backend.open()
        self.numbers = itertools.count()

    def reopen(self) -> None:
        self.memory.close()
        self.memory = self._backend.open()


def run(folder: Path, machine: type[Histories], examples: int, steps: int) -> None:
    library = Library(folder)
    try:
        run_state_machine_as_test(
            lambda: machine(library),  # type: ignore[arg-type]
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        library.memory.close()


def test_any_history(tmp_path: Path) -> None:
    run(tmp_path, Histories, examples=10, steps=16)


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_any_long_history(tmp_path: Path) -> None:
    run(tmp_path, Histories, examples=300, steps=60)
