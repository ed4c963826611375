"""How long things took, by classes."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the classes of times."""


class Durations:
    """How long something took, by classes.

    >>> durations = Durations()
    >>> durations.add(0.2)
    >>> durations.add(60)
    >>> durations.count, durations.seconds, durations.classes()[-2:]
    (2, 60.2, [('30.0', 1), ('+Inf', 2)])
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0

    @property
    def count(self) -> int:
        """How often it was measured."""
        return sum(self._counts)

    def add(self, seconds: float, often: int = 1) -> None:
        """Count a time; often, where many things took it together."""
        self._counts[bisect_left(SECONDS, seconds)] += often
        self.seconds += seconds * often

    def classes(self) -> list[tuple[str, int]]:
        """Upper bounds, and how many times were no longer."""
        bounds = [*map(str, SECONDS), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))
