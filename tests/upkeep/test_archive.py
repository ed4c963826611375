"""An archive: whole or not there, and refused if a byte of it is wrong."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from tests.storage import stores
from tests.storage.stores import Backend
from tests.upkeep.mortal import killed
from tests.upkeep.whole import History, state_of

import kato
from kato.errors import InvalidInput, StoreTooNew, StoreUnreadable
from kato.storage.embedded.directory import DataDirectory
from kato.upkeep.archive import Archive, ArchiveWriter, reading
from kato.upkeep.backup import backup
from kato.upkeep.packing import pack
from kato.upkeep.restore import restore


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Stores with some history."""
    origin = stores.embedded(tmp_path_factory.mktemp("origin"))
    with origin.open() as memory:
        History(3).go_on(memory)
    return origin


@pytest.fixture(scope="module")
def kept(origin: Backend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of them."""
    target = tmp_path_factory.mktemp("kept") / "archive"
    with origin.open() as memory:
        backup(memory, target)
    return target


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    """A copy of the backup, to be damaged."""
    return Path(shutil.copytree(kept, tmp_path / "copied"))


@pytest.fixture
def empty(tmp_path: Path) -> Backend:
    """Stores that nobody ever opened."""
    return stores.embedded(tmp_path / "empty")


def files_of(archive: Path) -> Iterator[Path]:
    return (path for path in sorted(archive.rglob("*")) if path.is_file())


def test_a_flipped_bit_in_any_file_is_refused(copied: Path, empty: Backend) -> None:
    for file in files_of(copied):
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        file.write_bytes(damaged)
        with pytest.raises(StoreUnreadable, match="damaged"):
            restore(copied, empty.settings)
        file.write_bytes(whole)
    assert not empty.settings.data_dir.exists()
    Archive(copied).verify()


def test_a_file_that_is_cut_off_is_refused(kept: Path, tmp_path: Path, empty: Backend) -> None:
    file = tmp_path / "archive.tar"
    pack(Path(shutil.copytree(kept, tmp_path / "archive")), file)
    with reading(file) as archive:
        archive.verify()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(StoreUnreadable, match="another"):
        restore(file, empty.settings)
    assert not empty.settings.data_dir.exists()


@pytest.mark.parametrize("change", ["missing", "more"])
def test_other_files_than_the_archive_s_are_refused(change: str, copied: Path) -> None:
    file = next(files_of(copied / "tables"))
    if change == "missing":
        file.unlink()
    else:
        file.with_name("more").touch()
    with pytest.raises(StoreUnreadable, match="damaged: tables/"):
        Archive(copied).verify()


@pytest.mark.parametrize("what", ["the layout", "the ledger", "a migration"])
def test_a_newer_archive_is_refused(what: str, kept: Path, tmp_path: Path, empty: Backend) -> None:
    manifest = Archive(kept).manifest()
    newest: dict[str, dict[str, Any]] = {
        "the layout": {"format": manifest.format + 1},
        "the ledger": {"ledger_format": manifest.ledger_format + 1},
        "a migration": {"migrations": {"migrations": [1, 99]}},
    }
    folder = tmp_path / "newer"
    folder.mkdir()
    ArchiveWriter(folder, None).finish(msgspec.structs.replace(manifest, **newest[what], pieces=[]))
    with pytest.raises(StoreTooNew, match="upgrade KATO"):
        restore(folder, empty.settings)
    assert not empty.settings.data_dir.exists()


def test_stores_that_are_not_empty_are_refused(kept: Path, origin: Backend) -> None:
    with pytest.raises(InvalidInput, match=r"not empty.*--replace"):
        restore(kept, origin.settings)


def test_a_restored_store_has_an_id_of_its_own(kept: Path, origin: Backend, empty: Backend) -> None:
    restore(kept, empty.settings)
    ids = set()
    for backend in (origin, empty):
        with backend.open() as memory:
            rows = memory.clickhouse().rows("SELECT id FROM store")
            ids.add((rows[0][0], memory.ledger().command("GET", "{0}:store").decode()))
    assert len(ids) == 2
    assert all(one == other for one, other in ids)


def test_sessions_can_be_left_out(kept: Path, empty: Backend) -> None:
    restore(kept, empty.settings, sessions=False)
    with empty.open() as memory:
        assert memory.sessions.count() == 0
        assert memory.knowledge_bases()


def test_a_target_that_is_there_is_not_overwritten(origin: Backend, tmp_path: Path) -> None:
    with origin.open() as memory, pytest.raises(InvalidInput, match="is there already"):
        backup(memory, tmp_path)


def test_what_has_not_changed_is_shared(kept: Path, empty: Backend, tmp_path: Path) -> None:
    restore(kept, empty.settings)
    with empty.open() as memory:
        memory.flush()
        memory.knowledge_base("new").learn([["a"], ["b"]], metadata={"k": "v"})
        memory.flush()
        backup(memory, tmp_path / "next", since=kept)
    shared = {
        file.relative_to(kept).parts[1]
        for file in files_of(kept / "tables")
        if (tmp_path / "next" / file.relative_to(kept)).samefile(file)
    }
    assert shared >= {"affinities", "frequencies", "tombstones"}
    assert not shared & {"patterns", "symbols", "states", "knowledge_bases"}


def test_a_damaged_file_is_not_shared(origin: Backend, copied: Path, tmp_path: Path) -> None:
    file = copied / "tables" / "patterns" / "0-0.native.zst"
    file.write_bytes(file.read_bytes()[:-1])
    with origin.open() as memory, pytest.raises(StoreUnreadable, match="patterns"):
        backup(memory, tmp_path / "next", since=copied)
    assert not (tmp_path / "next").exists()


KILLS_OF_BACKUP = [
    ("kato.upkeep.archive.ArchiveWriter:write", 3),
    ("kato.upkeep.archive.ArchiveWriter:finish", 1),
    ("kato.upkeep.archive._sync", 4),
]
KILLS_OF_RESTORE = [
    ("kato.upkeep.restore.put_in", 3),
    ("kato.upkeep.restore.copy_keys", 1),
    ("kato.storage.ledger.copying._small_hashes", 1),
    ("kato.upkeep.restore._drop_all", 1),
    ("kato.upkeep.restore._begin_anew", 1),
]


def kill_backup(origin: Backend, folder: Path, where: str, times: int) -> None:
    target, data = folder / "archive", origin.settings.data_dir
    assert killed(where, times, "--data-dir", data, "backup", target)
    assert not target.exists()
    with pytest.raises(StoreUnreadable, match="no backup"):
        Archive(target)
    with origin.open() as memory:
        memory.ledger().command("DEL", "{0}:held")  # it goes by itself after a minute
        backup(memory, target)
    Archive(target).verify()
    assert not (folder / "archive.partial").exists()


def kill_restore(origin: Backend, kept: Path, empty: Backend, where: str, times: int) -> None:
    data = empty.settings.data_dir
    assert killed(where, times, "--data-dir", data, "restore", kept)
    with pytest.raises(StoreUnreadable, match=r"half restored.*run kato restore again"):
        kato.open(settings=empty.settings)
    DataDirectory(data).close()
    restore(kept, empty.settings)
    with origin.open() as memory:
        state = state_of(memory)
    with empty.open() as memory:
        assert state_of(memory) == state


@pytest.mark.deep
def test_a_backup_that_is_killed(origin: Backend, tmp_path: Path) -> None:
    kill_backup(origin, tmp_path, *random.choice(KILLS_OF_BACKUP))


def test_a_restore_that_is_killed(origin: Backend, kept: Path, empty: Backend) -> None:
    kill_restore(origin, kept, empty, *random.choice(KILLS_OF_RESTORE))


@pytest.mark.deep
@pytest.mark.parametrize(("where", "times"), KILLS_OF_BACKUP)
def test_backups_that_are_killed(origin: Backend, tmp_path: Path, where: str, times: int) -> None:
    kill_backup(origin, tmp_path, where, times)


@pytest.mark.deep
@pytest.mark.parametrize(("where", "times"), KILLS_OF_RESTORE)
def test_restores_that_are_killed(
    origin: Backend, kept: Path, empty: Backend, where: str, times: int
) -> None:
    kill_restore(origin, kept, empty, where, times)


class Learning:
    """Threads that learn numbered sequences, each knowledge base in order."""

    def __init__(self, memory: kato.Memory, threads: int) -> None:
        self.acknowledged = [0] * threads
        self._memory, self._stop = memory, threading.Event()
        self._threads = [threading.Thread(target=self._learn, args=(i,)) for i in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _learn(self, number: int) -> None:
        kb = self._memory.knowledge_base(f"thread {number}")
        while not self._stop.is_set():
            count = self.acknowledged[number]
            kb.learn([["begin"], [f"s{count}"]], metadata={"number": count % 7})
            self.acknowledged[number] = count + 1


def test_a_backup_taken_while_threads_learn(tmp_path: Path) -> None:
    origin, target = stores.embedded(tmp_path / "a"), stores.embedded(tmp_path / "b")
    settings = msgspec.structs.replace(origin.settings, flush_interval_ms=5)
    with kato.open(settings=settings) as memory, Learning(memory, 3) as learning:
        while min(learning.acknowledged) < 100:
            time.sleep(0.01)
        before = list(learning.acknowledged)
        backup(memory, tmp_path / "archive")
        after = list(learning.acknowledged)
    restore(tmp_path / "archive", target.settings)
    with target.open() as memory:
        memory.flush()
        for number, (least, most) in enumerate(zip(before, after, strict=True)):
            kb = memory.knowledge_base(f"thread {number}")
            known = {pattern.events[1][0] for pattern in _all(kb)}
            assert known == {f"s{i}" for i in range(len(known))}  # a prefix of what was learned
            assert least <= len(known) == kb.stats().patterns <= most + 1
            rows = memory._engines._clickhouse.rows(
                "SELECT count(), uniqExact(id) FROM patterns WHERE kb = {kb:UInt32}",
                {"kb": memory._engines.counters.number(kb.name)},
            )
            assert rows == [(len(known), len(known))]


def _all(kb: kato.KnowledgeBase) -> Iterator[kato.Pattern]:
    after = None
    while True:
        page = kb.patterns(after=after, limit=1000)
        yield from page.patterns
        after = page.next
        if after is None:
            return
