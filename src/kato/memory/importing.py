"""Patterns in, from a stream: NDJSON, a pattern a line, or Parquet, a pattern a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kato.errors import UnreadableInput
from kato.memory.copies import PatternCopy, Placed
from kato.memory.exporting import SCHEMA
from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.learning import LESSON_PATTERNS
from kato.storage.ledger.operations import Operation

MOST_TOLD = 100
"""Bad rows that are told one by one."""

STEP_BYTES = 4 << 20
"""Bytes of rows that end a step, however few they are."""


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


class BadRow(msgspec.Struct, frozen=True):
    """A row that cannot be used.

    Attributes:
        line: Its line or row, from 1.
        reason: Why.
    """

    line: int
    reason: str


class Tally(msgspec.Struct):
    """What became of the rows so far.

    Attributes:
        rows: Rows read.
        new: Patterns that were not known.
        merged: Rows added to patterns that were known.
        too_short: Rows of fewer than two symbols; they are no patterns.
        bad: Rows that cannot be used.
        bad_rows: The first 100 of them.
        frequencies: How often the patterns of the rows were learned, summed up.
        symbols: How many symbols that was.
    """

    rows: int = 0
    new: int = 0
    merged: int = 0
    too_short: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = []
    frequencies: int = 0
    symbols: int = 0

    def add(
        self, rows: list[Row], good: list[tuple[Row, PatternCopy]], placed: list[Placed]
    ) -> None:
        """Count the rows of a step, of which some are good."""
        problems = {row.line: row.value for row in rows if isinstance(row.value, str)}
        for (row, copy), each in zip(good, placed, strict=True):
            if each.error is not None:
                problems[row.line] = str(each.error)
            elif each.name is None:
                self.too_short += 1
            else:
                self.new += each.new
                self.merged += not each.new
                self.frequencies += copy.frequency
                self.symbols += copy.frequency * sum(map(len, copy.events))
        self.rows += len(rows)
        self.bad += len(problems)
        told = [BadRow(line, problems[line]) for line in sorted(problems)]
        self.bad_rows = [*self.bad_rows, *told[: MOST_TOLD - len(self.bad_rows)]]


class Importing:
    """Puts rows into a knowledge base, some hundred a step, and keeps count.

    A repeat of an import takes its rows in the same steps: each is an operation of its own.

    Args:
        kb: The knowledge base.
        operation: The operation of the whole.
        steps: How many steps an import of the same rows had taken when it was cut off.
        tally: What had become of the rows of those.
        taken: Called after each step with its operation and how many there are.
    """

    def __init__(
        self,
        kb: KnowledgeBase,
        operation: Operation,
        steps: int = 0,
        tally: Tally | None = None,
        taken: Callable[[Operation, int], None] = lambda _step, _steps: None,
    ) -> None:
        self._kb = kb
        self._operation = operation
        self._steps = steps
        self._taken = taken
        self._waiting: list[Row] = []
        self._size = 0
        self.tally = tally or Tally()
        self._skipped = self.tally.rows

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
            if self._skipped:
                self._skipped -= 1
                continue
            self._waiting.append(row)
            self._size += row.size
            if len(self._waiting) == LESSON_PATTERNS or self._size > STEP_BYTES:
                self._put()

    def end(self) -> Tally:
        """Put in what waits; answers what became of all rows."""
        if self._waiting:
            self._put()
        return self.tally

    def _put(self) -> None:
        rows, self._waiting, self._size = self._waiting, [], 0
        good = [(row, row.value) for row in rows if isinstance(row.value, PatternCopy)]
        step = self._operation.part(self._steps)
        if step.is_repeatable:
            digest = sha256(msgspec.json.encode(rows)).hexdigest()
            step = msgspec.structs.replace(step, request=f"{step.request} {digest}")
        placed = self._kb.put([copy for _, copy in good], operation=step, patiently=True)
        self._steps += 1
        self.tally.add(rows, good, placed)
        self._taken(step, self._steps)


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
