"""Bounds of the ledger: memory, and what is kept for a while only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.errors import StoreFull
from kato.memory.engines import Engines, limits_of
from kato.storage.ledger.connection import SHARD
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.operations import Operation

MIB = 1 << 20
BALLAST = f"{SHARD}:ballast"
PATIENCE = 10
"""Seconds until a measure that is taken once a second is new."""


@pytest.fixture
def bounded(memory: kato.Memory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A memory that uses all its ledger may, as it is now."""
    used = memory._engines.connection.memory().used
    limits = memory._engines.counters._limits
    tight = msgspec.structs.replace(limits, memory=used + 2 * MIB)
    monkeypatch.setattr(memory._engines.counters, "_limits", tight)
    yield
    memory._engines.connection.command("DEL", BALLAST, f"{SHARD}:memory")


def fill(engines: Engines) -> None:
    """Let something else take the memory."""
    engines.connection.command("SET", BALLAST, b"x" * 4 * MIB)
    engines.connection.command("DEL", f"{SHARD}:memory")


@pytest.mark.usefixtures("bounded")
def test_a_full_ledger_refuses_to_learn_and_does_all_else(
    memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    name = kb.learn([["a"], ["b"]], emotives={"joy": 1})
    assert name is not None
    session = kato.Session(kb)
    session.observe(["a"])
    fill(memory._engines)
    learns: list[Callable[[], object]] = [
        lambda: kb.learn([["c"], ["d"]]),
        lambda: kb.learn_many([[["c"], ["d"]]]),
        lambda: kb.learn([["a"], ["b"]]),
        session.learn,
    ]
    session.observe(["b"])
    stats, predictions = kb.stats(), session.predict()
    for learn in learns:
        with pytest.raises(StoreFull, match="KATO_LEDGER_MEMORY_MB"):
            learn()
    assert (kb.stats(), session.predict(), session.events) == (stats, predictions, [["a"], ["b"]])
    memory.flush()
    kb.edit(name, frequency=3)
    kb.forget(name)
    session.clear()
    assert kb.stats().patterns == 0
    memory._engines.connection.command("DEL", BALLAST)
    _until_learned(kb)
    assert kb.stats().patterns == 1


def _until_learned(kb: kato.KnowledgeBase) -> None:
    """The measure is a second old at the most."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            kb.learn([["a"], ["b"]])
        except StoreFull:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return


@pytest.mark.usefixtures("bounded")
def test_what_the_server_uses_is_measured_once_a_second(
    memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    command = memory._engines.connection.command

    def asked() -> int:
        info = command("INFO", "commandstats")
        return int(info.get("cmdstat_info", {}).get("calls", 0))

    before, began = asked(), time.monotonic()
    for i in range(200):
        kb.learn([["a"], [str(i)]])
    own = 1  # the question itself
    assert asked() - before - own <= 2 + (time.monotonic() - began)
    second, used = command("HMGET", f"{SHARD}:memory", "second", "used")
    assert abs(int(second) - time.time()) < PATIENCE
    assert int(used) > MIB


def test_memory_that_is_really_filled(tmp_path: Path) -> None:
    """Learning stops at the bound; what was answered is there when it is opened again."""
    settings = msgspec.structs.replace(stores.embedded(tmp_path).settings, ledger_memory_mb=6)
    backend = Backend("embedded", settings)
    learned = 0
    with backend.open() as memory:
        kb = memory.knowledge_base("kb")

        def learn_on() -> None:
            nonlocal learned
            while learned < 200_000:
                kb.learn_many([["a"], [f"{learned + i} {'x' * 100}"]] for i in range(500))
                learned += 500

        with pytest.raises(StoreFull, match="KATO_LEDGER_MEMORY_MB"):
            learn_on()
        assert 0 < learned < 200_000
        told = memory.stats()
        assert told.ledger_limit_bytes == 6 * MIB
        assert told.ledger_used_bytes >= 6 * MIB
        assert len(kb.predict([["a"]])) == 100
        patterns = kb.stats().patterns
    with backend.open() as memory:
        assert memory.knowledge_base("kb").stats().patterns == patterns >= learned


@pytest.mark.parametrize(
    ("given", "url", "bytes_"),
    [(None, "redis://host", 0), (0, None, 0), (5, None, 5 * MIB), (5, "redis://host", 5 * MIB)],
)
def test_the_bound_that_is_set(
    given: int | None, url: str | None, bytes_: int, tmp_path: Path
) -> None:
    settings = stores.settings(tmp_path, redis=url)
    settings = msgspec.structs.replace(settings, ledger_memory_mb=given, undo_seconds=2)
    assert limits_of(settings) == Limits(settings.journal_limit_mb << 20, bytes_, 2000)


def test_an_embedded_ledger_has_a_bound_of_its_own(tmp_path: Path) -> None:
    most = limits_of(stores.settings(tmp_path)).memory
    with Path("/proc/meminfo").open() as told:
        installed = int(told.readline().split()[1]) << 10
    assert 64 * MIB < most <= installed // 2


def test_what_is_kept_for_a_while_goes(engines: Engines, kb: kato.KnowledgeBase) -> None:
    """Sessions, the list of them, and the answers of operations."""
    session = kato.Session(kb, ttl_seconds=1)
    session.observe(["a"])
    operation = Operation(id=kb.name, told="{}", kept_ms=500)
    kb.learn([["a"], ["b"]], operation=operation)
    assert engines.connection.answer_of(operation.id) is not None
    time.sleep(1.2)
    assert engines.connection.answer_of(operation.id) is None
    assert not engines.sessions.exists(session.id)
    listed = f"{SHARD}:sessions"
    day_before = int(time.time() * 1000) - 90_000_000
    engines.connection.command("ZADD", listed, "XX", day_before, session.id)
    engines.sessions.tidy()
    assert engines.connection.command("ZSCORE", listed, session.id) is None


def test_an_embedded_clickhouse_keeps_no_logs(engines: Engines, backend: Backend) -> None:
    if backend.name != "embedded":
        pytest.skip("a server has its own settings")
    clickhouse = engines.clickhouse()
    clickhouse.command("SYSTEM FLUSH LOGS")
    tables = clickhouse.rows(
        "SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'"
    )
    clickhouse.close()
    assert tables == []
