"""What ``docs/operations.md`` says of each failure is what happens, and what helps."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from tests.memory import answering
from tests.storage import stores
from tests.storage.stores import TcpValkey
from tests.upkeep.commands import Kato, told

import kato
from kato.errors import StoreUnreadable

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## What can fail")[1].split("\n## ")[0]
ROWS = dict(re.findall(r"^\| ([A-Z`].*?) \| (.*?) \|", SECTION, re.MULTILINE))

PROCEDURES = {
    "A process is killed": "storage.embedded.test_lifecycle:test_a_killed_owner_is_followed",
    "An embedded ledger's server ends": (
        "storage.embedded.test_lifecycle:test_a_ledger_that_dies_in_use"
    ),
    "The ledger's server is away": "memory.test_errors:test_the_ledger_goes_away",
    "ClickHouse is away": "memory.test_errors:test_clickhouse_goes_away_and_comes_back",
    "The journal is full": (
        "storage.ledger.test_operations:test_a_full_journal_refuses_and_nothing_changes"
    ),
    "The ledger uses all memory it may": (
        "storage.ledger.test_bounds:test_a_full_ledger_refuses_to_learn_and_does_all_else"
    ),
    "The disk under the ledger is full": (
        "storage.embedded.test_full_disk:test_a_full_disk_under_the_ledger"
    ),
    "The disk under ClickHouse is full": (
        "storage.embedded.test_full_disk:test_a_full_disk_under_clickhouse"
    ),
    "A folder cannot be written": (
        "storage.embedded.test_read_only:test_what_cannot_be_written_is_not_opened"
    ),
    "Another process has the folder": (
        "storage.embedded.test_directory:test_another_process_is_named"
    ),
    "The ledger's files are lost": "upkeep.test_procedures:test_the_ledger_is_lost",
    "The ledger's files are damaged": "upkeep.test_procedures:test_the_ledger_is_damaged",
    "The ledger is older than ClickHouse": "upkeep.test_procedures:test_the_ledger_is_older",
    "ClickHouse's files are lost": "upkeep.test_procedures:test_clickhouse_is_lost",
    "ClickHouse's files are damaged": "upkeep.test_procedures:test_clickhouse_is_damaged",
    "Stores of two memories": "storage.embedded.test_lifecycle:test_stores_of_different_memories",
    "A file of the recall index is damaged": (
        "recall.index.test_catalog:TestFiles.test_damage_is_noticed_and_mended"
    ),
    "`kato verify` tells differences": "upkeep.test_procedures:test_differences",
    "A rebuild was killed": "upkeep.test_lost_files:test_a_rebuild_that_is_killed_is_run_again",
    "A restore was killed": "upkeep.test_archive:test_a_restore_that_is_killed",
    "Something was cleared or forgotten by mistake": "upkeep.test_procedures:test_a_mistake",
    "A newer KATO wrote the data": "upkeep.test_upgrade:test_a_newer_release_is_refused",
    "The machine is gone": "upkeep.test_procedures:test_the_machine_is_gone",
}


def test_each_procedure_is_executed_by_a_test() -> None:
    assert ROWS.keys() == PROCEDURES.keys()
    for place in PROCEDURES.values():
        module, _, name = place.partition(":")
        found: object = importlib.import_module(f"tests.{module}")
        for part in name.split("."):
            found = getattr(found, part)


def seen(row: str) -> str:
    """What the page says is seen: the last of it that it quotes."""
    return str(re.findall(r"`([^`]*)`", ROWS[row])[-1])


def commands(heading: str) -> list[list[str]]:
    """The commands below a heading."""
    (block,) = re.findall(rf"### {heading}\n.*?```sh\n(.*?)```", PAGE, re.DOTALL)[:1]
    return [shlex.split(line)[1:] for line in block.splitlines()]


class Data:
    """A memory in a folder, and what it answers."""

    def __init__(self, folder: Path, run: Kato) -> None:
        self.path = folder / "data"
        self._run = run
        with kato.open(self.path) as memory:
            memory.knowledge_base().learn_many(answering.history())
        self.answers = self.answered()

    def run(self, *arguments: str) -> str:
        answer: object = told(self._run, "--data-dir", self.path, *arguments)
        assert isinstance(answer, str)
        return answer

    def follow(self, heading: str, archive: Path | None = None) -> None:
        """What the page says below a heading."""
        for command in commands(heading):
            self.run(*(str(archive) if part == "/backups/monday" else part for part in command))

    def answered(self) -> list[bytes]:
        with kato.open(self.path) as memory:
            kb = memory.knowledge_base()
            asked = [kb.predict(question) for question in answering.questions()[:3]]
            return list(map(msgspec.json.encode, [*asked, kb.stats()]))

    def refused(self, row: str) -> None:
        """It is not opened, and that says what the page says."""
        code, _, err = self._run("--data-dir", self.path, "stats")
        assert (code, seen(row) in err) == (1, True), err


@pytest.fixture
def data(tmp_path: Path, run: Kato) -> Data:
    return Data(tmp_path, run)


@pytest.fixture
def archive(data: Data, tmp_path: Path) -> Path:
    data.run("backup", str(tmp_path / "monday"))
    return tmp_path / "monday"


def test_the_ledger_is_lost(data: Data) -> None:
    shutil.rmtree(data.path / "ledger")
    data.refused("The ledger's files are lost")
    data.follow("Rebuild the ledger")
    assert data.answered() == data.answers


def test_the_ledger_is_damaged(data: Data, tmp_path: Path) -> None:
    for file in (data.path / "ledger").rglob("*.aof"):
        file.write_bytes(b"\x00" * 100 + file.read_bytes())
    for file in (data.path / "ledger").rglob("*.rdb"):
        file.write_bytes(b"\x00" * 100)
    data.refused("The ledger's files are damaged")
    (data.path / "ledger").rename(tmp_path / "aside")
    data.follow("Rebuild the ledger")
    assert data.answered() == data.answers


@pytest.mark.deep
def test_clickhouse_is_lost(data: Data, archive: Path) -> None:
    shutil.rmtree(data.path / "clickhouse")
    data.refused("ClickHouse's files are lost")
    data.path.rename(data.path.with_suffix(".damaged"))
    data.follow("Restore a backup", archive)
    assert data.answered() == data.answers


@pytest.mark.deep
def test_clickhouse_is_damaged(data: Data, archive: Path) -> None:
    for file in (data.path / "clickhouse").rglob("*.bin"):
        file.write_bytes(b"\xff" * file.stat().st_size)
    code, _, err = data._run("--data-dir", data.path, "verify")
    assert (code, seen("ClickHouse's files are damaged") in err) == (1, True), err
    data.path.rename(data.path.with_suffix(".damaged"))
    data.follow("Restore a backup", archive)
    assert data.answered() == data.answers


@pytest.mark.deep
def test_differences(data: Data) -> None:
    with kato.open(data.path) as memory:
        number = memory.numbers()["default"]
        memory.ledger().command("HINCRBY", f"{{0}}:{number}", "patterns", 3)
    assert data._run("--data-dir", data.path, "verify")[0] == 1
    assert data._run("--data-dir", data.path, "verify", "--repair")[0] == 1
    data.run("verify")
    assert data.answered() == data.answers


@pytest.mark.deep
def test_a_mistake(data: Data) -> None:
    data.run("clear", "--yes")
    assert data.answered() != data.answers
    data.run("undo", "--kb", "default")
    assert data.answered() == data.answers


@pytest.mark.deep
def test_the_machine_is_gone(data: Data, archive: Path) -> None:
    shutil.rmtree(data.path)
    data.follow("Restore a backup", archive)
    assert data.answered() == data.answers


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[TcpValkey]:
    """A server that writes nothing to its disk unless it is told to."""
    (tmp_path / "valkey").mkdir()
    server = TcpValkey(tmp_path / "valkey")
    server.stop()
    server.start("--appendonly", "no")
    yield server
    server.stop()


def test_the_ledger_is_older(forgetful: TcpValkey, tmp_path: Path, run: Kato) -> None:
    """It comes back as of its last snapshot: so does one that syncs each second, less late."""
    settings = stores.settings(tmp_path, redis=forgetful.url)
    with kato.open(settings=settings) as memory:
        kb = memory.knowledge_base()
        kb.learn([["a"], ["b"]])
        memory.ledger().command("SAVE")
        kb.learn([["a"], ["c"]])
        memory.flush()
        answer = kb.predict([["a"]])
    forgetful.stop()
    forgetful.start("--appendonly", "no")
    with pytest.raises(StoreUnreadable, match=seen("The ledger is older than ClickHouse")):
        kato.open(settings=settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KATO_REDIS_URL", forgetful.url)
        patch.setenv("KATO_DATA_DIR", str(settings.data_dir))
        with redis.Redis.from_url(forgetful.url) as client:
            client.flushdb()
        for command in commands("Rebuild the ledger"):
            told(run, *command)
    with kato.open(settings=settings) as memory:
        assert memory.knowledge_base().predict([["a"]]) == answer
