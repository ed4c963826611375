"""``kill -9`` at random moments: what was answered is there, and nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.crash.learner import BATCH, KB, example
from tests.reference import ReferenceMemory
from tests.storage.counted import assert_counters_are

import kato
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.upkeep.verify import verify

ROOT = Path(__file__).parents[2]
VICTIMS = ("process", "valkey", "both")


class Learner:
    """The process that is killed, and the last number it was told is durable."""

    def __init__(self, data: Path, seed: int, first: int) -> None:
        command = [sys.executable, "-m", "tests.crash.learner", str(data), str(seed), str(first)]
        self.data, self.learned, self.failed = data, first, ""
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def kill(self, victim: str, seconds: float) -> None:
        """Let it learn for a while, kill it or its Valkey, and read what it had said."""
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        assert first, "the learner ended before it had learned; its standard error says why"
        self._note(first)
        time.sleep(seconds)
        self._kill(victim)

    def kill_at_start(self, seconds: float) -> None:
        """Kill it so long after it was started, whatever it is at."""
        time.sleep(seconds)
        self._kill("process")

    def _kill(self, victim: str) -> None:
        assert self._process.stdout is not None
        if victim != "process":
            os.kill(valkey_pid(self.data), signal.SIGKILL)
        if victim != "valkey":
            self._process.kill()
        for line in self._process.stdout:
            self._note(line)
        self._process.stdout.close()
        self._process.wait(timeout=60)

    def _note(self, line: str) -> None:
        # The last line of a killed process may be cut off.
        word, _, rest = line.partition(" ")
        if word == "learned" and rest.endswith("\n"):
            self.learned = int(rest)
        elif word == "failed":
            self.failed = rest.strip()


def valkey_pid(data: Path) -> int:
    return int((data / "ledger" / "valkey.pid").read_text())


def recount(seed: int, sequences: int) -> ReferenceMemory:
    """What there is to be counted after so many sequences."""
    reference = ReferenceMemory()
    for number in range(sequences):
        learned = example(seed, number)
        reference.learn(learned.events, learned.emotives, learned.metadata)
    return reference


def check(memory: kato.Memory, seed: int, at_least: int) -> int:
    """Hold everything against a recount; answers how many sequences are learned."""
    kb = memory.knowledge_base(KB)
    learned = kb.stats().pattern_frequencies
    # What was on its way when the process died may have arrived: a call, and the lesson after it.
    assert at_least <= learned <= at_least + BATCH
    reference = recount(seed, learned)
    assert_counters_are(kb, reference)
    memory.flush()
    known = reference.patterns.items()
    assert stored(memory, FREQUENCIES) == {name: p["frequency"] for name, p in known}
    assert stored(memory, STATES) == {
        name: (p["emotives"], p["metadata"]) for name, p in known if p["emotives"] or p["metadata"]
    }
    assert set(stored(memory, SYMBOLS)) == set(reference.members)
    return learned


FREQUENCIES = """
SELECT lower(hex(p.name)), if(f.frequency = 0, 1, f.frequency) FROM patterns AS p
LEFT JOIN (SELECT * FROM frequencies FINAL) AS f ON p.kb = f.kb AND p.id = f.id
"""
STATES = """
SELECT lower(hex(p.name)), (s.emotives, s.metadata) FROM patterns AS p
JOIN (SELECT * FROM states FINAL) AS s ON p.kb = s.kb AND p.id = s.id
"""
SYMBOLS = "SELECT text, id FROM symbols"


def stored(memory: kato.Memory, query: str) -> dict[str, Any]:
    """What ClickHouse has, a row for each name."""
    rows = memory._engines.tables._clickhouse.rows(query)
    found = dict(rows)
    assert len(found) == len(rows)
    return found


def crash(data: Path, seed: int, victims: list[str]) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    learned = 0
    for victim in victims:
        learner = Learner(data, seed, learned)
        learner.kill(victim, rng.random() * 0.6)
        assert (learner.failed != "") == (victim == "valkey")
        with kato.open(data) as memory:
            learned = check(memory, seed, learner.learned)
            assert list(verify(memory)) == []


@pytest.fixture
def seed() -> int:
    """A seed of its own for every run: `crash` prints it when a test fails."""
    return random.randrange(1 << 30)


def test_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    crash(tmp_path / "data", seed, [*VICTIMS, "process"])


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_again_and_again(tmp_path: Path, seed: int) -> None:
    crash(tmp_path / "data", seed, [*VICTIMS, "process"] * 3)


def crash_at_start(folder: Path, seed: int, times: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    for attempt in range(times):
        # Stores are made, migrated and first written to within this time.
        data = folder / str(attempt)
        learner = Learner(data, seed, 0)
        learner.kill_at_start(rng.uniform(0.7, 1.6))
        with kato.open(data) as memory:
            check(memory, seed, learner.learned)
            assert list(verify(memory)) == []


def test_a_start_that_is_killed_leaves_what_can_be_opened(tmp_path: Path, seed: int) -> None:
    crash_at_start(tmp_path, seed, 3)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(3))
def test_many_starts_that_are_killed(tmp_path: Path, seed: int) -> None:
    crash_at_start(tmp_path, seed, 20)


def test_the_valkey_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    learner = Learner(data, 1, 0)
    learner.kill("process", 0.1)
    left = valkey_pid(data)
    with kato.open(data):
        assert EmbeddedValkey(data / "ledger").pid == left
    assert not (data / "ledger" / "valkey.pid").exists()
