"""Time, as feeds and simulators ask for it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and waits."""

    def time_ns(self) -> int:
        """The time of the day, ns since 1970."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock of the machine.

    >>> SystemClock().time_ns() > 0
    True
    """

    def time_ns(self) -> int:
        """The time of the day, ns since 1970."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
