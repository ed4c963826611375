"""``kato migrate`` as a user runs it: the document's own commands, and what they refuse."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.upkeep.migration.given import assert_is_there
from tests.upkeep.migration.old import VECTOR, Old
from tests.upkeep.migration.stores import dump_keys, dump_table, dump_vectors
from tests.upkeep.migration.test_mongodb import as_lines, documents

import kato
from kato.cli import main
from kato.errors import StoreInUse, StoreUnavailable, UnreadableInput
from kato.upkeep.migration.keys import opened_keys
from kato.upkeep.migration.migrating import working_in
from kato.upkeep.migration.table import rows_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "moving-in.md"
OLD = Old(60)


@pytest.fixture
def dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the document names, and the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KATO_CACHE_DIR", str(tmp_path / "cache"))
    dump_table(tmp_path, ".parquet", OLD, "").rename("patterns.parquet")
    lines = [json.dumps(_json_row(row)) for row in OLD.rows]
    lines[0] = lines[0].replace('"pattern_data": [', '"pattern_data": [["\\ud800"], ')
    Path("patterns.jsonl").write_text("\n".join([*lines, "no row", "{}"]))
    dump_keys(tmp_path, OLD)
    dump_vectors(tmp_path)
    documented = documents(OLD, "alice_kato")
    as_lines(tmp_path, documented).rename("alice_kato.json")
    database = tmp_path / "dump" / "alice_kato"
    database.mkdir(parents=True)
    as_lines(database, documented)
    return tmp_path


def _json_row(row: Any) -> dict[str, Any]:
    times = {"created_at": "2026-01-01 10:00:00"}
    return {"kb_id": row.base, "name": row.name, "pattern_data": row.events, **times}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", "data", "migrate", *arguments])
    return int(ended.value.code or 0), *capsys.readouterr()


def documented() -> list[list[str]]:
    """The commands of the document that need no server."""
    shell = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line)[2:] for block in shell for line in block.splitlines()]
    return [line for line in lines if "://" not in " ".join(line) and "dump.rdb" not in line]


@pytest.mark.parametrize("arguments", documented(), ids=" ".join)
def test_the_documented_commands_run(
    arguments: list[str], dumps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "rows in" in out
    assert ("would be moved in" in out) == ("--dry-run" in arguments)
    assert Path("data").exists() == ("--dry-run" not in arguments)
    assert Path("migration-report.ndjson").stat().st_size
    assert not list((dumps / "cache" / "migration").iterdir())


@pytest.mark.deep
def test_what_is_told_as_json(dumps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["kato3", "--clickhouse", "patterns.parquet", "--redis", "keys.ndjson"]
    given += ["--map", "alice_old=alice", "--vectors", "vectors.ndjson"]
    code, out, _ = run(capsys, *given, "--dry-run", "--json")
    told = json.loads(out)
    assert (code, told["moved"], told["rows"]) == (0, False, len(OLD.rows))
    code, out, _ = run(capsys, *given, "--json")
    counts = {kb: len(patterns) for kb, patterns in OLD.patterns.items()}
    assert {kb: base["patterns"] for kb, base in json.loads(out)["knowledge_bases"].items()} == (
        counts
    )
    lines = [json.loads(line) for line in Path("migration-report.ndjson").read_text().splitlines()]
    assert len(lines) == sum(times for *_, times in json.loads(out)["findings"])
    with kato.open("data") as memory:
        assert_is_there(memory, OLD, "")
        kb = memory.knowledge_base("alice")
        assert kb.nearest_vectors([1.0, 2.0, 3.0], 3, None, {}) == [VECTOR]
        kb.learn([["of its own"], ["alone"]])
    code, out, err = run(capsys, *given[:-2])
    assert (code, out) == (1, "")
    assert "kato clear" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["kato3", "--clickhouse", "x.parquet", "--redis", "keys.ndjson"], "x.parquet"),
        (["kato3", "--clickhouse", "dump", "--redis", "keys.ndjson"], "no known format"),
        (["kato3", "--clickhouse", "patterns.parquet", "--redis", "none"], "cannot be read"),
        (["kato3", "--clickhouse", "patterns.parquet", "--redis", "patterns.jsonl"], "no key"),
        (["mongodb", "cache"], "patterns_kb"),
        (["mongodb", "dump", "--map", "x"], "OLD=NEW"),
        (["mongodb", "dump", "--report", "no/folder"], "report cannot be written"),
    ],
    ids=range(7),
)
def test_what_cannot_be_used_is_refused(
    arguments: list[str], reason: str, dumps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dumps / "cache").mkdir()
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert reason in err
    assert not Path("data").exists()


def test_a_damaged_dump_of_redis_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dump.rdb"
    file.write_bytes(b"REDIS0009 is not what follows")
    with (
        pytest.raises(UnreadableInput, match="cannot be loaded"),
        opened_keys(str(file), tmp_path),
    ):
        pass


@pytest.mark.parametrize("name", ["x.native", "x.csv", "x.parquet"])
def test_a_damaged_dump_of_the_table_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\xff" * 1000)
    with pytest.raises(UnreadableInput, match=re.escape(name)):
        list(rows_of(str(file), tmp_path))


def test_servers_that_are_away(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="ClickHouse of KATO 3"):
        list(rows_of("http://127.0.0.1:9", tmp_path))
    with opened_keys("redis://127.0.0.1:9", tmp_path) as keys:
        for ask in (lambda: keys.carried([("a", "b")]), lambda: keys.affinities("a", ["b"])):
            with pytest.raises(StoreUnavailable, match="Redis of KATO 3"):
                ask()


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        working_in(tmp_path, ["a"]),
        working_in(tmp_path, ["b"]),
        pytest.raises(StoreInUse),
        working_in(tmp_path, ["a"]),
    ):
        pass
    with working_in(tmp_path, ["a"]) as folder:
        assert folder.exists()
