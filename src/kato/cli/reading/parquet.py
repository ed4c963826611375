"""Parquet: a nested ``events`` column, or the long form with a row for each symbol.

Rows are read in batches, so that a nested file of any size streams; the long form is gathered in
memory like any table. The line of an item is its row, from 1.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kato.cli.reading.columns import Columns, Places, Row
from kato.cli.reading.grouping import Gathering
from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.cli.reading.table import READING_SHARE, gathered
from kato.errors import UnreadableInput
from kato.model.example import Example

_BATCH_ROWS = 1 << 14
_NESTED = ("events", "emotives", "metadata")


class _Nested(msgspec.Struct):
    events: list[list[str]]
    emotives: dict[str, float | None] | None = None
    metadata: dict[str, Any] | None = None


def read_parquet(source: Source, columns: Columns) -> Iterator[Item]:
    """The sequences of a Parquet source.

    Raises:
        UnreadableInput: It is no Parquet, or a column that was asked for does not exist.
    """
    with _seekable(source) as file:
        try:
            table = pq.ParquetFile(file)
            if "events" in table.schema_arrow.names and columns.symbol is None:
                yield from _nested(table, source)
            else:
                yield from _long(table, source, columns)
        except pa.ArrowException as error:
            raise UnreadableInput(
                f"{source.name!a} is no readable Parquet file: {error}",
                remedy="write it again, or say what it is with --format",
            ) from None


@contextmanager
def _seekable(source: Source) -> Iterator[IO[bytes]]:
    # Parquet begins to read at its end, so a pipe is copied to a file first.
    if source.plain:
        with Path(source.name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source.stream, copy)
        copy.seek(0)
        yield copy


def _nested(table: pq.ParquetFile, source: Source) -> Iterator[Item]:
    source.reading_is(0.0)
    names = [name for name in _NESTED if name in table.schema_arrow.names]
    for batch in table.iter_batches(_BATCH_ROWS, columns=names):
        for row in range(batch.num_rows):
            source.line += 1
            yield _nested_item(batch, row, source)
        source.worked(source.line / table.metadata.num_rows)


def _nested_item(batch: pa.RecordBatch, row: int, source: Source) -> Item:
    try:
        values = {
            name: _plain(batch.column(place)[row].as_py())
            for place, name in enumerate(batch.schema.names)
        }
        nested = msgspec.convert(values, _Nested)
    except UnicodeDecodeError as error:
        return Rejected(source.name, source.line, undecodable(error))
    except msgspec.ValidationError as error:
        return Rejected(source.name, source.line, str(error))
    return Accepted(_example(nested), source.name, source.line)


def _example(nested: _Nested) -> Example:
    emotives = {k: v for k, v in (nested.emotives or {}).items() if v is not None}
    metadata = {k: v for k, v in (nested.metadata or {}).items() if v is not None}
    return Example(nested.events, emotives, metadata)


def _plain(value: Any) -> Any:
    # A map column comes as a list of pairs, a struct column as a dict with None for what is absent.
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return dict(value)
    return dict(value) if isinstance(value, Mapping) else value


def _long(table: pq.ParquetFile, source: Source, columns: Columns) -> Iterator[Item]:
    source.reading_is(READING_SHARE)
    names = table.schema_arrow.names
    places = columns.places(names, source.name)
    # All columns are read in their places; those nobody asked for stay empty.
    wanted = {names[place] for place in places.used() if place < len(names)}
    gathering = Gathering()
    for batch in table.iter_batches(_BATCH_ROWS, columns=sorted(wanted)):
        for cells in _rows(batch, names):
            source.line += 1
            try:
                gathering.add(_row(places, cells), line=source.line)
            except UnicodeDecodeError as error:
                yield Rejected(source.name, source.line, undecodable(error))
            except ValueError as error:
                yield Rejected(source.name, source.line, str(error))
    yield from gathered(gathering, source)


def _rows(batch: pa.RecordBatch, names: list[str]) -> Iterator[tuple[bytes | None, ...]]:
    read = batch.schema.names
    nothing: list[bytes | None] = [None] * batch.num_rows
    columns = (_texts(batch.column(name)) if name in read else nothing for name in names)
    return zip(*columns, strict=True)


def _texts(column: pa.Array[Any]) -> list[bytes | None]:
    # Through bytes: a column may hold what is no UTF-8, and that is one bad row, not a bad file.
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        column = column.cast(pa.string()).cast(pa.binary())
    return column.to_pylist()


def _row(places: Places, cells: tuple[bytes | None, ...]) -> Row:
    return places.row([None if cell is None else cell.decode() for cell in cells])
