"""A disk that is full: an error that says so, nothing half-written, and on it goes with space."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reference import ReferenceMemory
from tests.storage import stores
from tests.storage.counted import assert_counters_are
from tests.storage.disks import Disk, can_mount, small_disk
from tests.storage.tables import rows_of

import kato
from kato.errors import StoreError, StoreFull
from kato.upkeep.verify import verify

pytestmark = pytest.mark.skipif(not can_mount(), reason="mounting a small disk needs root")

ROOM = 64 << 10
"""Bytes that are left on the disk when it is filled: a first write may succeed."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", megabytes=48) as disk:
        yield disk


@pytest.fixture
def data(tmp_path: Path, disk: Disk) -> Path:
    """A data directory; either of its stores may be moved to the disk."""
    data = tmp_path / "data"
    kato.open(data).close()
    return data


def move(store: Path, disk: Disk) -> None:
    """Move a store to the disk."""
    subprocess.run(["mv", store, disk.folder], check=True)  # noqa: S607
    store.symlink_to(disk.folder / store.name)


def learn_until_it_fails(kb: kato.KnowledgeBase, reference: ReferenceMemory) -> StoreError:
    """Learn until the disk is full; the reference has what was answered."""
    for i in range(100_000):
        events = [["a"], [f"{i} {'x' * 500}"]]
        try:
            kb.learn(events)
        except StoreError as error:
            return error
        reference.learn(events)
    raise AssertionError("the disk is never full")


@pytest.mark.parametrize("room", [0, ROOM])
def test_a_full_disk_under_the_ledger(data: Path, disk: Disk, room: int) -> None:
    move(data / "ledger", disk)
    reference = ReferenceMemory()
    with kato.open(data) as memory:
        kb = memory.knowledge_base("kb")
        reference.learn([["a"], ["b"]])
        kb.learn([["a"], ["b"]])
        disk.fill(room)
        error = learn_until_it_fails(kb, reference)
        assert isinstance(error, StoreFull)
        assert str(disk.folder) in str(error) or str(data) in str(error)
        with pytest.raises(StoreFull):
            kb.predict([["a"]])
    with pytest.raises(StoreFull):
        kato.open(data)
    disk.free()
    with kato.open(data) as memory:
        kb = memory.knowledge_base("kb")
        assert_counters_are(kb, reference)
        kb.learn([["a"], ["b"]])
        reference.learn([["a"], ["b"]])
        memory.flush()
        assert_counters_are(kb, reference)


def test_a_write_that_is_more_than_there_is_space_for(data: Path, disk: Disk) -> None:
    """What of it was written is cut off again, which leaves a disk that is not full at all."""
    move(data / "ledger", disk)
    with kato.open(data) as memory:
        kb = memory.knowledge_base("kb")
        disk.fill(room=1200 << 10)
        large = [kato.Example([[f"{i} {'x' * 2000}"], ["a"]]) for i in range(5000)]
        with pytest.raises(StoreFull, match="free space for"):
            kb.learn_many(large)
    disk.free()
    with kato.open(data) as memory:
        assert memory.knowledge_base("kb").learn_many(large)
        assert list(verify(memory)) == []


def test_a_full_disk_under_clickhouse(data: Path, disk: Disk) -> None:
    """Learning and predicting go on; what waits is carried when there is space."""
    move(data / "clickhouse", disk)
    backend = stores.embedded(data.parent)
    with backend.open() as memory:
        kb = memory.knowledge_base("kb")
        kb.learn([["a"], ["b"]])
        memory.flush()
        disk.fill()
        for i in range(50):
            kb.learn([["a"], [f"{i} {'x' * 500}"]], emotives={"joy": i})
        before = kb.predict([["a"]])
        with pytest.raises(StoreFull, match="free disk space"):
            memory.flush()
        assert memory.stats().journal_entries == 50
        assert kb.predict([["a"]]) == before
        disk.free()
        memory.flush()
        assert memory.stats().journal_entries == 0
        assert kb.predict([["a"]]) == before
        number = memory._engines.counters.number("kb") or 0
        assert [row[1] for row in rows_of(memory._engines, "patterns", number)] == list(
            range(1, 52)
        )
        assert len(rows_of(memory._engines, "states", number)) == 50


def test_closing_on_a_full_disk_keeps_the_journal(data: Path, disk: Disk) -> None:
    move(data / "clickhouse", disk)
    backend = stores.embedded(data.parent)
    with backend.open() as memory:
        kb = memory.knowledge_base("kb")
        disk.fill()
        kb.learn([["a"], ["b"]])
    disk.free()
    with backend.open() as memory:
        assert memory.stats().journal_entries == 1
        assert [p.future for p in memory.knowledge_base("kb").predict([["a"]])] == [[["b"]]]
        memory.flush()
        assert [p.future for p in memory.knowledge_base("kb").predict([["a"]])] == [[["b"]]]


def test_a_first_start_on_a_full_disk(disk: Disk) -> None:
    disk.fill(ROOM)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"(?i)no space|not enough space"):
            kato.open(disk.folder / "data")
    disk.free()
    with kato.open(disk.folder / "data") as memory:
        memory.knowledge_base("kb").learn([["a"], ["b"]])
        memory.flush()
        assert len(memory.knowledge_base("kb").predict([["a"]])) == 1
