"""What of a sequence was seen: what comes next, what came again, what is missing."""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal, NamedTuple

import msgspec

from kato.market.trade import Exchange

Kind = Literal["next", "duplicate", "gap", "late", "reset"]

RESET_DISTANCE = 100_000
"""A number so far below the first one seen does not come late: the exchange began to count anew."""

MOST_HOLES = 10_000
"""Holes that are remembered. Behind that, the oldest one is given up: see :class:`Sequence`."""


class Seen(NamedTuple):
    """What a number turned out to be.

    Attributes:
        kind: ``next``: as expected. ``gap``: some before it are missing (or, of a number below
            the first one seen, some behind it). ``late``: one of those that were missing.
            ``duplicate``: seen before. ``reset``: counting began anew.
        after: Of a gap, the last number before it; of a reset, the highest one seen; else the
            number itself.
        before: Of a gap, the first number behind it; else the number itself.
    """

    kind: Kind
    after: int
    before: int

    @property
    def missing(self) -> int:
        """How many are missing because of it; 1 where one came again or late."""
        return self.before - self.after - 1 if self.kind == "gap" else int(self.kind != "reset")


class Sequence:
    """Which numbers of an ascending sequence were seen, exactly, in the memory of its holes.

    Where there are more holes than are remembered, the numbers up to the end of the oldest one
    count as never seen: one of them that comes is ``gap`` or ``reset``, not ``duplicate``.

    >>> sequence = Sequence()
    >>> [sequence.take(number).kind for number in (5, 6, 9, 7, 9)]
    ['next', 'next', 'gap', 'late', 'duplicate']
    >>> sequence.holes
    [(8, 9)]
    """

    __slots__ = ("_first", "_next", "holes")

    def __init__(self) -> None:
        self._first = self._next = -1
        self.holes: list[tuple[int, int]] = []

    def is_next(self, number: int) -> bool:
        """Take a number if it is the next one: what is usual, and costs least."""
        if number != self._next:
            return False
        self._next = number + 1
        return True

    def take(self, number: int) -> Seen:
        """Take a number (0 or more), and say what it is."""
        if self._next < 0:
            return self._begin("next", number, number)
        if number >= self._next:
            return self._ahead(number)
        if number >= self._first:
            return self._within(number)
        if number < self._first - RESET_DISTANCE:
            return self._begin("reset", number, self._next - 1)
        return self._before(number)

    def _begin(self, kind: Kind, number: int, highest: int) -> Seen:
        self._first, self._next = number, number + 1
        self.holes.clear()
        return Seen(kind, highest, number)

    def _ahead(self, number: int) -> Seen:
        last, self._next = self._next - 1, number + 1
        if number == last + 1:
            return Seen("next", number, number)
        self.holes.append((last + 1, number))
        self._forget_oldest()
        return Seen("gap", last, number)

    def _within(self, number: int) -> Seen:
        place = bisect_right(self.holes, (number, number + 1)) - 1
        # A hole that begins at the number may lie right behind the place.
        for index in (place, place + 1):
            if 0 <= index < len(self.holes) and self._lies_in(number, index):
                self._fill(number, index)
                return Seen("late", number, number)
        return Seen("duplicate", number, number)

    def _lies_in(self, number: int, index: int) -> bool:
        start, stop = self.holes[index]
        return start <= number < stop

    def _fill(self, number: int, index: int) -> None:
        start, stop = self.holes[index]
        parts = [(start, number), (number + 1, stop)]
        self.holes[index : index + 1] = [part for part in parts if part[0] < part[1]]
        self._forget_oldest()

    def _before(self, number: int) -> Seen:
        first, self._first = self._first, number
        if number == first - 1:
            return Seen("next", number, number)
        self.holes.insert(0, (number + 1, first))
        self._forget_oldest()
        return Seen("gap", number, first)

    def _forget_oldest(self) -> None:
        if len(self.holes) > MOST_HOLES:
            self._first = self.holes.pop(0)[1]


class RecentIds:
    """Which of the last ids were seen, where trades have no sequence.

    >>> ids = RecentIds(2)
    >>> [ids.take(name) for name in ("a", "b", "a", "c", "a")]
    [True, True, False, True, True]
    """

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._ids: dict[str, None] = {}

    def take(self, name: str) -> bool:
        """Take an id; answers whether it is new."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]
        return True


NoteKind = Literal["gap", "late", "duplicate", "reset", "reconnect"]


class Note(msgspec.Struct, frozen=True):
    """What is remarkable about the trades of a symbol: in JSON, the value of a record of gaps.

    The numbers are the sequences of trades; of a note without a symbol, those of the connection's
    messages. A trade that comes late was in a gap before: what is still missing of a symbol is the
    sum of ``missing`` of its gaps less that of what came late.

    Attributes:
        exchange: Whose trades.
        symbol: As the exchange calls it; empty if it is about all of the connection.
        kind: What it is about. ``reconnect``: a connection was lost and is there again.
        after: The last number before a gap, the lowest of the duplicates, the late one, or the
            highest before a reset; the time of the last message before a reconnect (ns).
        before: The first number behind a gap, the highest of the duplicates, the late one, or the
            first after a reset; the time when the connection was there again (ns).
        missing: How many are missing, came late, or came again; 0 otherwise.
        time: When it was noticed, ns since 1970.
        connection: By which one.
    """

    exchange: Exchange
    symbol: str
    kind: NoteKind
    after: int
    before: int
    missing: int
    time: int
    connection: str
