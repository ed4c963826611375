"""Moving in from the older MongoDB storage: dumps of it, and what should be there afterwards."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import json_util
from tests.storage import stores
from tests.upkeep.migration.given import assert_is_there, collected
from tests.upkeep.migration.old import BASES, MAPPING, TARGETS, Old

import kato
from kato.upkeep.migration.migrating import Migration, working_in
from kato.upkeep.migration.mongodb import files_of, rows_of
from kato.upkeep.migration.names import Targets, mapping_of
from kato.upkeep.migration.report import Report
from kato.upkeep.migration.row import Row, Unreadable

Write = Callable[[Path, list[dict[str, Any]]], Path]


def documents(old: Old, base: str) -> list[dict[str, Any]]:
    """The documents of a database's collection."""
    found = []
    for row in old.rows:
        if row.base == base:
            document: dict[str, Any] = {
                "_id": bson.ObjectId(),
                "name": row.name,
                "pattern_data": row.events,
                "length": sum(map(len, row.events)),
            }
            for part in ("frequency", "emotives", "metadata"):
                text = old.keys.get(f"{base}:{part}:{row.name}")
                if text is not None:
                    document[part] = _value(text)
            found.append(document)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def as_bson(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "patterns_kb.bson.gz"
    # BSON cannot hold the lone surrogates that JSON can: their document is as if it was damaged.
    with gzip.open(file, "wb") as stream:
        stream.writelines(_encoded(row) for row in rows)
    return file


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return bson.encode(row)
    except UnicodeEncodeError:
        good = bson.encode({"name": row["name"], "x": "??"})
        return good.replace(b"??", b"\xed\xa0")


def as_lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "patterns_kb.json"
    file.write_text("\n".join(map(json_util.dumps, rows)), encoding="utf-8")
    return file


def as_array(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "patterns_kb.json"
    options = json_util.CANONICAL_JSON_OPTIONS
    texts = [json_util.dumps(row, json_options=options) for row in rows]
    file.write_text("[" + ",\n".join(texts) + "]\n", encoding="utf-8")
    return file


def dump(folder: Path, old: Old, write: Write) -> Path:
    """A folder as mongodump leaves it."""
    for base in BASES:
        database = folder / "dump" / base
        database.mkdir(parents=True)
        write(database, documents(old, base))
        (database / "patterns_kb.metadata.json").write_text("{}")
        (database / "symbols_kb.bson").write_bytes(b"")
    return folder / "dump"


@pytest.mark.parametrize("write", [as_bson, as_lines, as_array])
def test_everything_comes(write: Write, memory: kato.Memory, kb_name: str, tmp_path: Path) -> None:
    old = Old(180)
    source = dump(tmp_path, old, write)
    targets = {base: kb_name + kb for base, kb in TARGETS.items()}
    report = Report(io.StringIO())
    with working_in(tmp_path, [str(source)]) as work:
        migration = Migration(work, Targets("kato", targets), report, lambda _what, _more: None)
        migration.read_mongodb([str(source)])
        moved = migration.move(memory)
        migration.close()
    assert {base.differences for base in moved.values()} == {0}
    expected = Counter(old.findings)
    if write is as_bson:
        expected += Counter({"row": old.forget_surrogates()})
        expected["metadata"] -= 3 * expected["row"]
    expected["vectors"] += 0
    assert collected(report) == expected
    old.affinity = {kb: {} for kb in old.affinity}
    assert_is_there(memory, old, kb_name)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    rows = [{"name": str(n), "pattern_data": [["a"], [str(n)]]} for n in range(3)]
    whole = b"".join(map(bson.encode, rows))
    file = tmp_path / "alice.bson"
    file.write_bytes(whole[:-1])
    *good, last = rows_of([file])
    assert [row.events for row in good if isinstance(row, Row)] == [
        row["pattern_data"] for row in rows[:2]
    ]
    assert isinstance(last, Unreadable)
    assert (last.where, last.reason) == ("alice.bson, document 3", "the file is cut off here")


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('[{"name": "a"}, {"name": "b"}]', 2, 0),
        ('[{"name": "a"}, {"name": "b"}', 2, 1),
        ('[{"name": "a"}, {"name": "', 1, 1),
        ("[]", 0, 0),
        ("", 0, 0),
        ('{"name": "a"}\n\nno\n[]\n{"name": {"$oid": "?"}}\n{"name": "b"}', 2, 3),
        (f'[{{"name": "{"x" * 3_000_000}"}}, {{"name": "b"}}]', 2, 0),
    ],
    ids=range(7),
)
def test_json_that_cannot_be_read(tmp_path: Path, text: str, good: int, bad: int) -> None:
    file = tmp_path / "alice.json"
    file.write_text(text)
    rows = list(rows_of(files_of([str(file)])))
    assert Counter(type(row) for row in rows) == Counter({Row: good, Unreadable: bad})


def test_names_of_knowledge_bases() -> None:
    targets = Targets("my-service", mapping_of([*MAPPING, "x=y=z"]))
    assert targets["node_my_service"] == "node"
    assert targets["node_kato"] == "node_kato"
    assert targets["_my_service"] == "_my_service"
    assert (targets["alice_old"], targets["x"]) == ("alice", "y=z")


def test_what_is_folded_to_one_name_is_merged(tmp_path: Path) -> None:
    """By its name, a knowledge base of a service of another name is another one."""
    rows = [{"name": "", "pattern_data": [["a"], ["b"]], "frequency": 2}]
    for base in ("a_b_kato", "a_b_other"):
        (tmp_path / base).mkdir()
        as_lines(tmp_path / base, rows)
    report = Report(io.StringIO())
    with stores.embedded(tmp_path / "m").open() as memory, working_in(tmp_path, []) as work:
        given = {"a_b_other": "a_b"}
        migration = Migration(work, Targets("kato", given), report, lambda _what, _more: None)
        migration.read_mongodb([str(tmp_path / "a_b_kato"), str(tmp_path / "a_b_other")])
        migration.move(memory)
        migration.close()
        assert memory.knowledge_bases() == ["a_b"]
        assert memory.knowledge_base("a_b").stats().pattern_frequencies == 4
