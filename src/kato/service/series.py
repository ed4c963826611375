"""How values went: the newest points of each, in memory."""

from __future__ import annotations

import time
from collections import deque

import msgspec

MOST_POINTS = 1000
"""Points that are kept of a value: at one each 10 s, almost three hours."""


class Point(msgspec.Struct, frozen=True):
    """A value at a moment.

    Attributes:
        timestamp: s since 1970.
        value: The value.
        labels: Nothing: values are of the whole service.
    """

    timestamp: float
    value: float
    labels: dict[str, str] = {}


class Series:
    """Points by the name of a value, used on one event loop.

    >>> series = Series()
    >>> series.add("load", 0.5, at=1000.0)
    >>> series.add("load", 2.5, at=1010.0)
    >>> [point.value for point in series.since("load", 1005.0)]
    [2.5]
    >>> series.rate("load", 60.0)
    0.2
    """

    def __init__(self) -> None:
        self._points: dict[str, deque[Point]] = {}

    def __len__(self) -> int:
        """How many values have points."""
        return len(self._points)

    def add(self, name: str, value: float, at: float) -> None:
        """Add the newest point."""
        points = self._points.setdefault(name, deque(maxlen=MOST_POINTS))
        points.append(Point(at, float(value)))

    def since(self, name: str, at: float) -> list[Point]:
        """The points from a moment on, the oldest first; none of a value nobody knows."""
        return [point for point in self._points.get(name, ()) if point.timestamp >= at]

    def last(self, name: str) -> float:
        """The newest value; 0 if there is none."""
        points = self._points.get(name)
        return points[-1].value if points else 0.0

    def rate(self, name: str, seconds: float) -> float:
        """By how much a value that only grows grew a second, over the newest so many seconds."""
        points = self._points.get(name)
        if not points:
            return 0.0
        newest = points[-1]
        oldest = self.since(name, newest.timestamp - seconds)[0]
        passed = newest.timestamp - oldest.timestamp
        return (newest.value - oldest.value) / passed if passed else 0.0


def last_minutes(minutes: int) -> float:
    """The moment so many minutes ago."""
    return time.time() - minutes * 60
