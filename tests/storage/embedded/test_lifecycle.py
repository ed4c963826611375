"""A memory from its opening to its end, however that comes; nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.storage import stores
from tests.storage.embedded.processes import end, ends, is_running, other
from tests.storage.embedded.test_valkey import FOLDERS

import kato
from kato.errors import StoreInUse, StoreUnavailable, StoreUnreadable
from kato.memory.engines import _store_of
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.connection import SHARD

BEGINS = """
import sys
import kato
memory = kato.open(sys.argv[1])
kb = memory.knowledge_base("kb")
kb.learn([["a"], ["b"]])
print((memory._engines.directory.ledger / "valkey.pid").read_text().strip(), flush=True)
"""

ENDINGS = {
    "forgotten": "",
    "exception": "raise ValueError",
    "exit in another thread's life": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
    ),
    "last reference gone": "del kb, memory; import gc; gc.collect()",
}
ANSWER = [[["b"]]]


def futures(memory: kato.Memory) -> list[Any]:
    return [p.future for p in memory.knowledge_base("kb").predict([["a"]])]


def valkey_pid(memory: kato.Memory) -> int:
    directory = memory._engines.directory
    assert directory is not None
    return int((directory.ledger / "valkey.pid").read_text())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_closing_leaves_no_server(data: Path) -> None:
    with kato.open(data) as memory:
        pid = valkey_pid(memory)
        assert is_running(pid)
    assert not is_running(pid)
    memory.close()
    with kato.open(data) as memory:
        assert memory.knowledge_bases() == []


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
@pytest.mark.deep
def test_any_ending_leaves_no_server_and_loses_nothing(data: Path, ending: str) -> None:
    with other(BEGINS + ending, data) as process:
        pid = int(process.line())
        process.wait()
        errors = process.errors()
    assert not is_running(pid)
    assert ("Traceback" in errors) == (ending == "raise ValueError")
    with kato.open(data) as memory:
        assert futures(memory) == ANSWER


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.deep
def test_ctrl_c_leaves_no_server(data: Path, times: int) -> None:
    waits = "import time\nwith memory:\n    print('in', flush=True)\n    time.sleep(60)\n"
    with other(BEGINS + waits, data) as process:
        pid = int(process.line())
        assert process.line() == "in"
        for _ in range(times):
            process.process.send_signal(signal.SIGINT)
        process.wait()
        assert "KeyboardInterrupt" in process.errors()
    # A second Ctrl-C may interrupt the closing; what it leaves is taken over.
    assert times == 2 or not is_running(pid)
    with kato.open(data) as memory:
        assert futures(memory) == ANSWER
    assert not is_running(pid)


def test_a_killed_owner_is_followed(data: Path) -> None:
    with other(BEGINS + "sys.stdin.read()", data) as process:
        pid = int(process.line())
        with pytest.raises(StoreInUse, match=f"in use by process {process.process.pid}"):
            kato.open(data)
        process.signal(signal.SIGKILL)
    try:
        assert is_running(pid)
        with kato.open(data) as memory:
            assert valkey_pid(memory) == pid
            assert futures(memory) == ANSWER
        assert not is_running(pid)
    finally:
        end(pid)


def test_it_is_open_once_in_a_process(data: Path) -> None:
    with kato.open(data) as memory:
        with pytest.raises(StoreInUse, match="already open in this process"):
            kato.open(data)
        memory.knowledge_base("kb").learn([["a"], ["b"]])
        assert futures(memory) == ANSWER


@pytest.mark.parametrize(
    "ask",
    [
        lambda kb: kb.learn([["c"], ["d"]]),
        lambda kb: kb.predict([["a"]]),
        lambda kb: kb.stats(),
        lambda kb: kb.clear(),
    ],
    ids=["learn", "predict", "stats", "clear"],
)
def test_a_ledger_that_dies_in_use(data: Path, ask: Callable[[kato.KnowledgeBase], Any]) -> None:
    with kato.open(data) as memory:
        kb = memory.knowledge_base("kb")
        kb.learn([["a"], ["b"]])
        os.kill(valkey_pid(memory), signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"Valkey does not run.*open the memory again"):
            ask(kb)
        assert time.monotonic() - began < 2
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with kato.open(data) as memory:
        assert futures(memory) == ANSWER


def test_a_ledger_killed_in_the_middle_of_learning(data: Path) -> None:
    """What ``learn`` had answered for is there, and counted once."""
    answered = 0
    with kato.open(data) as memory:
        kb = memory.knowledge_base("kb")
        pid = valkey_pid(memory)
        killer = subprocess.Popen([sys.executable, "-c", f"import os; os.kill({pid}, 9)"])
        while True:
            try:
                kb.learn([["a"], [str(answered)]])
            except StoreUnavailable:
                break
            answered += 1
        killer.wait()
    with kato.open(data) as memory:
        stats = memory.knowledge_base("kb").stats()
        assert answered <= stats.patterns <= answered + 1
        assert stats.pattern_frequencies == stats.patterns
        assert stats.total_symbols == 2 * stats.patterns


@pytest.mark.parametrize("name", FOLDERS.values(), ids=FOLDERS.keys())
def test_any_path(tmp_path: Path, name: str) -> None:
    data = tmp_path / name / "data"
    for i in range(2):
        with kato.open(data) as memory:
            memory.knowledge_base("kb").learn([["a"], ["b"]])
            memory.flush()
            assert memory.knowledge_base("kb").stats().pattern_frequencies == i + 1
            assert futures(memory) == ANSWER
    # Everything lies where it was told to.
    assert sorted(entry.name for entry in data.iterdir()) == [
        "clickhouse",
        "format",
        "ledger",
        "lock",
    ]
    assert any((data / "clickhouse").iterdir())
    assert [
        entry for entry in tmp_path.iterdir() if name.split("/", maxsplit=1)[0] != entry.name
    ] == []


def test_a_relative_path_is_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with kato.open("data") as memory:
        monkeypatch.chdir("/")
        memory.knowledge_base("kb").learn([["a"], ["b"]])
        memory.flush()
        assert futures(memory) == ANSWER
    assert (tmp_path / "data" / "ledger").is_dir()


def test_a_path_means_embedded_stores(data: Path) -> None:
    """Whatever servers the settings name."""
    nowhere = stores.settings(
        data.parent / "other", clickhouse="http://127.0.0.1:1", redis="redis://127.0.0.1:1"
    )
    with kato.open(data, settings=nowhere) as memory:
        memory.knowledge_base("kb").learn([["a"], ["b"]])
        assert futures(memory) == ANSWER
    assert (data / "ledger").is_dir()


@pytest.mark.parametrize("missing", ["clickhouse_url", "redis_url"])
def test_a_store_that_is_not_there_leaves_nothing_running(data: Path, missing: str) -> None:
    nowhere = {"clickhouse_url": "http://127.0.0.1:1", "redis_url": "redis://127.0.0.1:1"}
    settings = msgspec.structs.replace(stores.settings(data.parent), **{missing: nowhere[missing]})
    with pytest.raises(StoreUnavailable):
        kato.open(settings=settings)
    pid = data / "ledger" / "valkey.pid"
    assert not pid.exists() or ends(int(pid.read_text()))
    with kato.open(data) as memory:
        assert memory.knowledge_bases() == []


def test_stores_of_different_memories(tmp_path: Path) -> None:
    for name in ("one", "other"):
        kato.open(tmp_path / name).close()
    (tmp_path / "one" / "clickhouse").rename(tmp_path / "kept")
    (tmp_path / "other" / "clickhouse").rename(tmp_path / "one" / "clickhouse")
    with pytest.raises(StoreUnreadable, match="belong to different memories"):
        kato.open(tmp_path / "one")


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("clickhouse", "the ledger has a history, but ClickHouse is empty"),
        ("ledger", "the ledger is empty, but ClickHouse holds 1 patterns"),
    ],
)
def test_half_a_memory(data: Path, lost: str, message: str) -> None:
    with kato.open(data) as memory:
        memory.knowledge_base("kb").learn([["a"], ["b"]])
    (data / lost).rename(data.parent / "lost")
    with pytest.raises(StoreUnreadable, match=message):
        kato.open(data)
    subprocess.run(["rm", "-r", data / lost], check=True)  # noqa: S607
    (data.parent / "lost").rename(data / lost)
    with kato.open(data) as memory:
        assert futures(memory) == ANSWER


@pytest.mark.parametrize("done", ["the ledger", "ClickHouse"])
def test_a_first_start_cut_off_between_the_stores(data: Path, done: str) -> None:
    with kato.open(data) as memory:
        if done == "ClickHouse":
            memory._engines.connection.command("DEL", f"{SHARD}:store")
        else:
            memory._engines._clickhouse.command("TRUNCATE TABLE store")
    for _ in range(2):
        with kato.open(data) as memory:
            memory.knowledge_base("kb").learn([["a"], ["b"]])
            assert futures(memory) == ANSWER


class Late:
    """A ClickHouse that answered its first question before another worker filled it."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self.command = clickhouse.command

    def rows(self, *_: object) -> list[Any]:
        return []


def test_workers_that_start_together_agree(data: Path) -> None:
    with kato.open(data) as memory:
        engines = memory._engines
        late: Any = Late(engines._clickhouse)
        _store_of(engines.connection, late)
        assert len(engines._clickhouse.rows("SELECT DISTINCT id FROM store")) == 1
        _store_of(engines.connection, engines._clickhouse)
