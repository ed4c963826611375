"""How fast it predicts over 100,000 patterns, with every number, default configuration.

    python -m benchmarks.predict

Writes ``benchmarks/results/predict.json``. Goal: below 60 ms at the median.
"""

from __future__ import annotations

import gc
import tempfile
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.environment import write_result
from benchmarks.workloads import (
    Events,
    fifa_windows,
    frequent_queries,
    window_queries,
    zipf_sequences,
)

import kato

PATTERNS = 100_000
QUERIES = 100


def main() -> None:
    sequences = zipf_sequences(PATTERNS)
    workloads = {"zipf": (sequences, window_queries(sequences, QUERIES))}
    workloads["zipf_frequent_symbols"] = (sequences, frequent_queries(20))
    windows = fifa_windows()[:PATTERNS]
    if windows:
        workloads["fifa_windows"] = (windows, window_queries(windows, QUERIES))
    figures = {name: predictions(*workload) for name, workload in workloads.items()}
    print(figures)
    print(write_result("predict", figures))


def predictions(sequences: list[Events], queries: list[Events]) -> dict[str, Any]:
    """Learn the sequences and time the queries, warm."""
    with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
        kb = memory.knowledge_base()
        kb.learn_many(sequences)
        memory.flush()
        gc.freeze()  # a million lists of the workload are not KATO's to collect
        for query in queries[:5]:
            kb.predict(query)
        wall, cpu = [], []
        for query in queries:
            start, cpu_start = perf_counter(), process_time()
            kb.predict(query)
            wall.append((perf_counter() - start) * 1000)
            cpu.append((process_time() - cpu_start) * 1000)
        return {
            "patterns": kb.stats().patterns,
            "queries": len(queries),
            "wall_ms": _percentiles(wall),
            "cpu_ms": _percentiles(cpu),
        }


def _percentiles(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {
        "p50": round(median(times), 1),
        "p95": round(times[int(0.95 * len(times))], 1),
        "max": round(times[-1], 1),
    }


if __name__ == "__main__":
    main()
