"""Tables: a row holds one symbol and says which sequence, and perhaps which event, it belongs to.

The reader of CSV, TSV and blank-separated text. Parquet in the same long form goes through
:mod:`kato.cli.reading.parquet`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from kato.cli.reading.columns import Columns, Places
from kato.cli.reading.grouping import Gathering
from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.model.example import Example

BLANKS = " "
"""The delimiter that stands for any run of blanks."""

READING_SHARE = 0.2
"""Share of the time that reading the rows takes; the rest is grouping and learning them."""

_FIELD_LIMIT = 1 << 20
_Cells = Sequence[str | None]


def read_table(source: Source, columns: Columns) -> Iterator[Item]:
    """The sequences of a table; its rows need not be in any order, so all are read first.

    Raises:
        UnreadableInput: A column that was asked for does not exist.
    """
    source.reading_is(READING_SHARE)
    delimiter = columns.delimiter or _guess_delimiter(source.head())
    gathering = Gathering()
    places: Places | None = None
    for record in _records(source, delimiter):
        if isinstance(record, Rejected):
            yield record
            continue
        line, cells = record
        if places is None:
            named = columns.has_header(cells)
            places = columns.places(cells if named else None, source.name)
            if named:
                continue
        try:
            gathering.add(places.row([cell or None for cell in cells]), line=line)
        except ValueError as error:
            yield Rejected(source.name, line, str(error))
    yield from gathered(gathering, source)


def gathered(gathering: Gathering, source: Source) -> Iterator[Item]:
    """The sequences of rows that were gathered, with their progress told to the source."""
    total = len(gathering)
    for done, sequence in enumerate(gathering.sequences(), start=1):
        source.worked(done / total)
        yield Accepted(Example(sequence.events), source.name, sequence.line)


def _records(source: Source, delimiter: str) -> Iterator[Rejected | tuple[int, _Cells]]:
    if delimiter == BLANKS:
        return _split_records(source)
    return _quoted_records(source, delimiter)


def _split_records(source: Source) -> Iterator[Rejected | tuple[int, _Cells]]:
    for line in source.lines():
        try:
            cells = [cell.decode() for cell in line.split()]
        except UnicodeDecodeError as error:
            yield Rejected(source.name, source.line, undecodable(error))
            continue
        if cells:
            yield source.line, cells


def _quoted_records(source: Source, delimiter: str) -> Iterator[Rejected | tuple[int, _Cells]]:
    rejected: list[Rejected] = []
    csv.field_size_limit(_FIELD_LIMIT)
    records = csv.reader(_decoded(source, rejected), delimiter=delimiter, strict=True)
    while True:
        began = source.line + 1
        try:
            cells = next(records)
        except StopIteration:
            yield from rejected
            return
        except csv.Error as error:
            rejected.append(Rejected(source.name, began, f"is no table row: {error}"))
            cells = []
        skipped = len(rejected)
        yield from rejected
        rejected.clear()
        if cells:
            yield min(began + skipped, source.line), cells


def _decoded(source: Source, rejected: list[Rejected]) -> Iterable[str]:
    for line in source.lines():
        try:
            # The end goes back on: inside of quotes it belongs to the cell.
            yield line.decode() + "\n"
        except UnicodeDecodeError as error:
            rejected.append(Rejected(source.name, source.line, undecodable(error)))


def _guess_delimiter(head: bytes) -> str:
    first = next(filter(_is_text, head.splitlines()), b"")
    counts = {delimiter: first.count(delimiter.encode()) for delimiter in "\t,;"}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else BLANKS


def _is_text(line: bytes) -> bool:
    try:
        return bool(line.decode().strip())
    except UnicodeDecodeError:
        return False
