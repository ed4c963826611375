"""Tables: a row holds one symbol and says which sequence, and perhaps which event, it belongs to.

The reader of CSV, TSV and blank-separated text. Parquet in the same long form goes through
:mod:`kato.cli.reading.parquet`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kato.cli.reading.grouping import Gathering, Row
from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.errors import UnreadableInput
from kato.model.example import Example

BLANKS = " "
"""The delimiter that stands for any run of blanks."""

READING_SHARE = 0.2
"""Share of the time that reading the rows takes; the rest is grouping and learning them."""

_FIELD_LIMIT = 1 << 20
_DEFAULTS = ("sequence", "symbol")
_Cells = Sequence[str | None]


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns of a table to read, each by name or by position from 1.

    Attributes:
        sequence: Column of the sequence; ``sequence``, else the first, if None.
        symbol: Column of the symbol; ``symbol``, else the second, if None.
        order: Column to order a sequence by, as numbers if all are; ``order`` if there is one.
        event: Column with what the symbols of one event have in common; ``event`` if there is one.
        delimiter: One character, a blank for any run of blanks; found in the first line if None.
        header: Whether the first line names the columns; if None, it does when a column is asked
            by a name or when it holds ``sequence`` and ``symbol``.
    """

    sequence: str | None = None
    symbol: str | None = None
    order: str | None = None
    event: str | None = None
    delimiter: str | None = None
    header: bool | None = None

    def has_header(self, first: _Cells) -> bool:
        """Whether a first line of these cells is a header."""
        if self.header is not None:
            return self.header
        asked = (self.sequence, self.symbol, self.order, self.event)
        by_name = any(column is not None and not column.isdecimal() for column in asked)
        return by_name or set(_DEFAULTS) <= set(first)

    def places(self, names: _Cells | None, file: str) -> Places:
        """Where the columns are, in a table with these names (None: no header).

        Raises:
            UnreadableInput: A column that was asked for does not exist.
        """
        known = names or ()

        def place(asked: str | None, name: str, otherwise: str) -> int:
            return _place(asked or (name if name in known else otherwise), names, file)

        def place_if_any(asked: str | None, name: str) -> int | None:
            return place(asked, name, "") if asked or name in known else None

        return Places(
            place(self.sequence, "sequence", "1"),
            place(self.symbol, "symbol", "2"),
            place_if_any(self.order, "order"),
            place_if_any(self.event, "event"),
        )


class Places(msgspec.Struct, frozen=True):
    """Positions of the columns, from 0."""

    sequence: int
    symbol: int
    order: int | None
    event: int | None

    def used(self) -> list[int]:
        """The positions that are read."""
        places = (self.sequence, self.symbol, self.order, self.event)
        return [place for place in places if place is not None]

    def row(self, cells: _Cells) -> Row:
        """The row these cells hold.

        Raises:
            ValueError: A cell is missing or None; the text says which.
        """
        return Row(
            _cell(cells, self.sequence, "sequence"),
            _cell(cells, self.symbol, "symbol"),
            None if self.order is None else _cell(cells, self.order, "order"),
            None if self.event is None else _cell(cells, self.event, "event"),
        )


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


def _place(column: str, names: _Cells | None, file: str) -> int:
    if names is not None and column in names:
        return names.index(column)
    if column.isdecimal() and int(column) >= 1:
        return int(column) - 1
    raise UnreadableInput(
        f"{file!a} has no column {column!a}",
        remedy=f"it has {', '.join(map(ascii, names or ['no names']))}; or give a position from 1",
    )


def _cell(cells: _Cells, place: int, what: str) -> str:
    if place >= len(cells):
        raise ValueError(f"has {len(cells)} columns, the {what} should be in column {place + 1}")
    cell = cells[place]
    if cell is None:
        raise ValueError(f"the {what} is empty")
    return cell
