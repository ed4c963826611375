"""``kill -9`` at random moments: what was answered is there, and nothing is there twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.crash.laboratory import Laboratory
from tests.crash.process import Fate, Victim, valkey_pid
from tests.crash.victim import Plan

import kato
from kato.storage.embedded.valkey import EmbeddedValkey

SEEDS, KILLS = 100, 5


def test_nothing_is_lost(tmp_path: Path) -> None:
    Laboratory(tmp_path, random.randrange(1 << 30)).run(kills=3)


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost_again_and_again(tmp_path: Path, seed: int) -> None:
    Laboratory(tmp_path, seed).run(KILLS)


def test_the_valkey_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    plan = Plan(str(data), str(tmp_path), seed=1, first={"changing": 0}, undo_seconds=0)
    Victim(plan, Fate("process", 0.1)).meet(None)
    left = valkey_pid(data)
    with kato.open(data):
        assert EmbeddedValkey(data / "ledger").pid == left
    assert not (data / "ledger" / "valkey.pid").exists()
