"""Moving in from KATO 3: real stores of it, and what should be there afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
import pytest
import redis
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
from kato.errors import StoreUnavailable
from kato.upkeep.migration import table
from kato.upkeep.migration.keys import opened_keys
from kato.upkeep.migration.migrating import Migration, MovedIn, working_in
from kato.upkeep.migration.names import Targets, mapping_of
from kato.upkeep.migration.report import Report

COUNT = 1000


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
    fingerprints: list[str]
    counts: Counter[str]
    lines: list[dict[str, Any]]
    rows: int


def migrated(
    work: Path, given: Installation, memory: kato.Memory | None, prefix: str = ""
) -> Outcome:
    """Migrate everything into knowledge bases whose names begin so; without a memory, check it."""
    mapping = mapping_of([*MAPPING])
    named = {base: prefix + mapping.get(base, base.split("_")[0]) for base in ALL}
    path = work / "report.ndjson"
    with path.open("w") as file, working_in(work, [given.clickhouse, given.redis]) as folder:
        report = Report(file)
        migration = Migration(folder, Targets("kato", named), report, lambda _what, _more: None)
        try:
            migration.read_vectors(str(given.vectors))
            migration.read_kato3(given.clickhouse, given.redis)
            moved = migration.checked() if memory is None else migration.move(memory)
            fingerprints = [migration._stage.fingerprint(kb) for kb in moved]
        finally:
            migration.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return Outcome(moved, fingerprints, collected(report), lines, migration.rows)


ALL = ("alice_kato", "alice_old", "bob_kato")


@pytest.mark.servers_deep
def test_everything_comes_and_the_source_stays(
    memory: kato.Memory, kb_name: str, installation: Installation, tmp_path: Path
) -> None:
    before = everything(installation.clickhouse, installation.redis)
    outcome = migrated(tmp_path, installation, memory, kb_name)
    old = installation.old
    assert outcome.moved == {
        kb_name + kb: MovedIn(patterns=len(patterns)) for kb, patterns in old.patterns.items()
    }
    memory.flush()
    assert_is_there(memory, old, kb_name)
    assert outcome.rows == len(old.rows)
    # One line of the vectors' file is no vector; symbols' counters are not in Redis at all.
    expected = old.findings + Counter({"vectors": 1, "symbol": len(old.symbols("bob"))})
    assert outcome.counts == expected
    assert everything(installation.clickhouse, installation.redis) == before
    # The content names a move, wherever it is read.
    dumped = dumps_of(installation, tmp_path, ".native")
    again = migrated(tmp_path, dumped, memory, kb_name)
    assert all(base.was_done for base in again.moved.values())
    assert_is_there(memory, old, kb_name)


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".jsonl"])
def test_dumps_hold_the_same(kind: str, installation: Installation, tmp_path: Path) -> None:
    dumped = migrated(tmp_path, dumps_of(installation, tmp_path, kind), None)
    served = migrated(tmp_path, installation, None)
    assert dumped.fingerprints == served.fingerprints
    assert dumped.counts == served.counts


def dumps_of(installation: Installation, folder: Path, kind: str) -> Installation:
    """The same installation, as dumps."""
    dump = dump_table(folder, kind, installation.old, installation.clickhouse)
    is_rdb = kind == ".native"
    keys = rdb_of(installation, folder) if is_rdb else dump_keys(folder, installation.old)
    return msgspec.structs.replace(installation, clickhouse=str(dump), redis=str(keys))


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


def test_a_text_that_is_no_unicode_is_left_out(installation: Installation, tmp_path: Path) -> None:
    """ClickHouse keeps any bytes; the driver would answer them as digits, as if a text."""
    with clickhouse_connect.get_client(dsn=installation.clickhouse) as client:
        statement = (
            "INSERT INTO kato.patterns_data (kb_id, name, pattern_data) "
            "SELECT {kb:String}, 'x', [['a'], [unhex('61ff')]]"
        )
        client.command(statement, {"kb": "carol_kato"})
        client.command(statement.replace("{kb:String}", "unhex('61ff')"))
        try:
            outcome = migrated(tmp_path, installation, None)
        finally:
            client.command("DELETE FROM kato.patterns_data WHERE name = 'x'")
    told = [line for line in outcome.lines if line["base"] not in ALL and line["base"]]
    assert {(line["base"], line["subject"], line["done"]) for line in told} == {
        ("carol_kato", "events", "left out"),
        ("b'a\\xff'", "row", "left out"),
    }
    assert outcome.moved.keys() == {"alice", "bob"}


def test_the_source_is_only_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a statement of ours were to do."""
    monkeypatch.setattr(table, "_STATEMENT", "DROP TABLE kato.patterns_data")
    with pytest.raises(StoreUnavailable, match="readonly mode"):
        list(table.rows_of(installation.clickhouse, Path()))


@pytest.mark.deep
def test_what_a_killed_run_left_is_ended(installation: Installation, tmp_path: Path) -> None:
    """Else a Valkey with the dump would stay for ever."""
    keys = dump_keys(tmp_path, installation.old)
    begin = f"held = opened_keys({str(keys)!r}, Path({str(tmp_path)!r})); held.__enter__()"
    imports = "import os; from pathlib import Path"
    imports += "; from kato.upkeep.migration.keys import opened_keys"
    subprocess.run([sys.executable, "-c", f"{imports}; {begin}; os._exit(1)"], check=False)
    left = int((tmp_path / "keys" / "valkey.pid").read_text())
    with opened_keys(str(keys), tmp_path) as again:
        assert again.carried([("alice_kato", installation.old.rows[0].name)])[0][0]
        with pytest.raises(ProcessLookupError):
            os.kill(left, 0)
