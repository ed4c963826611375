"""How many requests are taken, by token buckets in the process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_BUCKETS = 10_000
"""Buckets that are kept; the one that was used the longest ago is full again anyway."""


class _Bucket:
    def __init__(self, tokens: float, at: float) -> None:
        self.tokens = tokens
        self.at = at


class Limits:
    """Takes as many requests a second as the rate says, after a burst of one second's.

    Used on one event loop.

    Args:
        clock: Seconds that go on.

    >>> limits = Limits(clock=lambda: 0.0)
    >>> [limits.take("ann", 2.0) for _ in range(3)]
    [0.0, 0.0, 0.5]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str, rate: float) -> float:
        """Take a request; answers 0, or the seconds until one of theirs would be taken.

        Args:
            who: Whose it is.
            rate: Requests a second; 0 takes all.
        """
        if not rate:
            return 0.0
        bucket = self._filled(who, rate)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / rate
        bucket.tokens -= 1
        return 0.0

    def _filled(self, who: str, rate: float) -> _Bucket:
        now, most = self._clock(), max(1.0, rate)
        bucket = self._buckets.setdefault(who, _Bucket(most, now))
        self._buckets.move_to_end(who)
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


def retry_after(seconds: float) -> str:
    """As the header ``Retry-After`` says it: whole seconds, at least one.

    >>> retry_after(0.2), retry_after(1.5)
    ('1', '2')
    """
    return str(max(1, math.ceil(seconds)))
