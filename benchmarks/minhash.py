"""What the ``minhash`` filter finds of the exact recall's matches, by similarity, and its speed.

    python -m benchmarks.minhash [--patterns 100000]

A question is a learned sequence of which a part, drawn from none to seven tenths, is exchanged for
symbols of other sequences. All patterns at a similarity of 0.3 or more are its matches; questions
with more of them than an answer holds, 10,000, are left out.

Writes ``benchmarks/results/minhash.json``.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from time import perf_counter, process_time
from typing import Any

import numpy as np
from benchmarks.environment import write_result
from benchmarks.workloads import Events, zipf_sequences

import kato
from kato.recall.filters.bands import RANGE, RANGES

QUESTIONS = 250
LEAST = 0.3
EDGES = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
ALL = 10_000
PIPELINES: list[dict[str, Any]] = [
    {"minhash_bands": 20, "minhash_rows": 5, "minhash_threshold": 0.7},
    {"minhash_bands": 20, "minhash_rows": 5, "minhash_threshold": 0.0},
    {"minhash_bands": 33, "minhash_rows": 3, "minhash_threshold": 0.0},
    {"minhash_bands": 50, "minhash_rows": 2, "minhash_threshold": 0.0},
]


def main() -> None:
    parser = argparse.ArgumentParser(description="measure the minhash filter")
    parser.add_argument("--patterns", type=int, default=100_000)
    sequences = zipf_sequences(parser.parse_args().patterns)
    with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
        kb = memory.knowledge_base()
        kb.learn_many(sequences)
        memory.flush()
        gc.freeze()  # a million lists of the workload are not KATO's to collect
        figures = measured(memory, kb, questions(sequences))
    print(figures)
    print(write_result("minhash", figures))


def questions(sequences: list[Events], *, seed: int = 4) -> list[Events]:
    """Learned sequences with some of their symbols exchanged."""
    rng = np.random.default_rng(seed)
    return [_exchanged(sequences, rng) for _ in range(QUESTIONS)]


def measured(memory: kato.Memory, kb: kato.KnowledgeBase, asked: list[Events]) -> dict[str, Any]:
    """The exact recall's matches and time, then those of every pipeline."""
    every = [similarities(kb, question) for question in asked]
    countable = [place for place, found in enumerate(every) if len(found) < ALL]
    asked, exact = [asked[place] for place in countable], [every[place] for place in countable]
    return {
        "patterns": kb.stats().patterns,
        "questions": len(asked),
        "questions_left_out": len(every) - len(asked),
        "matches": _by_similarity(exact),
        "exact": times(kb, asked),
        "pipelines": [_pipeline(memory, kb, asked, exact, each) for each in PIPELINES],
    }


def similarities(kb: kato.KnowledgeBase, question: Events, **config: Any) -> dict[str, float]:
    """All matches of a question, by name."""
    answer = kb.predict(question, recall_threshold=LEAST, max_predictions=ALL, **config)
    return {prediction.name: prediction.similarity for prediction in answer}


def times(kb: kato.KnowledgeBase, asked: list[Events], **config: Any) -> dict[str, Any]:
    """Of a prediction with every number, warm: milliseconds, and those of the processors."""
    wall, cpu = [], []
    for question in asked:
        start, cpu_start = perf_counter(), process_time()
        kb.predict(question, **config)
        wall.append((perf_counter() - start) * 1000)
        cpu.append((process_time() - cpu_start) * 1000)
    return {"wall_ms": _percentiles(wall), "cpu_ms": _percentiles(cpu)}


def _percentiles(milliseconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, [50, 95]).round(1).tolist()
    return {"p50": p50, "p95": p95}


def _pipeline(
    memory: kato.Memory,
    kb: kato.KnowledgeBase,
    asked: list[Events],
    exact: list[dict[str, float]],
    parameters: dict[str, Any],
) -> dict[str, Any]:
    limit = {"max_candidates_per_stage": 10_000_000}
    config = {"filter_pipeline": ["minhash"], **limit, **parameters}
    before = memory.stats().disk_bytes
    seconds, recalls = fill(kb, asked[0], config)
    found = [similarities(kb, question, **config) for question in asked]
    shared = [
        {name: one[name] for name in one.keys() & other.keys()}
        for one, other in zip(exact, found, strict=True)
    ]
    return {
        **parameters,
        "table_seconds": seconds,
        "table_recalls": recalls,
        "table_bytes_per_pattern": (memory.stats().disk_bytes - before) // kb.stats().patterns,
        "found": _by_similarity(shared),
        **times(kb, asked, **config),
    }


def fill(kb: kato.KnowledgeBase, question: Events, config: dict[str, Any]) -> tuple[float, int]:
    """Seconds, and recalls, until the table of bands holds all it will."""
    recalls, start = 0, perf_counter()
    rest = kb.stats().patterns
    while rest > 0:
        kb.predict(question, **config)
        recalls, rest = recalls + 1, rest - RANGE * RANGES
    return round(perf_counter() - start, 1), recalls


def _by_similarity(found: Iterable[dict[str, float]]) -> dict[str, int]:
    values = [value for each in found for value in each.values()]
    places = np.searchsorted(EDGES[1:-1], values, side="right").tolist()
    counted = Counter(places)
    return {f"{a}-{b}": counted[place] for place, (a, b) in enumerate(pairwise(EDGES))}


def _exchanged(sequences: list[Events], rng: np.random.Generator) -> Events:
    question = [list(event) for event in sequences[rng.integers(len(sequences))]]
    share = rng.uniform(0, 0.7)
    for position in np.flatnonzero(rng.random(len(question)) < share).tolist():
        other = sequences[rng.integers(len(sequences))]
        question[position] = list(other[rng.integers(len(other))])
    return question


if __name__ == "__main__":
    main()
