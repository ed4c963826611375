"""How fast it learns, and what a pattern costs in memory and on disk.

    python -m benchmarks.learn

Writes ``benchmarks/results/learn.json``. All learning is durable when it returns: ``appendfsync
always``. Goals: 30,000 patterns/s in bulk, one learn below 1 ms at the median, below 60 bytes of
ledger a pattern.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.environment import write_result
from benchmarks.workloads import Events, fifa_windows, visits

import kato

ROUNDS = 5
PATTERNS = 100_000
SINGLE = 3000


def main() -> None:
    figures: dict[str, Any] = {"workload": "15 symbols a pattern, 3,000 distinct, Zipf 1.0"}
    with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
        figures["bulk"] = bulk(memory, [visits(PATTERNS, seed=seed) for seed in range(ROUNDS)])
        figures["single_learn_ms"] = single(memory)
        figures["log_bytes_per_pattern"] = round(_log_bytes(Path(folder)) / PATTERNS / ROUNDS, 1)
    windows = fifa_windows()
    if windows:
        with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
            figures["fifa_windows"] = bulk(memory, [windows])
    print(figures)
    print(write_result("learn", figures))


def bulk(memory: kato.Memory, rounds: list[list[Events]]) -> dict[str, Any]:
    """Learn each round's sequences at once, and what that costs."""
    before = memory.stats()
    rates, flushes = [], []
    for sequences in rounds:
        start = perf_counter()
        memory.knowledge_base("bulk").learn_many(sequences)
        learned = perf_counter()
        memory.flush()
        rates.append(len(sequences) / (learned - start))
        flushes.append(perf_counter() - learned)
    after, patterns = memory.stats(), memory.knowledge_base("bulk").stats().patterns
    return {
        "sequences": sum(map(len, rounds)),
        "patterns": patterns,
        "sequences_per_second": {"median": round(median(rates)), "each": [round(r) for r in rates]},
        "flush_seconds_after": round(median(flushes), 3),
        "ledger_bytes_per_pattern": round((after.ledger_bytes - before.ledger_bytes) / patterns, 1),
        "disk_bytes_per_pattern": round((after.disk_bytes - before.disk_bytes) / patterns, 1),
    }


def single(memory: kato.Memory) -> dict[str, float]:
    """Learn one sequence at a time."""
    kb = memory.knowledge_base("single")
    times = []
    for events in visits(SINGLE, seed=99):
        start = perf_counter()
        kb.learn(events)
        times.append((perf_counter() - start) * 1000)
    times.sort()
    return {
        "p50": round(median(times), 3),
        "p95": round(times[int(0.95 * SINGLE)], 3),
        "p99": round(times[int(0.99 * SINGLE)], 3),
        "max": round(times[-1], 3),
    }


def _log_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "ledger").rglob("*.aof"))


if __name__ == "__main__":
    main()
