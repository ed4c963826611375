"""What the strict mode of the ledger costs: ``appendfsync always`` beside ``everysec``.

    python -m benchmarks.durability

Learns one by one, from eight threads, and in bulk, under each setting in turns, and measures what a
sync of this disk takes by itself. Writes ``benchmarks/results/durability.json``.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.environment import write_result
from benchmarks.workloads import Events, visits

import kato

MODES = ("always", "everysec")
ROUNDS = 5
SINGLE = 1000
THREADS = 8
BULK = 50_000
SYNCS = 500


def main() -> None:
    taken: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory() as folder:
        sync_ms = syncs(Path(folder))
        with kato.open(Path(folder) / "data") as memory:
            learned(memory, 0)  # compiles, and makes the tables
            for number in range(1, ROUNDS + 1):
                for mode in MODES:
                    memory.ledger().command("CONFIG", "SET", "appendfsync", mode)
                    taken[mode].append(learned(memory, number))
    modes = {mode: _medians(rounds) for mode, rounds in taken.items()}
    figures = {"rounds": ROUNDS, "threads": THREADS, "sync_ms": sync_ms, "modes": modes}
    print(figures)
    print(write_result("durability", figures))


def learned(memory: kato.Memory, seed: int) -> dict[str, float]:
    """What learning takes, each time into a knowledge base of its own."""
    kb = memory.knowledge_base(f"{seed} {perf_counter()}")
    times = [_timed(lambda each=each: kb.learn(each)) for each in visits(SINGLE, seed=3 * seed)]
    many = visits(SINGLE, seed=3 * seed + 1)
    with ThreadPoolExecutor(THREADS) as threads:
        together = _timed(lambda: list(threads.map(kb.learn, many)))
    bulk: list[Events] = visits(BULK, seed=3 * seed + 2)
    in_bulk = _timed(lambda: kb.learn_many(bulk))
    memory.flush()
    times.sort()
    return {
        "learn_p50_ms": median(times),
        "learn_p95_ms": times[int(0.95 * SINGLE)],
        "threads_per_second": 1000 * SINGLE / together,
        "bulk_per_second": 1000 * BULK / in_bulk,
    }


def syncs(folder: Path) -> dict[str, float]:
    """What it takes to append 300 bytes to a file and sync it, in ms."""
    with (folder / "synced").open("wb", buffering=0) as file:

        def append() -> None:
            file.write(bytes(300))
            os.fdatasync(file.fileno())

        times = sorted(_timed(append) for _ in range(SYNCS))
    return {"p50": round(median(times), 3), "p95": round(times[int(0.95 * SYNCS)], 3)}


def _timed(do: Any) -> float:
    start = perf_counter()
    do()
    return (perf_counter() - start) * 1000


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(each[name] for each in rounds), 3) for name in rounds[0]}


if __name__ == "__main__":
    main()
