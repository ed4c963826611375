"""The ClickHouse table of a KATO 3 installation: on its server, or in a dump of it.

Traps: the driver answers texts that are no UTF-8 as digits, so columns are asked for as bytes; and
ClickHouse refuses a whole file of JSON for one lone surrogate, so those are read here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from kato.errors import StoreUnavailable, UnreadableInput
from kato.upkeep.migration.files import opened
from kato.upkeep.migration.row import Unreadable

TABLE = "kato.patterns_data"
FORMATS = {
    ".parquet": "Parquet",
    ".native": "Native",
    ".csv": "CSVWithNames",
    ".json": "JSONEachRow",
    ".jsonl": "JSONEachRow",
    ".ndjson": "JSONEachRow",
}
"""What files are called, and the format they are in; ``.gz`` may stand behind."""

COLUMNS = "kb_id, name, pattern_data, toInt64(toUnixTimestamp(created_at)) AS created"
_STATEMENT = f"SELECT {COLUMNS} FROM {TABLE} ORDER BY kb_id, length, name"  # noqa: S608 - constants
_AT_ONCE = 1000
_EVENTS = pa.list_(pa.list_(pa.binary()))
_TYPES = {"kb_id": pa.binary(), "name": pa.binary(), "pattern_data": _EVENTS, "created": pa.int64()}


class TableRow(msgspec.Struct, frozen=True):
    """A row of the table.

    Attributes:
        where: File or table, and position in it.
        base: ``kb_id``.
        name: ``name``.
        events: ``pattern_data``; a text that is no UTF-8 stands as bytes.
        created: Seconds since 1970.
    """

    where: str
    base: str
    name: Any
    events: Any
    created: int


def rows_of(source: str, work: Path) -> Iterator[TableRow | Unreadable]:
    """The rows of the table.

    Args:
        source: ``http://user:password@host:8123``, or a file that :data:`FORMATS` knows.
        work: A folder of our own.

    Raises:
        StoreUnavailable: The server does not answer.
        UnreadableInput: The file cannot be read, or is in no known format.
    """
    if "://" in source:
        with _asked(source) as batches:
            yield from _rows(batches, TABLE)
        return
    kind = _format_of(source)
    if kind == "JSONEachRow":
        yield from _json_rows(source)
        return
    file = Path(source) if kind == "Parquet" else _converted(Path(source), kind, work)
    try:
        yield from _rows(pq.ParquetFile(file).iter_batches(_AT_ONCE), Path(source).name)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInput(f"{source!a} cannot be read: {error}") from error


def _format_of(source: str) -> str:
    name = Path(source).name.removesuffix(".gz")
    kind = FORMATS.get(Path(name).suffix.lower())
    if kind is None:
        raise UnreadableInput(
            f"{source!a} is in no known format", remedy=f"name it *{', *'.join(FORMATS)}"
        )
    return kind


@contextmanager
def _asked(url: str) -> Iterator[Iterable[pa.RecordBatch]]:
    """The table on a server, which lets this connection only read."""
    try:
        client = clickhouse_connect.get_client(
            dsn=url, autogenerate_session_id=False, settings={"readonly": 2}
        )
        with client, client.query_arrow_stream(_STATEMENT, use_strings=False) as batches:
            yield batches
    except (ClickHouseError, HTTPError) as error:
        raise StoreUnavailable(
            f"the ClickHouse of KATO 3 failed: {error}",
            remedy=f"see whether it runs, its URL, and whether it has a table {TABLE}",
        ) from error


def _rows(batches: Iterable[Any], where: str) -> Iterator[TableRow | Unreadable]:
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _AT_ONCE):
            for values in _values(batch.slice(start, _AT_ONCE)):
                number += 1
                yield _row(f"{where}, row {number}", *values)


def _values(batch: Any) -> Iterator[tuple[Any, ...]]:
    names = set(batch.schema.names)
    if missing := {"kb_id", "name", "pattern_data"} - names:
        raise UnreadableInput(f"the table has no column {', '.join(sorted(missing))}")
    if "created" not in names and "created_at" in names:
        batch = batch.rename_columns(
            ["created" if name == "created_at" else name for name in batch.schema.names]
        )
    columns = [
        _plain(batch.column(name).cast(kind))
        if name in batch.schema.names
        else [0] * batch.num_rows
        for name, kind in _TYPES.items()
    ]
    return zip(*columns, strict=True)


def _plain(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _row(where: str, base: Any, name: Any, events: Any, created: Any) -> TableRow | Unreadable:
    base = _text(base)
    if not isinstance(base, str):
        return Unreadable(where, ascii(base), "kb_id is no text")
    worded = events
    if isinstance(events, list):
        worded = [
            [_text(symbol) for symbol in event] if isinstance(event, list) else event
            for event in events
        ]
    return TableRow(where, base, _text(name), worded, created if isinstance(created, int) else 0)


def _text(value: Any) -> Any:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _json_rows(source: str) -> Iterator[TableRow | Unreadable]:
    with opened(source) as file:
        for number, line in enumerate(file, start=1):
            where = f"{Path(source).name}, line {number}"
            try:
                given = json.loads(line)
                created = _seconds(given.get("created_at"))
                yield _row(where, given["kb_id"], given["name"], given["pattern_data"], created)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                yield Unreadable(where, "", f"no row of the table: {error!r}")


def _seconds(text: Any) -> int:
    """A wall clock's time as seconds since 1970; only the order matters."""
    if not isinstance(text, str):
        return 0
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _converted(source: Path, kind: str, work: Path) -> Path:
    """The file as Parquet, made by an engine in a process of its own: ours may hold the memory."""
    # Under a plain name, as ClickHouse takes some signs of a name for patterns.
    suffix = ".gz" if source.suffix == ".gz" else ""
    given, made = work / f"dump{suffix}", work / "dump.parquet"
    for file in (given, made):
        file.unlink(missing_ok=True)
    given.symlink_to(source.absolute())
    command = [sys.executable, "-m", "kato.upkeep.migration.convert", given.name, kind, made.name]
    done = subprocess.run(  # noqa: S603 - this program, and names of ours
        command, cwd=work, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise UnreadableInput(f"{str(source)!a} is no readable {kind}: {reason[0]}")
    return made
