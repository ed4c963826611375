"""Migrations: numbered, taken once, begun again when cut off, refused from a newer release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.storage.tables import DERIVED, TABLES

from kato.errors import StoreTooNew, StoreUnavailable
from kato.memory.engines import Engines
from kato.storage.clickhouse import migrations
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.migrations import Migration, applied, known, migrate

FIRST = Migration(1, "memory", ["CREATE TABLE IF NOT EXISTS one (a UInt8) ENGINE = Memory"])
SECOND = Migration(
    2,
    "more",
    [
        "CREATE TABLE IF NOT EXISTS two (a UInt8) ENGINE = Memory",
        "ALTER TABLE one ADD COLUMN IF NOT EXISTS b UInt8 DEFAULT 7",
    ],
)


class CutOff:
    """A ClickHouse whose caller ends after some statements."""

    def __init__(self, clickhouse: ClickHouse, statements: int) -> None:
        self._clickhouse = clickhouse
        self._left = statements

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        return self._clickhouse.rows(statement, parameters)

    def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        if not self._left:
            raise StoreUnavailable("cut off")
        self._left -= 1
        self._clickhouse.command(statement, parameters)


@pytest.fixture
def empty(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClickHouse]:
    """A connection to a database of its own, without tables."""
    engines._clickhouse.command("CREATE DATABASE empty")
    monkeypatch.setattr("kato.storage.clickhouse.client.DATABASE", "empty")
    clickhouse = engines._clickhouse.another()
    yield clickhouse
    clickhouse.close()
    engines._clickhouse.command("DROP DATABASE empty SYNC")


def names_of(clickhouse: ClickHouse) -> set[str]:
    rows = clickhouse.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return {name for (name,) in rows}


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.number for step in known()] == list(range(1, len(known()) + 1))
    assert all(step.statements for step in known())
    assert not any("--" in statement for step in known() for statement in step.statements)


def test_an_empty_database_takes_every_step(empty: ClickHouse) -> None:
    assert migrate(empty) == [step.number for step in known()]
    assert names_of(empty) == {*TABLES, *DERIVED, "store", "migrations"}
    assert applied(empty) == [step.number for step in known()]


def test_steps_are_taken_once(empty: ClickHouse) -> None:
    migrate(empty)
    empty.command("INSERT INTO symbols VALUES (1, 1, 'a')")
    assert migrate(empty) == []
    assert empty.rows("SELECT count() FROM migrations") == [(len(known()),)]
    assert empty.rows("SELECT text FROM symbols") == [("a",)]


def test_later_steps_follow(empty: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "known", lambda: [FIRST])
    assert migrate(empty) == [1]
    monkeypatch.setattr(migrations, "known", lambda: [FIRST, SECOND])
    assert migrate(empty) == [2]
    assert names_of(empty) == {"one", "two", "migrations"}


@pytest.mark.parametrize("statements", range(6))
def test_a_start_that_was_cut_off_is_begun_again(
    empty: ClickHouse, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    monkeypatch.setattr(migrations, "known", lambda: [FIRST, SECOND])
    cut_off: Any = CutOff(empty, statements)
    with pytest.raises(StoreUnavailable):
        migrate(cut_off)
    # After the table of steps: the first step and its note, the second's two statements.
    assert migrate(empty) == ([2] if statements > 2 else [1, 2])
    assert applied(empty) == [1, 2]
    empty.command("INSERT INTO one (a) VALUES (1)")
    assert empty.rows("SELECT a, b FROM one") == [(1, 7)]


@pytest.mark.parametrize("step", known(), ids=lambda step: str(step.number))
def test_each_statement_may_be_carried_out_twice(empty: ClickHouse, step: Migration) -> None:
    migrate(empty)
    empty.command("INSERT INTO symbols VALUES (1, 1, 'a')")
    for statement in step.statements:
        empty.command(statement)
    assert empty.rows("SELECT text FROM symbols") == [("a",)]


def test_a_newer_database_is_refused(empty: ClickHouse) -> None:
    migrate(empty)
    empty.command("INSERT INTO migrations (number, name) VALUES (4711, 'future')")
    with pytest.raises(StoreTooNew, match=r"migration 4711.*upgrade"):
        migrate(empty)


def test_every_table_remembers_tokens(engines: Engines) -> None:
    statement = "SELECT name, create_table_query FROM system.tables WHERE database = 'kato'"
    queries = dict(engines._clickhouse.rows(statement))
    for table in (*TABLES, *DERIVED):
        assert "non_replicated_deduplication_window = 1000" in queries[table]
        assert "fsync_after_insert = 1, fsync_part_directory = 1" in queries[table]
