"""A ClickHouse in dictionaries, with what is documented of the real one: no more and no less.

* An insert of one block into one table is all or nothing; a batch of several tables is not.
* A table knows the tokens of its last blocks and takes no block under one of them again.
* A read sees all blocks that were inserted before it began.

The real one is tested elsewhere and costs milliseconds a statement, a simulated schedule all
together some. ``test_stand_in.py`` holds this one against the real one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
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

    def patterns(self, kb: int, first: int, last: int, *, hide: bool) -> Sequences:
        """The patterns with ids from the first to the last, by id."""
        forgotten = {row["id"] for row in self.rows("tombstones", kb)} if hide else set()
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
