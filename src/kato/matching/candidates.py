"""Patterns to match, as one block of integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer]

_Number = TypeVar("_Number", bound=np.generic)


class Place(NamedTuple):
    """A place between two events of each of k patterns: int[k], what is before it."""

    symbols: Indices
    events: Indices


class Candidates(msgspec.Struct, frozen=True, eq=False):
    """k patterns by ascending id, their symbols one after the other.

    Attributes:
        ids: int64[k], ascending.
        symbols: uint32[total].
        offsets: int64[k + 1]; pattern i holds ``symbols[offsets[i]:offsets[i + 1]]``.
        event_ends: int32[e], within each pattern the number of symbols up to each event's end.
        event_offsets: int64[k + 1], the slice of ``event_ends`` of each pattern; an empty slice
            says that every event has exactly one symbol.

    >>> patterns = Candidates.of([(3, [[1], [2]]), (8, [[1, 5], [9]])])
    >>> len(patterns), patterns.lengths.tolist(), patterns.event_ends.tolist()
    (2, [2, 3], [2, 3])
    >>> patterns.take(np.array([1])).events(0)
    [[1, 5], [9]]
    """

    ids: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    event_ends: npt.NDArray[np.int32]
    event_offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, patterns: Iterable[tuple[int, Sequence[Sequence[int]]]]) -> Candidates:
        """Candidates from ids, ascending, and events of symbol ids."""
        listed = list(patterns)
        symbols = [[symbol for event in events for symbol in event] for _, events in listed]
        ends = [_event_ends(events) for _, events in listed]
        return cls(
            np.array([number for number, _ in listed], np.int64),
            np.array([symbol for row in symbols for symbol in row], np.uint32),
            _offsets([len(row) for row in symbols]),
            np.array([end for row in ends for end in row], np.int32),
            _offsets([len(row) for row in ends]),
        )

    @staticmethod
    def empty() -> Candidates:
        """No candidates."""
        return Candidates.of([])

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """All candidates of the parts, which share no id, by ascending id."""
        if not parts:
            return Candidates.empty()
        ids = np.concatenate([part.ids for part in parts])
        joined = Candidates(
            ids,
            np.concatenate([part.symbols for part in parts]),
            _offsets(np.concatenate([part.lengths for part in parts])),
            np.concatenate([part.event_ends for part in parts]),
            _offsets(np.concatenate([np.diff(part.event_offsets) for part in parts])),
        )
        return joined if (ids[1:] > ids[:-1]).all() else joined.take(np.argsort(ids))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """int64[k], the number of symbols of each pattern."""
        return self.offsets[1:] - self.offsets[:-1]

    def take(self, indices: Indices) -> Candidates:
        """The candidates at these indices; ascending indices keep the ids ascending."""
        starts, ends = self.offsets[:-1][indices], self.offsets[1:][indices]
        symbols, offsets = _gathered(self.symbols, starts, ends)
        starts, ends = self.event_offsets[:-1][indices], self.event_offsets[1:][indices]
        event_ends, event_offsets = _gathered(self.event_ends, starts, ends)
        return Candidates(self.ids[indices], symbols, offsets, event_ends, event_offsets)

    def between(self, first: Place, last: Place) -> Candidates:
        """Of each pattern the events from one place up to another.

        >>> patterns = Candidates.of([(3, [[1], [2], [4]]), (8, [[1, 5], [9]])])
        >>> start = Place(np.array([1, 2]), np.array([1, 1]))
        >>> end = Place(np.array([2, 3]), np.array([2, 2]))
        >>> rest = patterns.between(start, end)
        >>> rest.events(0), rest.events(1)
        ([[2]], [[9]])
        """
        begin = self.offsets[:-1]
        symbols, offsets = _gathered(self.symbols, begin + first.symbols, begin + last.symbols)
        if not len(self.event_ends):
            return Candidates(self.ids, symbols, offsets, self.event_ends, self.event_offsets)
        begin, end = self.event_offsets[:-1], self.event_offsets[1:]
        # A pattern without event ends has none between two places either.
        starts = np.minimum(begin + first.events, end)
        ends, event_offsets = _gathered(
            self.event_ends, starts, np.minimum(begin + last.events, end)
        )
        ends -= np.repeat(first.symbols, np.diff(event_offsets)).astype(np.int32)
        return Candidates(self.ids, symbols, offsets, ends, event_offsets)

    def event_bounds(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where the events of all patterns begin, counted one after the other.

        Returns:
            int64[e + 1], event j holds ``symbols[bounds[j]:bounds[j + 1]]``, and int64[k + 1],
            pattern i holds the events from ``offsets[i]`` up to ``offsets[i + 1]``.

        >>> [
        ...     part.tolist()
        ...     for part in Candidates.of([(3, [[1], [2]]), (8, [[1, 5]])]).event_bounds()
        ... ]
        [[0, 1, 2, 4], [0, 2, 3]]
        """
        if not len(self.event_ends):
            return np.arange(len(self.symbols) + 1), self.offsets
        listed = np.diff(self.event_offsets)
        single = listed == 0
        counts = np.where(single, self.lengths, listed)
        bounds = np.empty(int(counts.sum()) + 1, np.int64)
        bounds[0] = 0
        in_single = np.repeat(single, counts)
        bounds[1:][in_single] = np.flatnonzero(np.repeat(single, self.lengths)) + 1
        bounds[1:][~in_single] = self.event_ends + np.repeat(self.offsets[:-1], listed)
        return bounds, _offsets(counts)

    def symbols_of(self, index: int) -> npt.NDArray[np.uint32]:
        """The symbols of one pattern, flattened."""
        return self.symbols[self.offsets[index] : self.offsets[index + 1]]

    def ends_of(self, index: int) -> npt.NDArray[np.int32]:
        """The number of symbols up to the end of each event of one pattern."""
        ends = self.event_ends[self.event_offsets[index] : self.event_offsets[index + 1]]
        length = self.offsets[index + 1] - self.offsets[index]
        return ends if len(ends) else np.arange(1, length + 1, dtype=np.int32)

    def events(self, index: int) -> list[list[int]]:
        """The events of one pattern as lists of symbol ids."""
        symbols = self.symbols_of(index).tolist()
        bounds = pairwise([0, *self.ends_of(index).tolist()])
        return [symbols[start:end] for start, end in bounds]


def distinct(symbols: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The distinct symbols, ascending.

    >>> distinct(np.array([5, 2, 5], np.uint32)).tolist()
    [2, 5]
    """
    # numpy's own takes six times as long: it sorts behind a hash table.
    ordered = np.sort(symbols)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _event_ends(events: Sequence[Sequence[int]]) -> list[int]:
    lengths = [len(event) for event in events]
    if all(length == 1 for length in lengths):
        return []
    ends: list[int] = np.cumsum(lengths).tolist()
    return ends


def _offsets(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    counts = np.asarray(lengths, np.int64)
    offsets = np.zeros(len(counts) + 1, np.int64)
    counts.cumsum(out=offsets[1:])
    return offsets


def _gathered(
    values: npt.NDArray[_Number], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[_Number], npt.NDArray[np.int64]]:
    if not len(values):  # as all event ends are where every event has one symbol
        return values, np.zeros(len(starts) + 1, np.int64)
    lengths = ends - starts
    moved = _offsets(lengths)
    positions = np.repeat(starts - moved[:-1], lengths) + np.arange(moved[-1])
    return values[positions], moved
