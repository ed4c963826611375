"""Moves that end in the middle: taken up again, everything is there once."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.upkeep.migration.given import assert_is_there
from tests.upkeep.migration.old import Old
from tests.upkeep.migration.stores import dump_keys, dump_table

import kato
from kato.errors import Conflict
from kato.memory import PatternCopy
from kato.storage.ledger.connection import Connection
from kato.upkeep.migration import moving, stage
from kato.upkeep.migration.moving import Mover
from kato.upkeep.migration.stage import Stage
from kato.upkeep.migration.verifying import Verifier

ROOT = Path(__file__).parents[3]
OLD = Old(90)


class Died(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


@pytest.fixture
def staged(tmp_path: Path, kb_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """What is to be moved, in small steps."""
    monkeypatch.setattr(moving, "LESSON_PATTERNS", 20)
    monkeypatch.setattr(stage, "_SYMBOLS_AT_ONCE", 30)
    made = stage_of(tmp_path / "stage.db", OLD, kb_name)
    yield made
    made.close()


def stage_of(file: Path, old: Old, prefix: str) -> Stage:
    """The stage as the model says it should be."""
    made = Stage(file)
    for kb, patterns in old.patterns.items():
        for age, (name, pattern) in enumerate(patterns.items()):
            carried = {part: pattern[part] for part in ("frequency", "emotives", "metadata")}
            copy = PatternCopy(pattern["events"], name, **carried, affinity={})
            made.add(prefix + kb, "", age, copy)
    made.seal()
    for kb, symbols in old.affinity.items():
        for symbol, sums in symbols.items():
            made.add_affinity(prefix + kb, symbol, sums)
    return made


def moved(memory: kato.Memory, staged: Stage) -> None:
    """Move everything, as one run does."""
    mover = Mover(memory, staged)
    for name in staged.knowledge_bases():
        move = mover.begun(name)
        if not move.is_done:
            mover.done(name, mover.take(name, move, lambda _: None))


def dying(monkeypatch: pytest.MonkeyPatch, last: int, *, before: bool) -> None:
    """Let the process die with a call of the ledger."""
    calls = count(1)
    for name in ("run", "command"):
        asked = getattr(Connection, name)

        def mortal(connection: Any, *arguments: Any, asked: Any = asked) -> Any:
            dies = next(calls) == last
            if dies and before:
                raise Died
            answer = asked(connection, *arguments)
            if dies:
                raise Died
            return answer

        monkeypatch.setattr(Connection, name, mortal)


@pytest.mark.servers_deep
@pytest.mark.parametrize(
    ("before", "stride"),
    [
        (True, 5),
        pytest.param(False, 3, marks=pytest.mark.deep),
        *(pytest.param(w, 1, marks=pytest.mark.deep) for w in (True, False)),
    ],
)
def test_wherever_it_ends_everything_is_there_once(
    memory: kato.Memory, kb_name: str, staged: Stage, before: bool, stride: int
) -> None:
    for last in count(1, stride):
        for kb in OLD.patterns:
            memory.knowledge_base(kb_name + kb).clear()
        try:
            with pytest.MonkeyPatch.context() as patch:
                dying(patch, last, before=before)
                moved(memory, staged)
        except Died:
            pass
        else:
            assert last > 30
            return
        moved(memory, staged)
        assert_is_there(memory, OLD, kb_name)


def test_twice_is_once(memory: kato.Memory, kb_name: str, staged: Stage) -> None:
    moved(memory, staged)
    before = memory._engines.journal.waiting()
    moved(memory, staged)
    assert memory._engines.journal.waiting() == before
    assert_is_there(memory, OLD, kb_name)


def test_a_source_that_changed_is_refused(
    memory: kato.Memory, kb_name: str, staged: Stage, tmp_path: Path
) -> None:
    moved(memory, staged)
    other = stage_of(tmp_path / "other.db", Old(93), kb_name)
    with pytest.raises(Conflict, match="clear"):
        moved(memory, other)
    assert_is_there(memory, OLD, kb_name)
    for kb in OLD.patterns:
        memory.knowledge_base(kb_name + kb).clear()
    moved(memory, other)
    assert_is_there(memory, Old(93), kb_name)
    other.close()


def test_it_adds_to_what_was_there(memory: kato.Memory, kb_name: str, staged: Stage) -> None:
    kb = memory.knowledge_base(kb_name + "bob")
    known = next(iter(OLD.patterns["bob"].values()))
    kb.learn(known["events"])
    kb.learn([["of its"], ["own"]])
    moved(memory, staged)
    assert kb.stats().patterns == len(OLD.patterns["bob"]) + 1
    assert list(Verifier(kb, staged, is_alone=False).differences()) == []
    told = {reason for _, reason in Verifier(kb, staged, is_alone=True).differences()}
    assert {"frequencies differ", "a pattern that was not moved in"} <= told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("forget", "the pattern is not there"),
        ("frequency", "frequencies differ"),
        ("emotives", "emotives differ"),
        ("metadata", "metadata differ"),
        ("affinity", "affinity of the symbol differs"),
    ],
)
def test_what_is_stored_otherwise_is_found(
    memory: kato.Memory, kb_name: str, staged: Stage, change: str, told: str
) -> None:
    moved(memory, staged)
    kb = memory.knowledge_base(kb_name + "bob")
    assert list(Verifier(kb, staged, is_alone=True).differences()) == []
    name = next(name for name, each in OLD.patterns["bob"].items() if each["emotives"])
    if change == "forget":
        kb.forget(name)
    elif change == "frequency":
        kb.edit(name, frequency=77)
    elif change == "emotives":
        kb.edit(name, emotives=[])
    elif change == "metadata":
        kb.edit(name, metadata={"other": ["1"]})
    else:
        kb.inherit_affinity({kb.get(name).events[0][0]: {"joy": 1}})
    assert told in {reason for _, reason in Verifier(kb, staged, is_alone=True).differences()}


class Dumps:
    """An installation as dumps, and a process that moves it into a folder."""

    def __init__(self, folder: Path, old: Old) -> None:
        self.data, self.old = folder / "data", old
        self._dumps = [str(dump_table(folder, ".parquet", old, "")), str(dump_keys(folder, old))]
        self._environment = {**os.environ, "KATO_CACHE_DIR": str(folder / "cache")}

    def begin(self, *death: object) -> subprocess.Popen[bytes]:
        """Begin to migrate, perhaps to die."""
        command = [sys.executable, "-m", "tests.upkeep.migration.migrant", str(self.data)]
        command += [*self._dumps, *map(str, death)]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL)

    def check(self) -> None:
        """Hold everything against the model."""
        with kato.open(self.data) as memory:
            assert_is_there(memory, self.old, "")


@pytest.mark.deep
def test_a_killed_process_is_taken_up(tmp_path: Path) -> None:
    dumps = Dumps(tmp_path, Old(1000))
    assert dumps.begin(2, "after").wait(60) == -signal.SIGKILL
    assert dumps.begin().wait(60) == 0
    dumps.check()


@pytest.mark.deep
@pytest.mark.timeout(3000)
def test_killed_again_and_again(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    dumps = Dumps(tmp_path, Old(10_000))
    began = time.monotonic()
    assert dumps.begin().wait(600) == 0
    whole = time.monotonic() - began
    dumps.check()
    for attempt in range(5):
        dumps.data = tmp_path / str(attempt)
        for _ in range(3):
            process = dumps.begin()
            time.sleep(rng.uniform(0, whole))
            process.kill()
            assert process.wait() in (0, -signal.SIGKILL)
        assert dumps.begin().wait(600) == 0
        dumps.check()


@pytest.mark.deep
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_in_minutes(tmp_path: Path) -> None:
    dumps = Dumps(tmp_path, Old(100_000))
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert dumps.begin().wait(2000) == 0
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.ru_utime - began.ru_utime < 300  # of a processor: others may want it, too
    dumps.check()
