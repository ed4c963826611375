"""Rows of a table gathered to sequences, whatever order they come in.

Only this needs the whole input in memory: some 50 bytes a row, and each distinct text once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import msgspec
import numpy as np
import numpy.typing as npt

from kato.cli.reading.columns import Row

_Integers = npt.NDArray[np.int64]


class Gathered(msgspec.Struct, frozen=True):
    """The events of one sequence, and the line its first row stands in."""

    events: list[list[str]]
    line: int


class Gathering:
    """Rows in, sequences out, in the order their first rows came.

    Rows with equal order stay in the order they came. An event holds all rows of its sequence with
    the same event value and stands where its first row does.

    >>> rows = Gathering()
    >>> rows.add(Row("s", "late", order="10"), line=1)
    >>> rows.add(Row("s", "early", order="9"), line=2)
    >>> [sequence.events for sequence in rows.sequences()]
    [[['early'], ['late']]]
    """

    def __init__(self) -> None:
        self._sequences = _Texts()
        self._symbols = _Texts()
        self._orders = _Texts()
        self._events = _Texts()
        self._lines = array("q")

    def __len__(self) -> int:
        return len(self._sequences)

    def add(self, row: Row, *, line: int) -> None:
        """Add a row."""
        self._sequences.add(row.sequence)
        self._symbols.add(row.symbol)
        self._orders.add(row.order or "")
        # Without an event column each row is an event: its line tells it from all others.
        self._events.add(str(line) if row.event is None else row.event)
        self._lines.append(line)

    def sequences(self) -> Iterator[Gathered]:
        """The sequences of all rows that were added."""
        sequence_of = self._sequences.ids()
        if not len(sequence_of):
            return
        order = self._orders.ranks()[self._orders.ids()]
        rows = np.lexsort((order, sequence_of))  # lexsort is stable: ties keep the rows' order
        bounds = np.flatnonzero(np.diff(sequence_of[rows])) + 1
        for group in np.split(rows, bounds):
            yield Gathered(self._gathered(group), self._lines[int(group.min())])

    def _gathered(self, rows: _Integers) -> list[list[str]]:
        events: dict[int, list[str]] = {}
        for row in rows.tolist():
            events.setdefault(self._events.numbers[row], []).append(self._symbols.at(row))
        return list(events.values())


class _Texts:
    """A column of texts: each distinct one kept once, and its number a row."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._texts: list[str] = []
        self.numbers = array("i")

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        number = self._number.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        self.numbers.append(number)

    def at(self, row: int) -> str:
        return self._texts[self.numbers[row]]

    def ids(self) -> _Integers:
        return np.array(self.numbers, dtype=np.int64)

    def ranks(self) -> _Integers:
        """By number of a text, its rank: as numbers if all texts are numbers, else as texts."""
        keys = _numeric(self._texts) or self._texts
        rank = {key: place for place, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
        return np.array([rank[key] for key in keys], dtype=np.int64)


def _numeric(texts: list[str]) -> list[Decimal] | None:
    # Decimal, not float: nanoseconds since 1970 differ only beyond the 53 bits of a float.
    try:
        numbers = [Decimal(text) for text in texts]
    except InvalidOperation:
        return None
    return numbers if all(number.is_finite() for number in numbers) else None
