"""What ClickHouse holds of knowledge bases, read a range of ids at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.ids import PatternIds
from kato.storage.clickhouse.native import columns_of
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.ledger.journal import Entry, Sequences, State

IntArray = npt.NDArray[np.int64]

IDS_AT_ONCE = 51_200
"""Pattern ids that are read at a time: whole blocks of 64, as the ledger keeps frequencies."""

_FREQUENCIES = """
SELECT id, frequency FROM frequencies FINAL
WHERE kb = {kb:UInt32} AND id >= {first:UInt64} AND id <= {last:UInt64}
"""
_STATES = """
SELECT id, emotives, metadata, felt FROM states FINAL
WHERE kb = {kb:UInt32} AND id >= {first:UInt64} AND id <= {last:UInt64}
"""
_THESE_FREQUENCIES = """
SELECT id, frequency FROM frequencies FINAL WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt64)}
"""
_THESE_STATES = """
SELECT id, emotives, metadata, felt FROM states FINAL
WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt64)}
"""
_LAST = """
SELECT greatest((SELECT max(id) FROM patterns WHERE kb = {kb:UInt32}),
    (SELECT max(id) FROM last_patterns WHERE kb = {kb:UInt32}))
"""
_NAMED = "SELECT kb, name FROM knowledge_bases FINAL WHERE NOT cleared ORDER BY kb"
_TEXTS = """
SELECT id, text FROM symbols
WHERE kb = {kb:UInt32} AND id >= {first:UInt32} AND id <= {last:UInt32} ORDER BY id
"""
_BEHIND = "FROM {table:Identifier} WHERE kb = {kb:UInt32} AND id > {last:UInt64}"
_LAST_SYMBOL = "SELECT max(id) FROM symbols WHERE kb = {kb:UInt32}"
_AFFINITIES = """
SELECT symbol, sums FROM affinities FINAL
WHERE kb = {kb:UInt32} AND symbol >= {first:UInt32} AND symbol <= {last:UInt32}
AND notEmpty(sums) ORDER BY symbol
"""
_INHERITED = """
SELECT symbol, sums FROM inherited FINAL
WHERE kb = {kb:UInt32} AND symbol >= {first:UInt32} AND symbol <= {last:UInt32}
AND notEmpty(sums) ORDER BY symbol
"""


class Block(msgspec.Struct, frozen=True):
    """The patterns of a range of ids, and what they carry.

    Attributes:
        first: The first id of the range.
        last: The last one.
        sequences: The patterns in it that are not forgotten, ids ascending.
        frequencies: int64[k], how often each was learned.
        states: By id, emotives and metadata of those that have any.
    """

    first: int
    last: int
    sequences: Sequences
    frequencies: IntArray
    states: dict[int, State] = {}


class Stored:
    """What ClickHouse holds of knowledge bases, read in ranges.

    Args:
        clickhouse: Where the tables are.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._tables = PatternTables(clickhouse)

    def knowledge_bases(self) -> dict[int, str]:
        """The names of those there are, by ascending number."""
        return dict(self._clickhouse.rows(_NAMED))

    def last_pattern(self, kb: int) -> int:
        """The greatest pattern id that ClickHouse knows to be given, 0 if there is none."""
        return int(self._clickhouse.rows(_LAST, {"kb": kb})[0][0])

    def last_symbol(self, kb: int) -> int:
        """The greatest symbol id, 0 if there is none."""
        return int(self._clickhouse.rows(_LAST_SYMBOL, {"kb": kb})[0][0])

    def blocks(self, kb: int, last: int) -> Iterator[Block]:
        """All patterns with ids up to ``last``, range by range."""
        for first in range(0, last + 1, IDS_AT_ONCE):
            yield self.block(kb, first, min(first + IDS_AT_ONCE - 1, last))

    def block(self, kb: int, first: int, last: int) -> Block:
        """The patterns of a range of ids."""
        found = self.sequences(kb, first, last)
        given = {"kb": kb, "first": first, "last": last}
        return Block(first, last, found, self._frequencies(found, given), self._states(given))

    def sequences(self, kb: int, first: int, last: int, *, hide: bool = True) -> Sequences:
        """The patterns of a range of ids by themselves, with ``hide`` those not forgotten."""
        ids = {"first": first, "last": last}
        condition = "id >= {first:UInt64} AND id <= {last:UInt64}"
        return self._tables.where(kb, condition, ids, hide=hide)

    def these(self, kb: int, ids: list[int]) -> Block:
        """The patterns with these ids, ascending, as far as they are there and not forgotten."""
        found = self._tables.where(kb, "id IN {ids:Array(UInt64)}", {"ids": ids})
        given = {"kb": kb, "ids": ids}
        frequencies = self._frequencies(found, given, _THESE_FREQUENCIES)
        states = self._states(given, _THESE_STATES)
        return Block(min(ids), max(ids), found, frequencies, states)

    def tombstones(self, kb: int) -> list[int]:
        """Ids of the patterns that are hidden, ascending."""
        return sorted(PatternIds(self._clickhouse).forgotten(kb).tolist())

    def texts(self, kb: int, first: int, last: int) -> dict[int, str]:
        """Texts of symbols by id, of a range of ids."""
        return dict(self._clickhouse.rows(_TEXTS, {"kb": kb, "first": first, "last": last}))

    def affinities(self, kb: int, first: int, last: int) -> dict[int, dict[str, float]]:
        """Affinity sums by symbol id, of a range of ids; those without any are left out."""
        return dict(self._clickhouse.rows(_AFFINITIES, {"kb": kb, "first": first, "last": last}))

    def inherited(self, kb: int, first: int, last: int) -> dict[int, dict[str, float]]:
        """What came with a move, by symbol id, of a range of ids: in the sums and in no share."""
        return dict(self._clickhouse.rows(_INHERITED, {"kb": kb, "first": first, "last": last}))

    def remove_orphans(self, kb: int, last: int) -> None:
        """Remove what a batch that was cut off said of patterns behind the last one.

        Their ids will be given again.
        """
        for table in ("frequencies", "states", "tombstones"):
            given = {"table": table, "kb": kb, "last": last}
            if self._clickhouse.rows(f"SELECT 1 {_BEHIND} LIMIT 1", given):
                self._clickhouse.command(f"DELETE {_BEHIND}", given)

    def keep_affinities(
        self, kb: int, version: int, affinities: dict[int, dict[str, float]]
    ) -> None:
        """Store affinity sums by symbol id, as of a version."""
        entry = Entry(sequence=version, kind="edit", kb=kb, affinities=affinities)
        PatternSink(self._clickhouse).insert([entry], f"affinities {kb} {version}")

    def _frequencies(
        self, found: Sequences, given: dict[str, Any], statement: str = _FREQUENCIES
    ) -> IntArray:
        frequencies = np.ones(len(found.ids), np.int64)
        columns = columns_of(self._clickhouse.native(statement, given))
        if columns and len(found.ids):
            ids = columns["id"].values.astype(np.int64)
            places = np.searchsorted(found.ids, ids)
            places[places == len(found.ids)] = 0
            known = found.ids[places] == ids
            frequencies[places[known]] = columns["frequency"].values[known].astype(np.int64)
        return frequencies

    def _states(self, given: dict[str, Any], statement: str = _STATES) -> dict[int, State]:
        rows = self._clickhouse.rows(statement, given)
        return {i: State(list(emotives), metadata, felt) for i, emotives, metadata, felt in rows}
