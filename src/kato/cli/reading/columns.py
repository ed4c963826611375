"""Which columns of a table hold what."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kato.errors import UnreadableInput

_DEFAULTS = ("sequence", "symbol")
_Cells = Sequence[str | None]


class Row(msgspec.Struct, frozen=True):
    """One symbol of a sequence.

    Attributes:
        sequence: What the rows of one sequence have in common.
        symbol: The symbol.
        order: Where in the sequence; None for the order of the rows.
        event: What the symbols of one event have in common; None for an event of its own.
    """

    sequence: str
    symbol: str
    order: str | None = None
    event: str | None = None


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
