"""Moving in from KATO 3: real stores of it, and what should be there afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from tests.storage import stores
from tests.storage.stores import TcpValkey
from tests.support.clickhouse_http import ClickHouseHttpServer
from tests.upkeep.migration.given import assert_is_there, collected
from tests.upkeep.migration.old import MAPPING, Old
from tests.upkeep.migration.stores import (
    dump_keys,
    dump_table,
    dump_vectors,
    everything,
    fill_clickhouse,
    fill_redis,
)

import kato
from kato.upkeep.migration.migrating import Migration, MovedIn, working_in
from kato.upkeep.migration.names import Targets, mapping_of
from kato.upkeep.migration.report import Report

COUNT = 900


class Installation(msgspec.Struct, frozen=True):
    """An old installation: what it holds, and where."""

    old: Old
    clickhouse: str
    redis: str
    vectors: Path


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("kato3")
    old = Old(COUNT)
    with ClickHouseHttpServer(folder / "clickhouse") as clickhouse:
        valkey = TcpValkey(tmp_path_factory.mktemp("redis"))
        try:
            fill_clickhouse(clickhouse.url, old)
            fill_redis(valkey.url, old)
            yield Installation(old, clickhouse.url, valkey.url, dump_vectors(folder))
        finally:
            valkey.stop()


class Outcome(msgspec.Struct, frozen=True):
    """What a migration told."""

    moved: dict[str, MovedIn]
    counts: Counter[str]
    lines: list[dict[str, Any]]
    rows: int


def migrated(
    work: Path, given: Installation, memory: kato.Memory | None, prefix: str = ""
) -> Outcome:
    """Migrate everything into knowledge bases whose names begin so; without a memory, check it."""
    mapping = mapping_of([*MAPPING])
    named = {base: prefix + mapping.get(base, base[: -len("_kato")]) for base in ALL}
    path = work / "report.ndjson"
    with path.open("w") as file, working_in(work, [given.clickhouse, given.redis]) as folder:
        report = Report(file)
        migration = Migration(folder, Targets("kato", named), report, lambda _what, _more: None)
        try:
            migration.read_vectors(str(given.vectors))
            migration.read_kato3(given.clickhouse, given.redis)
            moved = migration.checked() if memory is None else migration.move(memory)
        finally:
            migration.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return Outcome(moved, collected(report), lines, migration.rows)


ALL = ("alice_kato", "alice_old", "bob_kato")


def test_everything_comes_and_the_source_stays(
    memory: kato.Memory, kb_name: str, installation: Installation, tmp_path: Path
) -> None:
    before = everything(installation.clickhouse, installation.redis)
    outcome = migrated(tmp_path, installation, memory, kb_name)
    old = installation.old
    assert outcome.moved == {
        kb_name + kb: MovedIn(patterns=len(patterns)) for kb, patterns in old.patterns.items()
    }
    assert_is_there(memory, old, kb_name)
    memory.flush()
    assert_is_there(memory, old, kb_name)
    assert outcome.rows == len(old.rows)
    # One line of the vectors' file is no vector; symbols' counters are not in Redis at all.
    expected = old.findings + Counter({"vectors": 1, "symbol": len(old.symbols("bob"))})
    assert outcome.counts == expected
    assert everything(installation.clickhouse, installation.redis) == before
    again = migrated(tmp_path, installation, memory, kb_name)
    assert all(base.was_done for base in again.moved.values())
    assert_is_there(memory, old, kb_name)


@pytest.mark.parametrize("kind", [".parquet", ".native", ".csv", ".jsonl"])
def test_dumps_give_the_same(
    kind: str, installation: Installation, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = installation.old
    table = dump_table(tmp_path, kind, old, installation.clickhouse)
    keys = rdb_of(installation, tmp_path) if kind != ".csv" else dump_keys(tmp_path, old)
    dumped = msgspec.structs.replace(installation, clickhouse=str(table), redis=str(keys))
    with stores.embedded(tmp_path / "memory").open() as memory:
        outcome = migrated(tmp_path, dumped, memory)
        assert {base.differences for base in outcome.moved.values()} == {0}
        assert_is_there(memory, old, "")
        if kind == ".native":  # the content names a move, wherever it was read
            served = migrated(tmp_path, installation, memory)
            assert all(base.was_done for base in served.moved.values())


def rdb_of(installation: Installation, folder: Path) -> Path:
    """A dump of the server's keys, of the version that Redis 7.4 writes."""
    with redis.Redis.from_url(installation.redis) as client:
        client.save()
        made = Path(client.config_get("dir")["dir"]) / "dump.rdb"
    content = made.read_bytes()
    assert content.startswith(b"VALKEY")
    file = folder / "dump.rdb"
    file.write_bytes(b"REDIS0012" + content[9:-8] + bytes(8))  # without a checksum
    return file
