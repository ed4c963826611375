"""The tables of ClickHouse in pieces: told apart by what they hold, read out, and put in."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from kato.storage.clickhouse.client import STREAM_BYTES, ClickHouse
from kato.upkeep.archive import Piece

KNOWLEDGE_BASES = 64
"""Knowledge bases of a piece: ten thousand small ones are a hundred pieces a table."""

IDS = 1 << 18
"""Ids of a piece."""

MADE_ANEW = {
    *("postings", "posting_coverage", "minhash_bands", "minhash_coverage"),  # of the patterns
    *("store", "migrations", "market_migrations"),  # of the store they are restored into
}
"""Tables that are not in a backup."""

FOLLOWING = {"shape", "frequent", "others", "low_pairs", "high_pairs"}
"""Columns of patterns that follow from its symbols."""


class Table(msgspec.Struct, frozen=True):
    """How a table is read.

    Attributes:
        name: Its name.
        columns: Its columns.
        digested: SQL for the values that tell its rows from others.
        split: SQL for the values by which its rows are put in pieces.
        final: Whether of several versions of a row one counts.
    """

    name: str
    columns: tuple[str, ...]
    digested: list[str]
    split: list[str]
    final: bool

    @property
    def source(self) -> str:
        """SQL to read it from."""
        return f"{self.name} FINAL" if self.final else self.name


def tables(clickhouse: ClickHouse) -> list[Table]:
    """All tables that a backup holds, in the order in which they must be read.

    Tombstones come first: a pattern that is purged between the two reads is hidden or not there.
    How far layers of the market are whole comes last: what is taken away meanwhile is then not
    said to be there.
    """
    rows = clickhouse.rows(
        "SELECT name, engine, partition_key, sorting_key FROM system.tables "
        "WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') ORDER BY name"
    )
    found = [_table(clickhouse, *row) for row in rows if row[0] not in MADE_ANEW]
    return sorted(found, key=lambda one: (one.name == "market_floors") - (one.name == "tombstones"))


def pieces(clickhouse: ClickHouse, table: Table) -> list[Piece]:
    """What there is of a table now."""
    split = ", ".join(f"toString({each})" for each in table.split)
    digest = f"sum(cityHash64({', '.join(table.digested)}))"
    what = f"arrayStringConcat([{split}], '-') AS piece, count(), {digest}"
    rows = clickhouse.rows(f"SELECT {what} FROM {table.source} GROUP BY piece ORDER BY piece")  # noqa: S608 - names of columns only
    return [
        Piece(table.name, name or "all", count, digest, table.columns)
        for name, count, digest in rows
    ]


def read_out(clickhouse: ClickHouse, table: Table, piece: Piece) -> Iterator[bytes]:
    """The rows of a piece, compressed, part by part; nothing else is asked meanwhile."""
    values = piece.name.split("-") if table.split else []
    where = " AND ".join(
        f"toString({each}) = {{p{i}:String}}"
        if each == "_partition_id"
        else f"{each} = toUInt64({{p{i}:String}})"
        for i, each in enumerate(table.split)
    )
    statement = f"SELECT {', '.join(table.columns)} FROM {table.source} WHERE {where or 'true'}"  # noqa: S608 - as above
    parameters = {f"p{i}": value for i, value in enumerate(values)}
    codec: Any = pa.Codec("zstd")
    with clickhouse.streamed(statement, parameters) as parts:
        for part in parts:
            yield codec.compress(part, asbytes=True)


def put_in(clickhouse: ClickHouse, piece: Piece, file: Path) -> None:
    """Insert the rows of a piece."""
    clickhouse.insert_native(piece.table, piece.columns, _unpacked(file))


def _table(clickhouse: ClickHouse, name: str, engine: str, partition: str, key: str) -> Table:
    rows: list[tuple[str, str]] = clickhouse.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() "
        "AND table = {table:String} ORDER BY position",
        {"table": name},
    )
    columns = tuple(c for c, _ in rows if not (name == "patterns" and c in FOLLOWING))
    states = {column for column, kind in rows if kind.startswith("AggregateFunction")}
    digested = [f"finalizeAggregation({c})" if c in states else c for c in columns]
    return Table(name, columns, digested, _split(partition, key.split(", ")), engine != "MergeTree")


def _split(partition: str, key: list[str]) -> list[str]:
    if partition:
        return ["_partition_id"]
    widths = (KNOWLEDGE_BASES, IDS) if key[0] == "kb" else ()
    return [f"intDiv({column}, {width})" for column, width in zip(key, widths, strict=False)]


def _unpacked(file: Path) -> Generator[bytes, None, None]:
    with pa.input_stream(str(file), compression="zstd") as source:
        while part := source.read(STREAM_BYTES):
            yield part
