"""Sets of ids as intervals: what an exchange numbers one by one takes next to no memory."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kato.market.layers.numbers import Numbers

MOST = 4096
"""How many intervals are kept of an instrument; of older ids silver is asked."""


class Hole(NamedTuple):
    """Ids between two that were seen.

    >>> Hole(7, 11).missing
    3
    """

    after: int
    before: int

    @property
    def missing(self) -> int:
        """How many there are."""
        return self.before - self.after - 1


class Intervals(msgspec.Struct, frozen=True, eq=False):
    """A set of ids from a floor on; nothing is said of ids below it.

    Attributes:
        starts: int64[k], the first id of each interval, ascending.
        stops: int64[k], the one behind its last.
        floor: Ids from here on are in the set, or were not seen.

    >>> seen = Intervals.none().with_numbers(np.array([3, 1, 2, 7]))
    >>> seen.hold(np.array([0, 2, 4, 7])).tolist(), seen.holes()
    ([False, True, False, True], [Hole(after=3, before=7)])
    """

    starts: Numbers
    stops: Numbers
    floor: int

    @classmethod
    def none(cls) -> Intervals:
        """Nothing was seen."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, 0)

    @classmethod
    def of(cls, numbers: Numbers, floor: int) -> Intervals:
        """The set of these ids, none of which is below the floor."""
        starts, stops = _runs(np.unique(numbers))
        return cls(starts, stops, floor)

    def __len__(self) -> int:
        return len(self.starts)

    def hold(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Which of these ids are in the set."""
        if not len(self) or numbers.min() >= self.stops[-1]:
            return np.zeros(len(numbers), np.bool_)
        place = np.searchsorted(self.starts, numbers, side="right") - 1
        held: npt.NDArray[np.bool_] = (place >= 0) & (numbers < self.stops[place])
        return held

    def with_numbers(self, numbers: Numbers) -> Intervals:
        """The set with ids that are not in it yet; those below the floor are left out."""
        numbers = numbers[numbers >= self.floor]
        if not len(numbers):
            return self
        starts, stops = _runs(np.sort(numbers))
        return Intervals(*_joined(self, starts, stops), self.floor)

    def holes(self) -> list[Hole]:
        """What lies between the intervals."""
        pairs = zip(self.stops[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        return [Hole(stop - 1, start) for stop, start in pairs]

    def has_holes_of(self, other: Intervals) -> bool:
        """Whether the same lies between both's intervals."""
        return np.array_equal(self.starts[1:], other.starts[1:]) and np.array_equal(
            self.stops[:-1], other.stops[:-1]
        )

    def kept(self, most: int = MOST) -> Intervals:
        """The newest intervals, with a higher floor, if there are too many."""
        if len(self) <= most:
            return self
        starts, stops = self.starts[-most:], self.stops[-most:]
        return Intervals(starts, stops, int(starts[0]))


def _runs(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Ascending ids as intervals."""
    if not len(numbers):
        return numbers, numbers
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    starts = numbers[np.concatenate([[0], breaks + 1])]
    stops = numbers[np.concatenate([breaks, [len(numbers) - 1]])] + 1
    return starts, stops


def _joined(known: Intervals, starts: Numbers, stops: Numbers) -> tuple[Numbers, Numbers]:
    """The union of intervals that do not overlap, those that touch made one."""
    if len(known) and starts[0] == known.stops[-1]:  # what follows, as nearly always
        starts, stops = (
            np.concatenate([known.starts, starts[1:]]),
            np.concatenate([known.stops[:-1], stops]),
        )
        return starts, stops
    starts = np.sort(np.concatenate([known.starts, starts]))
    stops = np.sort(np.concatenate([known.stops, stops]))
    first = np.concatenate([[True], starts[1:] != stops[:-1]])
    last = np.concatenate([first[1:], [True]])
    return starts[first], stops[last]
