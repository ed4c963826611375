"""The tables of the memory: filled by batches of the journal, read by recall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kato.model.emotive import Emotives
from kato.storage.clickhouse.bands import BandTable
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import Column, columns_of
from kato.storage.ledger.journal import Entry, Sequences, State
from kato.storage.traffic import Traffic

IntArray = npt.NDArray[np.int64]

_MAP = pa.map_(pa.string(), pa.float64())
_MAP_OF_LISTS = pa.map_(pa.string(), pa.list_(pa.string()))

_NEAREST = """
SELECT name, value, L2Distance(value, {vector:Array(Float64)}) AS distance
FROM vectors FINAL WHERE kb = {kb:UInt32} AND dimension = {dimension:UInt32}
ORDER BY distance LIMIT {limit:UInt32}
"""
_SPARE_VECTORS = 16

_WITHOUT_PATTERNS = (
    "symbols",
    "affinities",
    "inherited",
    "vectors",
    "posting_coverage",
    "minhash_coverage",
    "last_patterns",
)
"""Tables of which nothing goes when a pattern is forgotten."""

_NAMES_AT_ONCE = 1000
"""Names of vectors that a statement names."""

NOT_FORGOTTEN = (
    "id NOT IN (SELECT id FROM tombstones FINAL WHERE kb = {kb:UInt32} AND NOT taken_back)"
)
"""SQL that hides forgotten patterns whose rows are not deleted yet."""


class PatternSink:
    """Takes batches of the journal into the tables.

    The rows of an entry depend on the entry alone, so a batch that is read again makes the very
    same blocks.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._purged = 0

    def insert(self, entries: Sequence[Entry], token: str) -> None:
        """Insert what the entries say, each table under the token."""
        for table, rows in (
            # First: whatever of a batch is there, this tells of it.
            ("carried", _carried_rows(entries)),
            ("symbols", _symbol_rows(entries)),
            ("frequencies", _frequency_rows(entries)),
            ("states", _state_rows(entries)),
            ("affinities", _sum_rows([(e, e.affinities) for e in entries])),
            ("inherited", _sum_rows([(e, e.inherited) for e in entries])),
            ("vectors", _vector_rows(entries)),
            ("tombstones", _tombstone_rows(entries)),
            ("knowledge_bases", _knowledge_base_rows(entries)),
            ("patterns", _pattern_rows(entries)),
        ):
            self._clickhouse.insert(table, rows, token)

    def purge(self, done: int) -> None:
        """Delete what is void up to ``done``: forgotten patterns, cleared knowledge bases.

        What may still be given back lies behind it, as
        :meth:`kato.storage.ledger.undo.Undo.settle` says.
        A tombstone goes one purge later than what it hides: a statement that began to read before
        still finds it, and postings that were built from what it read are deleted with it.
        """
        until = {"done": done, "before": self._purged}
        self._keep_last_ids(done)
        cleared = (
            "kb IN (SELECT kb FROM knowledge_bases FINAL "
            "WHERE cleared AND version <= {done:UInt64})"
        )
        void = "FROM tombstones FINAL WHERE version <= {done:UInt64} AND NOT taken_back"
        forgotten = f"(kb, id) IN (SELECT kb, id {void})"
        for table in ("patterns", "postings", "frequencies", "states"):
            self._delete(table, f"{cleared} OR {forgotten}", until)
        for table in _WITHOUT_PATTERNS:
            self._delete(table, cleared, until)
        # Their table is not in the order of ids: only the knowledge bases that forgot are read.
        forgetful = f"kb IN (SELECT kb {void})"
        self._delete("minhash_bands", f"{cleared} OR {forgetful} AND {forgotten}", until)
        self._delete("tombstones", f"{cleared} OR version <= {{before:UInt64}}", until)
        self._purged = done

    def _keep_last_ids(self, done: int) -> None:
        """Keep the greatest ids of those that forgot: their rows may be among what is deleted."""
        forgetful = "FROM tombstones WHERE version <= {done:UInt64}"
        if self._clickhouse.rows(f"SELECT 1 {forgetful} LIMIT 1", {"done": done}):
            self._clickhouse.command(
                "INSERT INTO last_patterns SELECT kb, max(id) FROM patterns "  # noqa: S608
                f"WHERE kb IN (SELECT kb {forgetful}) GROUP BY kb",
                {"done": done},
            )

    def _delete(self, table: str, condition: str, parameters: dict[str, int]) -> None:
        # A lightweight DELETE rewrites every part it may touch: ask first.
        where = f"FROM {table} WHERE {condition}"
        if self._clickhouse.rows(f"SELECT 1 {where} LIMIT 1", parameters):
            self._clickhouse.command(f"DELETE {where}", parameters)


class PatternTables:
    """Reads the tables of the memory.

    Attributes:
        bands: The table of MinHash bands.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self.bands = BandTable(clickhouse)

    def where(
        self, kb: int, condition: str, parameters: Mapping[str, Any], *, hide: bool = True
    ) -> Sequences:
        """The patterns of a knowledge base that meet a condition, ids ascending.

        Args:
            kb: The knowledge base's number.
            condition: SQL over ``id``, ``symbols`` and ``event_ends``, with parameters.
            parameters: Their values.
            hide: Leave out what is forgotten; not needed where nothing ever was.
        """
        answer = self._clickhouse.native(
            f"SELECT id, name, symbols, event_ends {_matching(condition, hide=hide)} ORDER BY id",
            {"kb": kb, **parameters},
        )
        return _sequences_of(columns_of(answer))

    def first(
        self, kb: int, condition: str, parameters: Mapping[str, Any], limit: int
    ) -> Sequences:
        """The patterns with the smallest ids that meet a condition, ids ascending.

        Args:
            kb: The knowledge base's number.
            condition: As in :meth:`where`, and over ``name``.
            parameters: Their values.
            limit: How many at the most.
        """
        answer = self._clickhouse.native(
            f"SELECT id, name, symbols, event_ends {_matching(condition, hide=True)} "
            "ORDER BY id LIMIT {limit:UInt64}",
            {"kb": kb, "limit": limit, **parameters},
        )
        return _sequences_of(columns_of(answer))

    def counts(
        self,
        kb: int,
        condition: str,
        further: Sequence[str],
        parameters: Mapping[str, Any],
        *,
        hide: bool = True,
    ) -> list[int]:
        """How many patterns meet a condition, and how many of those each further one.

        Args:
            kb: The knowledge base's number.
            condition: As in :meth:`where`.
            further: More of the same.
            parameters: Their values.
            hide: As in :meth:`where`.
        """
        counted = ", ".join(["count()", *(f"countIf({each})" for each in further)])
        rows = self._clickhouse.rows(
            f"SELECT {counted} {_matching(condition, hide=hide)}", {"kb": kb, **parameters}
        )
        return [int(number) for number in rows[0]]

    def id_behind(
        self,
        kb: int,
        condition: str,
        parameters: Mapping[str, Any],
        skipped: int,
        *,
        hide: bool = True,
    ) -> int | None:
        """The smallest id of a pattern that meets a condition, behind so many others that do."""
        rows = self._clickhouse.rows(
            f"SELECT id {_matching(condition, hide=hide)} ORDER BY id LIMIT 1 "
            "OFFSET {skipped:UInt64}",
            {"kb": kb, "skipped": skipped, **parameters},
        )
        return int(rows[0][0]) if rows else None

    def with_id(self, kb: int, pattern: int) -> Sequences:
        """The pattern with an id, or none."""
        return self.where(kb, "id = {pattern:UInt64}", {"pattern": pattern})

    def texts(self, kb: int, ids: Sequence[int]) -> dict[int, str]:
        """Texts of symbols by id."""
        rows = self._clickhouse.rows(
            "SELECT id, text FROM symbols WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt32)}",
            {"kb": kb, "ids": list(ids)},
        )
        return dict(rows)

    def vocabulary(self, kb: int, most: int = 2**32 - 1) -> dict[int, str]:
        """Texts of all symbols of a knowledge base with an id up to ``most``."""
        rows = self._clickhouse.rows(
            "SELECT id, text FROM symbols WHERE kb = {kb:UInt32} AND id <= {most:UInt32}",
            {"kb": kb, "most": most},
        )
        return dict(rows)

    def nearest_vectors(
        self, kb: int, vector: Sequence[float], limit: int
    ) -> dict[str, list[float]]:
        """By name, the stored vectors that may be among the nearest to one of their dimension.

        ``L2Distance`` errs in its last digits, so all that it cannot tell apart are answered.
        """
        given = {"kb": kb, "dimension": len(vector), "vector": list(vector)}
        asked = limit + _SPARE_VECTORS
        while True:
            rows = self._clickhouse.rows(_NEAREST, {**given, "limit": asked})
            if len(rows) < asked or rows[-1][2] > rows[limit - 1][2] * (1 + 1e-9) + 1e-150:
                return {name: value for name, value, _ in rows}
            asked *= 8

    def vectors(self, kb: int, names: Sequence[str]) -> dict[str, list[float]]:
        """Stored vectors by name; those that are not stored are left out."""
        found: dict[str, list[float]] = {}
        for first in range(0, len(names), _NAMES_AT_ONCE):
            rows = self._clickhouse.rows(
                "SELECT name, value FROM vectors FINAL WHERE kb = {kb:UInt32} "
                "AND name IN {names:Array(String)}",
                {"kb": kb, "names": list(names[first : first + _NAMES_AT_ONCE])},
            )
            found.update(rows)
        return found

    def ping(self) -> None:
        """Ask the engine something small.

        Raises:
            StoreUnavailable: It does not answer.
        """
        self._clickhouse.rows("SELECT 1")

    @property
    def traffic(self) -> Traffic:
        """What is asked of ClickHouse, over all connections."""
        return self._clickhouse.traffic

    def bytes_on_disk(self) -> int:
        """Bytes of all active parts."""
        rows = self._clickhouse.rows(
            "SELECT sum(bytes_on_disk) FROM system.parts "
            "WHERE active AND database = currentDatabase()"
        )
        return int(rows[0][0] or 0)


def _matching(condition: str, *, hide: bool) -> str:
    shown = NOT_FORGOTTEN if hide else "true"
    return f"FROM patterns WHERE kb = {{kb:UInt32}} AND {shown} AND ({condition})"


def _sequences_of(columns: dict[str, Column]) -> Sequences:
    if not columns:
        return Sequences.none()
    symbols, ends = columns["symbols"], columns["event_ends"]
    return Sequences(
        columns["id"].values.astype(np.int64),
        columns["name"].values.astype(np.uint8, copy=False),
        symbols.values.astype(np.uint32, copy=False),
        _offsets(symbols),
        ends.values.astype(np.int32),
        _offsets(ends),
    )


def _offsets(column: Column) -> IntArray:
    return np.zeros(1, np.int64) if column.offsets is None else column.offsets


def _pattern_rows(entries: Iterable[Entry]) -> pa.Table:
    parts = [_sequence_rows(e.kb, e.sequences) for e in entries if e.sequences is not None]
    return pa.concat_tables(parts) if parts else pa.table({})


def _sequence_rows(kb: int, sequences: Sequences) -> pa.Table:
    return pa.table(
        {
            "kb": pa.array(np.full(len(sequences.ids), kb, np.uint32)),
            "id": pa.array(sequences.ids.astype(np.uint64)),
            "name": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(20),
                len(sequences.ids),
                [None, pa.py_buffer(sequences.names.tobytes())],
            ),
            "symbols": _list_column(sequences.offsets, sequences.symbols),
            "event_ends": _list_column(
                sequences.event_offsets, sequences.event_ends.astype(np.uint32)
            ),
        }
    )


def _list_column(offsets: IntArray, values: npt.NDArray[np.uint32]) -> Any:
    from_arrays: Any = pa.LargeListArray.from_arrays  # the stubs take no NumPy offsets
    return from_arrays(pa.array(offsets), pa.array(values))


def _carried_rows(entries: Sequence[Entry]) -> pa.Table:
    last = [(entries[-1].sequence,)] if entries else []
    return _table(last, {"sequence": pa.uint64()})


def _symbol_rows(entries: Iterable[Entry]) -> pa.Table:
    rows = [(e.kb, number, text) for e in entries for number, text in e.texts.items()]
    return _table(rows, {"kb": pa.uint32(), "id": pa.uint32(), "text": pa.string()})


def _frequency_rows(entries: Iterable[Entry]) -> pa.Table:
    """The newest frequency in the batch of each pattern that was learned more than once.

    One that was edited may have been learned more often before.
    """
    newest = {
        (e.kb, pattern): (e.sequence, frequency)
        for e in entries
        for pattern, frequency in e.frequencies.items()
        if frequency > 1 or e.kind == "edit"
    }
    return _table(
        [(*key, *value) for key, value in newest.items()],
        {"kb": pa.uint32(), "id": pa.uint64(), "version": pa.uint64(), "frequency": pa.uint64()},
    )


def _state_rows(entries: Iterable[Entry]) -> pa.Table:
    newest = {(e.kb, i): (e.sequence, state) for e in entries for i, state in e.states.items()}
    return _table(
        [(kb, i, version, *_state_cells(s)) for (kb, i), (version, s) in newest.items()],
        {
            "kb": pa.uint32(),
            "id": pa.uint64(),
            "version": pa.uint64(),
            "emotives": pa.list_(_MAP),
            "metadata": _MAP_OF_LISTS,
            "felt": _MAP,
        },
    )


def _state_cells(state: State) -> tuple[Any, ...]:
    emotives = [list(record.items()) for record in state.emotives]
    return emotives, list(state.metadata.items()), list(state.felt.items())


def _sum_rows(told: Iterable[tuple[Entry, dict[int, Emotives]]]) -> pa.Table:
    newest = {
        (e.kb, symbol): (e.sequence, sums)
        for e, by_symbol in told
        for symbol, sums in by_symbol.items()
    }
    return _table(
        [(kb, i, version, list(sums.items())) for (kb, i), (version, sums) in newest.items()],
        {"kb": pa.uint32(), "symbol": pa.uint32(), "version": pa.uint64(), "sums": _MAP},
    )


def _vector_rows(entries: Iterable[Entry]) -> pa.Table:
    rows = [
        (e.kb, len(value), name, e.sequence, value)
        for e in entries
        for name, value in e.vectors.items()
    ]
    return _table(
        rows,
        {
            "kb": pa.uint32(),
            "dimension": pa.uint32(),
            "name": pa.string(),
            "version": pa.uint64(),
            "value": pa.list_(pa.float64()),
        },
    )


def _tombstone_rows(entries: Iterable[Entry]) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        if entry.forgotten is not None:
            rows.append((entry.kb, entry.forgotten, entry.sequence, 0))
        if entry.restored is not None:
            rows.append((entry.kb, entry.restored, entry.sequence, 1))
    return _table(
        rows,
        {"kb": pa.uint32(), "id": pa.uint64(), "version": pa.uint64(), "taken_back": pa.uint8()},
    )


def _knowledge_base_rows(entries: Iterable[Entry]) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        if entry.name is not None:
            rows.append((entry.kb, entry.sequence, entry.name, int(entry.kind == "clear")))
        if entry.successor is not None:
            rows.append((entry.successor, entry.sequence, entry.name, 0))
    return _table(
        rows,
        {"kb": pa.uint32(), "version": pa.uint64(), "name": pa.string(), "cleared": pa.uint8()},
    )


def _table(rows: Sequence[tuple[Any, ...]], columns: dict[str, pa.DataType]) -> pa.Table:
    transposed: list[Any] = list(zip(*rows, strict=True)) or [[] for _ in columns]
    arrays = {
        name: pa.array(values, kind)
        for (name, kind), values in zip(columns.items(), transposed, strict=True)
    }
    return pa.table(arrays)
