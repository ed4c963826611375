"""Patterns in and out as streams: NDJSON, a pattern a line, or Parquet, a pattern a row."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from hashlib import sha256
from typing import IO, Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kato.errors import UnreadableInput
from kato.memory import KnowledgeBase, PatternCopy, PatternPage
from kato.memory.learning import LESSON_PATTERNS
from kato.storage.ledger.operations import Operation

Format = Literal["ndjson", "parquet"]

MEDIA = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

MOST_TOLD = 100
"""Bad rows that are told one by one."""

STEP_BYTES = 4 << 20
"""Bytes of rows that end a step, however few they are."""

SPOOLED = 4 << 20
"""Bytes of a Parquet body that are held in memory; what is larger goes to a temporary file."""

_RECORD = pa.map_(pa.string(), pa.float64())

SCHEMA = pa.schema(
    {
        "name": pa.string(),
        "events": pa.list_(pa.list_(pa.string())),
        "frequency": pa.int64(),
        "emotives": pa.list_(_RECORD),
        "metadata": pa.map_(pa.string(), pa.list_(pa.string())),
        "affinity": _RECORD,
        "vectors": pa.map_(pa.string(), pa.list_(pa.float64())),
    }
)
"""The columns of a Parquet file, and the keys of an NDJSON line."""

Page = Callable[[str | None], Awaitable[PatternPage]]


async def exported(page: Page, kind: Format) -> AsyncIterator[bytes]:
    """All patterns, as many in memory as one page holds.

    Args:
        page: Answers the page that comes after a cursor.
        kind: The format.
    """
    encode = _as_ndjson if kind == "ndjson" else _AsParquet()
    after = None
    while True:
        found = await page(after)
        copies = map(PatternCopy.of, found.patterns, found.affinities, found.vectors)
        after = found.next
        yield encode(list(copies), is_last=after is None)
        if after is None:
            return


def _as_ndjson(copies: list[PatternCopy], *, is_last: bool) -> bytes:  # noqa: ARG001
    return b"".join(msgspec.json.encode(copy) + b"\n" for copy in copies)


class _AsParquet:
    """Writes Parquet to nowhere, and hands out what was written."""

    def __init__(self) -> None:
        self._written = _Drained()
        file: Any = self._written  # any object with write and tell
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")

    def __call__(self, copies: list[PatternCopy], *, is_last: bool) -> bytes:
        rows = [_row(copy) for copy in copies]
        if rows:
            self._writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
        if is_last:
            self._writer.close()
        return self._written.drain()


class _Drained:
    """A file that forgets what was taken of it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def drain(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _row(copy: PatternCopy) -> dict[str, Any]:
    return {
        "name": copy.name,
        "events": copy.events,
        "frequency": copy.frequency,
        "emotives": [list(record.items()) for record in copy.emotives],
        "metadata": list(copy.metadata.items()),
        "affinity": list((copy.affinity or {}).items()),
        "vectors": list(copy.vectors.items()),
    }


class Row(msgspec.Struct, frozen=True):
    """A row of what is to be imported.

    Attributes:
        line: Its line or row, from 1.
        value: The copy it holds, or why it holds none.
        size: About its bytes.
    """

    line: int
    value: PatternCopy | str
    size: int = 0


class Importing:
    """Puts rows into a knowledge base, some hundred a step, and keeps count.

    A repeat of an import takes its rows in the same steps: each is an operation of its own.

    Args:
        kb: The knowledge base.
        operation: The operation of the whole.
    """

    def __init__(self, kb: KnowledgeBase, operation: Operation) -> None:
        self._kb = kb
        self._operation = operation
        self._steps = 0
        self._waiting: list[Row] = []
        self._size = 0
        self._counts = {"rows": 0, "new": 0, "merged": 0, "too_short": 0, "bad": 0}
        self._bad_rows: list[dict[str, Any]] = []

    @property
    def node(self) -> str:
        """The name of the knowledge base."""
        return self._kb.name

    def replace(self) -> None:
        """Clear the knowledge base first."""
        self._kb.clear(operation=self._operation.part("clear"))

    def take(self, rows: Iterable[Row]) -> None:
        """Put in what makes whole steps; the rest waits for more."""
        for row in rows:
            self._waiting.append(row)
            self._size += row.size
            if len(self._waiting) == LESSON_PATTERNS or self._size > STEP_BYTES:
                self._put()

    def end(self) -> dict[str, Any]:
        """Put in what waits; answers what became of all rows."""
        if self._waiting:
            self._put()
        return {**self._counts, "bad_rows": self._bad_rows}

    def _put(self) -> None:
        rows, self._waiting, self._size = self._waiting, [], 0
        good = [row for row in rows if isinstance(row.value, PatternCopy)]
        copies = [row.value for row in good if isinstance(row.value, PatternCopy)]
        step = self._operation.part(self._steps)
        if step.is_repeatable:
            digest = sha256(msgspec.json.encode(rows)).hexdigest()
            step = msgspec.structs.replace(step, request=f"{step.request} {digest}")
        self._steps += 1
        placed = self._kb.put(copies, operation=step, patiently=True)
        self._counts["rows"] += len(rows)
        problems = {row.line: row.value for row in rows if isinstance(row.value, str)}
        for row, each in zip(good, placed, strict=True):
            if each.error is not None:
                problems[row.line] = str(each.error)
            elif each.name is None:
                self._counts["too_short"] += 1
            else:
                self._counts["new" if each.new else "merged"] += 1
        self._counts["bad"] += len(problems)
        told = [{"line": line, "reason": problems[line]} for line in sorted(problems)]
        self._bad_rows += told[: MOST_TOLD - len(self._bad_rows)]


class Lines:
    """Cuts a stream into lines.

    Args:
        longest: Bytes of a line that are kept; a longer one is a bad row.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest: list[bytes] = []
        self._size = 0
        self._line = 0

    def rows(self, part: bytes) -> Iterator[Row]:
        """The rows that a part of the stream completes."""
        *ended, rest = part.split(b"\n")
        for end in ended:
            self._add(end)
            yield from self._row()
        self._add(rest)

    def end(self) -> Iterator[Row]:
        """The row that no line feed ends."""
        yield from self._row()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._longest:
            self._rest.append(part)
        else:
            self._rest.clear()

    def _row(self) -> Iterator[Row]:
        text, size = b"".join(self._rest).strip(), self._size
        self._rest, self._size = [], 0
        self._line += 1
        if size > self._longest:
            yield Row(self._line, f"a line has at most {self._longest} bytes, this one {size}")
        elif text:
            yield Row(self._line, _copy_of(text), size)


def _copy_of(text: bytes) -> PatternCopy | str:
    try:
        return msgspec.json.decode(text, type=PatternCopy)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def parquet_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a Parquet file.

    Raises:
        UnreadableInput: It is none, or has no events.
    """
    try:
        table = pq.ParquetFile(file)
        names = [name for name in SCHEMA.names if name in table.schema_arrow.names]
        if "events" not in names:
            raise UnreadableInput("the Parquet file has no column events")
        line = 0
        for batch in table.iter_batches(LESSON_PATTERNS, columns=names):
            for place in range(batch.num_rows):
                line += 1
                copy = _copy_in(batch, place)
                yield Row(line, copy, _size_of(copy))
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInput(f"the body is no readable Parquet file: {error}") from None


def _size_of(copy: PatternCopy | str) -> int:
    if isinstance(copy, str):
        return len(copy)
    return sum(len(symbol) for event in copy.events for symbol in event)


def _copy_in(batch: pa.RecordBatch, place: int) -> PatternCopy | str:
    try:
        values = {
            name: value
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if (value := _plain(name, column[place].as_py())) is not None
        }
        return msgspec.convert(values, PatternCopy)
    except (msgspec.ValidationError, UnicodeDecodeError, TypeError, ValueError) as error:
        return str(error)


def _plain(name: str, value: Any) -> Any:
    """A cell as JSON would have it."""
    if name == "emotives" and isinstance(value, list):
        return [_mapping(record) for record in value]
    return _mapping(value) if name in ("metadata", "affinity", "vectors") else value


def _mapping(value: Any) -> Any:
    """A map column comes as a list of pairs, a struct column as a dict with None for no value."""
    pairs = value.items() if isinstance(value, dict) else value
    return {key: each for key, each in pairs if each is not None} if pairs is not None else None


def spool() -> IO[bytes]:
    """Where a Parquet body is kept until it is whole: it is read from its end."""
    return tempfile.SpooledTemporaryFile(SPOOLED)
