"""Backup and restore: a history comes back as it was, from any stores to any, or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.storage.counted import assert_counters_are
from tests.upkeep.conftest import Fresh
from tests.upkeep.whole import NAMES, History, state_of

import kato
from kato.settings import Settings
from kato.upkeep.backup import backup
from kato.upkeep.restore import restore

WAYS = [("embedded", "embedded"), ("embedded", "servers"), ("servers", "embedded")]


def there_and_back(stores_of: Fresh, folder: Path, way: tuple[str, str], seed: int) -> None:
    """A history, a backup, more history, an incremental backup; both are what was."""
    print(f"seed {seed}")
    origin, target = (stores_of(kind, name) for kind, name in zip(way, "ab", strict=True))
    history = History(seed)
    with origin.open() as memory:
        for name in memory.knowledge_bases():  # of the test before, on servers
            memory.forget_knowledge_base(name)
        history.go_on(memory)
        first = state_of(memory)
        backup(memory, folder / "first")
        history.go_on(memory)
        second = state_of(memory)
        backup(memory, folder / "second.tar", since=folder / "first")
        assert state_of(memory) == second
    for archive, state in (("first", first), ("second.tar", second)):
        restore(folder / archive, target.settings, replace=True)
        with target.open() as memory:
            assert state_of(memory) == state
    with target.open() as memory:
        history.go_on(memory)
        for name in NAMES:
            assert_counters_are(memory.knowledge_base(name), history.references[name])


@pytest.mark.parametrize(
    "way", [WAYS[1], pytest.param(WAYS[2], marks=pytest.mark.deep)], ids="-to-".join
)
def test_a_history_comes_back(stores_of: Fresh, tmp_path: Path, way: tuple[str, str]) -> None:
    there_and_back(stores_of, tmp_path, way, random.randrange(1 << 30))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("way", WAYS, ids="-to-".join)
def test_histories_come_back(
    stores_of: Fresh, tmp_path: Path, way: tuple[str, str], seed: int
) -> None:
    there_and_back(stores_of, tmp_path, way, seed)


@pytest.mark.deep
def test_what_was_taken_away_before_a_backup_is_given_back_after_it(tmp_path: Path) -> None:
    settings = Settings.from_environment({})
    with kato.open(tmp_path / "data", settings=settings) as memory:
        kb = memory.knowledge_base("kb")
        names = [kb.learn([["a"], [str(number)]]) for number in range(3)]
        before = kb.patterns()
        for name in names[:2]:
            kb.forget(str(name))
        backup(memory, tmp_path / "archive")
    restore(tmp_path / "archive", settings, tmp_path / "again")
    with kato.open(tmp_path / "again", settings=settings) as memory:
        kb = memory.knowledge_base("kb")
        assert [kb.undo().pattern for _ in range(2)] == [names[1], names[0]]
        assert kb.patterns() == before
