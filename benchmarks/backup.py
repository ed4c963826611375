"""How long a backup of a million patterns takes, and what it takes on disk.

    python -m benchmarks.backup [--patterns N]

Writes ``benchmarks/results/backup.json``. Goal: a million patterns backed up and restored in less
than three minutes on two cores. Meanwhile a thread learns, and its slowest learn is told.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any

from benchmarks.environment import write_result
from benchmarks.workloads import visits

import kato
from kato.settings import Settings
from kato.upkeep.backup import backup
from kato.upkeep.restore import restore
from kato.upkeep.transfer import export_to, import_from

CHANGED = 0.01
"""The share of patterns that is learned between a backup and the incremental one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patterns", type=int, default=1_000_000)
    patterns = parser.parse_args().patterns
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), patterns)
    print(figures)
    print(write_result("backup", figures))


def measured(folder: Path, patterns: int) -> dict[str, Any]:
    """Back up, learn a little more, back up what is new, restore, export and import."""
    figures: dict[str, Any] = {"workload": "15 symbols a pattern, 3,000 distinct, Zipf 1.0"}
    with kato.open(folder / "data") as memory:
        kb = memory.knowledge_base()
        for seed in range(-(-patterns // 100_000)):
            kb.learn_many(visits(min(patterns, 100_000), seed=seed))
        memory.flush()
        figures["patterns"] = kb.stats().patterns
        with Learner(memory) as learner:
            figures["backup"] = taken(lambda: backup(memory, folder / "first"), folder / "first")
        figures["backup"]["learn_meanwhile_ms"] = learner.figures()
        kb.learn_many(visits(int(patterns * CHANGED), seed=99))
        memory.flush()
        second, first = folder / "second", folder / "first"
        figures["incremental"] = taken(lambda: backup(memory, second, since=first), second)
        figures["incremental"]["learned_since"] = int(patterns * CHANGED)
        figures["export_parquet"] = _file(lambda: export_to(kb, folder / "all.parquet"), folder)
        expected = kb.stats()
    settings = Settings.from_environment({})
    figures["restore_seconds"] = seconds(lambda: restore(second, settings, folder / "restored"))
    with kato.open(folder / "restored") as memory:
        if memory.knowledge_base().stats() != expected:
            raise SystemExit("what was restored is not what was backed up")
        figures["import_seconds"] = seconds(
            lambda: import_from(memory, "imported", folder / "all.parquet", replace=True)
        )
    return figures


def taken(take: Callable[[], Any], archive: Path) -> dict[str, Any]:
    """How long a backup takes, and how many bytes it wrote."""
    start = perf_counter()
    told = take()
    return {
        "seconds": round(perf_counter() - start, 2),
        "written_mb": round(told.written / 1e6, 1),
        "shared_mb": round(told.taken_over / 1e6, 1),
        "ledger_mb": round((archive / "ledger.rdb").stat().st_size / 1e6, 1),
    }


def seconds(action: Callable[[], Any]) -> float:
    """How long it takes."""
    start = perf_counter()
    action()
    return round(perf_counter() - start, 2)


def _file(action: Callable[[], Any], folder: Path) -> dict[str, float]:
    took = seconds(action)
    return {"seconds": took, "mb": round((folder / "all.parquet").stat().st_size / 1e6, 1)}


class Learner:
    """Learns one sequence after the other in a thread, and keeps how long each takes."""

    def __init__(self, memory: kato.Memory) -> None:
        self._kb = memory.knowledge_base("meanwhile")
        self._sequences = visits(5000, seed=77)
        self._times: list[float] = []
        self._stop = Event()
        self._thread = Thread(target=self._learn)

    def __enter__(self) -> Learner:  # noqa: PYI034 - it is its own type
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """The learns' times."""
        times = sorted(self._times)
        return {
            "learns": len(times),
            "p50": round(median(times), 2),
            "p99": round(times[int(0.99 * len(times))], 2),
            "max": round(times[-1], 2),
        }

    def _learn(self) -> None:
        for events in cycle(self._sequences):
            if self._stop.wait(0.002):
                return
            start = perf_counter()
            self._kb.learn(events)
            self._times.append((perf_counter() - start) * 1000)


if __name__ == "__main__":
    main()
