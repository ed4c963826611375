"""How long it takes to make the ledger and the recall index again, and to verify a memory.

    python -m benchmarks.rebuild

Learns a million patterns, a tenth of them with emotives and metadata, deletes the ledger's files,
and rebuilds it from ClickHouse. Writes ``benchmarks/results/rebuild.json``. Goal: below three
minutes on two cores.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.environment import write_result
from benchmarks.workloads import generated, zipf_sequences

import kato
from kato.upkeep.rebuild_index import rebuild_index
from kato.upkeep.rebuild_ledger import rebuild_ledger
from kato.upkeep.verify import verify

PATTERNS = 1_000_000
GOAL_SECONDS = 180


def main(patterns: int = PATTERNS) -> None:
    """Measure a rebuild of both, and a verification."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with kato.open(data) as memory:
            memory.knowledge_base().learn_many(examples(patterns))
            before = memory.knowledge_base().stats()
        shutil.rmtree(data / "ledger")
        figures: dict[str, Any] = {"patterns": before.patterns, "goal_seconds": GOAL_SECONDS}
        start = perf_counter()
        rebuild_ledger(path=data)
        figures["ledger_seconds"] = round(perf_counter() - start, 1)
        with kato.open(data) as memory:
            if memory.knowledge_base().stats() != before:
                raise SystemExit("the rebuilt ledger counts otherwise")
            start = perf_counter()
            rebuild_index(memory)
            figures["index_seconds"] = round(perf_counter() - start, 1)
            start = perf_counter()
            figures["differences"] = len(list(verify(memory)))
            figures["verify_seconds"] = round(perf_counter() - start, 1)
    figures["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(figures)
    print(write_result("rebuild", figures))


def examples(patterns: int) -> Iterator[kato.Example]:
    """Sequences, every tenth with something beside its events."""
    for number, events in zip(count(), generated("zipf", zipf_sequences, patterns)):
        if number % 10:
            yield kato.Example(events)
        else:
            yield kato.Example(events, {"joy": number % 7 - 3.5}, {"day": number % 31})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
