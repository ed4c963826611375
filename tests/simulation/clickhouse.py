"""A ClickHouse in dictionaries, with what is documented of the real one: no more and no less.

* An insert of one block into one table is all or nothing; a batch of several tables is not.
* A table knows the tokens of its last blocks and takes no block under one of them again.
* A read sees all blocks that were inserted before it began.
* A row is deleted if its condition holds. Conditions are ClickHouse's own; SQLite understands them.

The real one is tested elsewhere and costs milliseconds a statement, a simulated schedule all
together some. ``test_stand_in.py`` holds this one against the real one.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
from tests.simulation.network import Lost, Network

from kato.errors import StoreUnavailable
from kato.storage.ledger.journal import IntArray, Sequences

WINDOW = 1000
"""Tokens a table knows, as in the migrations."""

Row = dict[str, Any]


class Tables:
    """What is stored.

    Args:
        window: Tokens each table knows.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._tokens: dict[str, deque[str]] = {}
        self._rows: dict[str, list[Row]] = {}

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Insert a block, if its token is not known."""
        if not self.knows(table, token):
            self._tokens.setdefault(table, deque(maxlen=self._window)).append(token)
            self._rows.setdefault(table, []).extend(rows.to_pylist())

    def knows(self, table: str, token: str) -> bool:
        """Whether the table has a block under a token."""
        return token in self._tokens.get(table, ())

    def rows(self, table: str, kb: int) -> list[Row]:
        """All rows of a knowledge base, in the order they came."""
        return [row for row in self._rows.get(table, ()) if row["kb"] == kb]

    def newest(self, table: str, kb: int, key: str) -> dict[Any, Row]:
        """By key, the rows of the highest version."""
        newest: dict[Any, Row] = {}
        for row in self.rows(table, kb):
            if row[key] not in newest or newest[row[key]]["version"] <= row["version"]:
                newest[row[key]] = row
        return newest

    def matching(self, table: str, condition: str, parameters: Mapping[str, Any]) -> list[int]:
        """Which rows of a table a condition holds for."""
        if not self._rows.get(table):
            return []
        with closing(sqlite3.connect(":memory:")) as database:
            for name in {table, "knowledge_bases", "tombstones"}:
                _load(database, name, self._rows.get(name, []))
            where = re.sub(r"\{(\w+):\w+\}", r":\1", condition).replace(" FINAL", "_newest")
            select = f"SELECT place FROM {table} WHERE {where}"  # noqa: S608
            found = database.execute(select, parameters)
            return [place for (place,) in found]

    def delete(self, table: str, condition: str, parameters: Mapping[str, Any]) -> None:
        """Delete the rows that a condition holds for."""
        gone = set(self.matching(table, condition, parameters))
        rows = self._rows.get(table, [])
        self._rows[table] = [row for place, row in enumerate(rows) if place not in gone]

    def patterns(self, kb: int, first: int, last: int, *, hide: bool) -> Sequences:
        """The patterns with ids from the first to the last, by id."""
        tombstones = self.newest("tombstones", kb, "id") if hide else {}
        forgotten = {number for number, row in tombstones.items() if not row["taken_back"]}
        found = [
            row
            for row in self.rows("patterns", kb)
            if first <= row["id"] <= last and row["id"] not in forgotten
        ]
        return _sequences(sorted(found, key=lambda row: int(row["id"])))


class Reaching:
    """Asks the tables through the network, as :class:`kato.storage.clickhouse.client.ClickHouse`
    and :class:`kato.storage.clickhouse.patterns.PatternTables` do.

    Args:
        tables: What is stored.
        network: What requests go through; straight to the tables if None.
    """

    def __init__(self, tables: Tables, network: Network | None) -> None:
        self._tables = tables
        self._network = network

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if rows.num_rows:
            self._asked(f"insert into {table}", lambda: self._tables.insert(table, rows, token))

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[int]:
        """Answers whether a table has a row that a condition holds for: empty if not."""
        table, condition = _parts(r"SELECT 1 FROM (\w+) WHERE (.*) LIMIT 1", statement)
        find = self._tables.matching
        answer = self._asked(f"look into {table}", lambda: find(table, condition, parameters))
        assert isinstance(answer, list)
        return answer

    def command(self, statement: str, parameters: Mapping[str, Any]) -> None:
        """Deletes the rows of a table that a condition holds for.

        What purges write into ``last_patterns`` is for a ledger that is lost: nothing reads it.
        """
        if statement.startswith("INSERT INTO last_patterns SELECT"):
            return
        table, condition = _parts(r"DELETE FROM (\w+) WHERE (.*)", statement)
        delete, label = self._tables.delete, f"delete in {table}"
        self._asked(label, lambda: delete(table, condition, parameters))

    def where(
        self, kb: int, condition: str, parameters: Mapping[str, Any], *, hide: bool = True
    ) -> Sequences:
        """Answers a scan of a small knowledge base, which has no condition but ids."""
        expected = "id >= {first:UInt64} AND id <= {last:UInt64} AND (true)"
        if condition != expected:
            raise NotImplementedError(condition)
        first, last = parameters["first"], parameters["last"]
        answer = self._asked(
            "select patterns", lambda: self._tables.patterns(kb, first, last, hide=hide)
        )
        assert isinstance(answer, Sequences)
        return answer

    def with_id(self, kb: int, pattern: int) -> Sequences:
        answer = self._asked(
            "select pattern", lambda: self._tables.patterns(kb, pattern, pattern, hide=True)
        )
        assert isinstance(answer, Sequences)
        return answer

    def texts(self, kb: int, ids: Sequence[int]) -> dict[int, str]:
        every = self.vocabulary(kb)
        return {number: every[number] for number in ids if number in every}

    def vocabulary(self, kb: int, most: int = 2**32 - 1) -> dict[int, str]:
        rows = self._asked("select symbols", lambda: self._tables.rows("symbols", kb))
        return {row["id"]: row["text"] for row in rows if row["id"] <= most}

    def _asked(self, label: str, ask: Callable[[], Any]) -> Any:
        if self._network is None:
            return ask()
        try:
            return self._network.receive(self._network.send(label, ask))
        except Lost:
            raise StoreUnavailable("ClickHouse failed: the simulated network lost it") from None


_NUMBERS = ("kb", "id", "version", "cleared", "taken_back")
"""Columns that conditions are about; 0 where a table has no such column."""

_NEWEST = """
CREATE VIEW {name}_newest AS SELECT * FROM {name} one WHERE version =
    (SELECT max(version) FROM {name} other WHERE other.kb = one.kb AND other.id = one.id)
"""


def _load(database: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
    database.execute(f"CREATE TABLE {name} (place, {', '.join(_NUMBERS)})")
    values = [(place, *(row.get(c, 0) for c in _NUMBERS)) for place, row in enumerate(rows)]
    database.executemany(f"INSERT INTO {name} VALUES (?{', ?' * len(_NUMBERS)})", values)  # noqa: S608
    database.execute(_NEWEST.format(name=name))


def _parts(form: str, statement: str) -> tuple[str, ...]:
    found = re.fullmatch(form, statement)
    if found is None:
        raise NotImplementedError(statement)
    return found.groups()


def _sequences(rows: Sequence[Row]) -> Sequences:
    if not rows:
        return Sequences.none()
    return Sequences(
        np.array([row["id"] for row in rows], np.int64),
        np.frombuffer(b"".join(row["name"] for row in rows), np.uint8).reshape(-1, 20),
        np.array([symbol for row in rows for symbol in row["symbols"]], np.uint32),
        _offsets([row["symbols"] for row in rows]),
        np.array([end for row in rows for end in row["event_ends"]], np.int32),
        _offsets([row["event_ends"] for row in rows]),
    )


def _offsets(lists: Sequence[Sequence[int]]) -> IntArray:
    return np.cumsum([0, *map(len, lists)]).astype(np.int64)
