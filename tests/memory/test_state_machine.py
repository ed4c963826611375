"""The library and the reference, asked the same in the same order, whatever the order is."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.cases import EMOTIVES, configurations, events, observations
from tests.closeness import assert_as_reference
from tests.memory.changing import edits
from tests.reference import ReferenceMemory, ReferenceSession
from tests.storage import stores
from tests.storage.counted import assert_counters_are

import kato
from kato.errors import PatternNotFound

ROOT = Path(__file__).parents[2]

TABLES = ("patterns", "symbols", "frequencies", "states", "affinities", "tombstones")

records = st.dictionaries(st.sampled_from(EMOTIVES), st.floats(-5, 5), max_size=2)
metadata = st.dictionaries(
    st.sampled_from(("source", "day")), st.integers(0, 3) | st.sampled_from(("x", "")), max_size=2
)
session_changes = st.fixed_dictionaries(
    {
        "max_pattern_length": st.sampled_from((0, 1, 2, 3, 4)),
        "stm_mode": st.sampled_from(("CLEAR", "ROLLING")),
    },
    optional={
        "sort_symbols": st.booleans(),
        "persistence": st.integers(1, 4),
        "recall_threshold": st.sampled_from((0.0, 0.1, 0.6)),
    },
)
# Small vocabularies make patterns meet; an event may hold a symbol twice.
symbols = st.lists(st.sampled_from(("a", "b", "c", "cat", "cart")), max_size=3)


class Library:
    """A memory on embedded stores that can be closed and opened again."""

    def __init__(self, folder: Path) -> None:
        # What is cleared or forgotten is held, as it is by default; it must not show anywhere.
        held = msgspec.structs.replace(stores.embedded(folder).settings, undo_seconds=3600)
        self._backend = stores.Backend("embedded", held)
        self.memory = self._backend.open()
        self.numbers = itertools.count()

    def reopen(self) -> None:
        self.memory.close()
        self.memory = self._backend.open()

    def optimize(self) -> None:
        for table in TABLES:
            self.memory._engines._clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")

    def purge(self) -> None:
        self.memory._engines.writer._upkeep()


class LibraryAndReference(RuleBasedStateMachine):
    """Every step is taken on both; every answer is compared."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library
        self.name = f"kb {next(library.numbers)}"
        self.reference = ReferenceMemory()

    @property
    def kb(self) -> kato.KnowledgeBase:
        return self.library.memory.knowledge_base(self.name)

    @initialize(first=session_changes, second=session_changes)
    def open_sessions(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        self.sessions = [kato.Session(self.kb, **changes) for changes in (first, second)]
        self.references = [ReferenceSession(self.reference, **c) for c in (first, second)]

    @initialize(lessons=st.lists(st.tuples(events(), records), min_size=2, max_size=8))
    def begin(self, lessons: list[tuple[Any, dict[str, float]]]) -> None:
        for sequence, emotives in lessons:
            self.learn(sequence, emotives, {})

    @rule(sequence=events(), emotives=records, data=metadata)
    def learn(self, sequence: list[Any], emotives: dict[str, float], data: dict[str, Any]) -> None:
        name = self.kb.learn(sequence, emotives=emotives, metadata=data)
        assert (name or "") == self.reference.learn(sequence, emotives, data)

    @precondition(lambda self: self.reference.patterns)
    @rule(data=st.data(), emotives=records)
    def relearn(self, data: st.DataObject, emotives: dict[str, float]) -> None:
        pattern = data.draw(st.sampled_from(list(self.reference.patterns.values())))
        name = self.kb.learn(pattern["events"], emotives=emotives)
        # A session may have kept its events unsorted; a learn without a session sorts them.
        assert name == self.reference.learn(pattern["events"], emotives)

    @rule(lessons=st.lists(st.tuples(events(), records, metadata), max_size=6))
    def learn_many(self, lessons: list[tuple[Any, Any, Any]]) -> None:
        before = len(self.reference.patterns)
        report = self.kb.learn_many([kato.Example(*lesson) for lesson in lessons])
        learned = [name for lesson in lessons if (name := self.reference.learn(*lesson))]
        new = len(self.reference.patterns) - before
        assert msgspec.structs.astuple(report) == (
            len(lessons),
            new,
            len(learned) - new,
            len(lessons) - len(learned),
        )

    @rule(
        which=st.integers(0, 1),
        observations=st.lists(
            st.tuples(symbols, st.none() | records, st.none() | metadata), min_size=1, max_size=5
        ),
    )
    def observe(self, which: int, observations: list[tuple[Any, Any, Any]]) -> None:
        for strings, emotives, data in observations:
            observed = self.sessions[which].observe(strings, emotives=emotives, metadata=data)
            session = self.references[which]
            assert observed.auto_learned_pattern == session.observe(strings, emotives, data)
            assert (observed.stm_length, observed.time) == (len(session.stm), session.time)

    @rule(which=st.integers(0, 1))
    def session_learn(self, which: int) -> None:
        assert (self.sessions[which].learn() or "") == self.references[which].learn()

    @rule(which=st.integers(0, 1), changes=session_changes)
    def configure(self, which: int, changes: dict[str, Any]) -> None:
        self.sessions[which].configure(**changes)
        self.references[which].config.update(changes)

    @rule(which=st.integers(0, 1))
    def clear_session(self, which: int) -> None:
        self.sessions[which].clear()
        self.references[which].clear_stm()

    @rule(which=st.integers(0, 1), config=configurations())
    def session_predict(self, which: int, config: dict[str, Any]) -> None:
        session = self.references[which]
        answer = self.sessions[which].predict(**config)
        self.compare(answer, session.stm, {**session.config, **config, "sort_symbols": False})

    @rule(observed=observations(), config=configurations())
    def predict(self, observed: list[list[str]], config: dict[str, Any]) -> None:
        self.compare(self.kb.predict(observed, **config), observed, config)

    def compare(
        self, answer: kato.Predictions, observed: list[list[str]], config: dict[str, Any]
    ) -> None:
        built_in = msgspec.to_builtins((answer.predictions, answer.future_potentials))
        assert_as_reference(built_in, self.reference, observed, **config)

    @precondition(lambda self: self.reference.patterns)
    @rule(data=st.data(), prefix=st.sampled_from(("", "PTRN|")))
    def forget(self, data: st.DataObject, prefix: str) -> None:
        name = data.draw(st.sampled_from(list(self.reference.patterns)))
        self.kb.forget(prefix + name)
        assert self.reference.forget(name)
        for ask in (self.kb.get, self.kb.forget):
            with pytest.raises(PatternNotFound):
                ask(name)

    @precondition(lambda self: self.reference.patterns)
    @rule(data=st.data(), changes=edits)
    def edit(self, data: st.DataObject, changes: dict[str, Any]) -> None:
        name = data.draw(st.sampled_from(list(self.reference.patterns)))
        self.reference.edit(name, **changes)
        edited = self.kb.edit(name, **changes)
        assert msgspec.structs.asdict(edited) == self.reference.get(name)

    @precondition(lambda self: len(self.reference.patterns) > 6)
    @rule()
    def clear(self) -> None:
        self.kb.clear()
        self.reference.clear()
        # Sessions go on: they know the knowledge base by name.

    @rule()
    def flush(self) -> None:
        self.library.memory.flush()

    @rule()
    def optimize(self) -> None:
        self.library.optimize()

    @rule()
    def purge(self) -> None:
        self.library.purge()

    @precondition(lambda self: len(self.reference.patterns) > 3)
    @rule(really=st.sampled_from((False, False, True)))  # it takes most of a second
    def reopen(self, really: bool) -> None:
        if not really:
            return
        self.library.reopen()
        self.sessions = [kato.Session(self.kb, session.id) for session in self.sessions]

    @rule()
    def count(self) -> None:
        assert_counters_are(self.kb, self.reference)

    @invariant()
    def sessions_are_the_same(self) -> None:
        for session, reference in zip(
            getattr(self, "sessions", ()), getattr(self, "references", ()), strict=True
        ):
            assert (session.events, session.time) == (reference.stm, reference.time)

    def teardown(self) -> None:
        assert_counters_are(self.kb, self.reference)
        for session in getattr(self, "sessions", ()):
            session.delete()


def run(folder: Path, examples: int, steps: int) -> None:
    library = Library(folder)
    try:
        run_state_machine_as_test(
            lambda: LibraryAndReference(library),  # type: ignore[arg-type]
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        library.memory.close()


def test_the_library_does_what_the_reference_does(tmp_path: Path) -> None:
    run(tmp_path, examples=20, steps=25)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(6))
def test_the_library_does_what_the_reference_does_for_long(tmp_path: Path, part: int) -> None:
    # In processes of their own: chDB keeps files open at every start, and a part starts it often.
    call = f"run(Path({str(tmp_path)!r}), examples=250, steps=60)"
    code = f"from tests.memory.test_state_machine import Path, run; {call}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"part {part}: {done.stdout[-5000:]} {done.stderr[-5000:]}"
