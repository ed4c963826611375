"""Memory of processes while something goes on: sampled, and judged by its growth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import psutil

SAMPLE_SECONDS = 5.0

GROWTH = 0.05
"""Share by which memory may differ between the second quarter of the time and the last."""

LEAST_GROWN = 4 << 20
"""Bytes that count as growth at all: of a process of ten MiB, a twentieth is what its allocator
keeps."""


class Residents:
    """Samples the resident memory of processes while it is open.

    Args:
        processes: Their ids, by name.

    Attributes:
        samples: What was seen: seconds since it began under ``at``, bytes by name.
    """

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(number) for name, number in processes.items()}
        self.samples: list[dict[str, float]] = []
        self._ended = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def growth(self) -> dict[str, float]:
        """By which share the memory of each grew."""
        return {name: growth_of([one[name] for one in self.samples]) for name in self._processes}

    def peak_mib(self) -> float:
        """The most that all of them had at one moment."""
        most = max(sum(one[name] for name in self._processes) for one in self.samples)
        return round(most / 2**20, 1)

    def _watch(self) -> None:
        began = time.perf_counter()
        while not self._ended.wait(SAMPLE_SECONDS):
            seen: dict[str, float] = {"at": round(time.perf_counter() - began, 1)}
            for name, process in self._processes.items():
                seen[name] = process.memory_info().rss
            self.samples.append(seen)


def growth_of(values: list[float]) -> float:
    """By which share the median of the last quarter is above that of the second; 0 if by a little.

    >>> mib = 1 << 20
    >>> growth_of([mib, mib, 100 * mib, 100 * mib, *[110 * mib] * 4])
    0.1
    """
    quarter = len(values) // 4
    early, late = median(values[quarter : 2 * quarter]), median(values[-quarter:])
    return round(late / early - 1, 4) if abs(late - early) >= LEAST_GROWN else 0.0


def grown(growth: Mapping[str, float]) -> list[str]:
    """Those whose memory grew, in words."""
    return [f"{name} grew by {share:.1%}" for name, share in growth.items() if share > GROWTH]


def figures(residents: Residents) -> dict[str, Any]:
    """What a result keeps of it."""
    return {
        "peak_mib": residents.peak_mib(),
        "growth": residents.growth(),
        "samples": residents.samples,
    }
