"""``kill -9`` at random moments: what was answered is there, and nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.crash.learner import BATCH, KB, sequence

import kato
from kato.model.naming import pattern_name
from kato.storage.embedded.valkey import EmbeddedValkey

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
        self._note(self._process.stdout.readline())
        time.sleep(seconds)
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


def recount(seed: int, sequences: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Frequencies of patterns and symbols, and patterns by symbol, from the sequences."""
    frequencies: Counter[str] = Counter()
    occurrences: Counter[str] = Counter()
    members: Counter[str] = Counter()
    for number in range(sequences):
        events = sequence(seed, number)
        name = pattern_name(events)
        symbols = [symbol for event in events for symbol in event]
        occurrences.update(symbols)
        if name not in frequencies:
            members.update(set(symbols))
        frequencies[name] += 1
    return frequencies, occurrences, members


def check(memory: kato.Memory, seed: int, at_least: int) -> int:
    """Hold everything against a recount; answers how many sequences are learned."""
    kb = memory.knowledge_base(KB)
    learned = kb.stats().pattern_frequencies
    # What was on its way when the process died may have arrived: a call, and the lesson after it.
    assert at_least <= learned <= at_least + BATCH
    frequencies, occurrences, members = recount(seed, learned)
    counted = {s.name: (s.frequency, s.pattern_member_frequency) for s in kb.symbols()}
    assert counted == {name: (occurrences[name], members[name]) for name in occurrences}
    assert kb.stats().patterns == len(frequencies)
    memory.flush()
    assert stored_frequencies(memory) == frequencies
    return learned


def stored_frequencies(memory: kato.Memory) -> dict[str, int]:
    """Frequencies by name as ClickHouse has them, a row for each pattern that is stored."""
    rows = memory._engines.tables._clickhouse.rows(
        "SELECT lower(hex(p.name)), if(f.frequency = 0, 1, f.frequency) FROM patterns AS p "
        "LEFT JOIN (SELECT * FROM frequencies FINAL) AS f ON p.kb = f.kb AND p.id = f.id"
    )
    stored = dict(rows)
    assert len(stored) == len(rows)
    return stored


def crash(data: Path, seed: int, victims: list[str]) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    learned = 0
    for victim in victims:
        learner = Learner(data, seed, learned)
        learner.kill(victim, rng.random() * 0.6)
        assert (learner.failed != "") == (victim == "valkey")
        with kato.open(data) as memory:
            learned = check(memory, seed, learner.learned)


@pytest.mark.parametrize("seed", [random.randrange(1 << 30)])  # noqa: S311 - printed when it fails
def test_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    crash(tmp_path / "data", seed, [*VICTIMS, "process", "both"])


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_again_and_again(tmp_path: Path, seed: int) -> None:
    crash(tmp_path / "data", seed, [*VICTIMS, "process"] * 3)


def test_the_valkey_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    learner = Learner(data, 1, 0)
    learner.kill("process", 0.1)
    left = valkey_pid(data)
    with kato.open(data):
        assert EmbeddedValkey(data / "ledger").pid == left
    assert not (data / "ledger" / "valkey.pid").exists()
