"""What each switch of ``KATO_PLAIN`` costs, on little data.

    python -m benchmarks.plain

One data directory is opened with each switch in turn and asked the same questions; then sequences
are learned and carried in an empty one. Writes ``benchmarks/results/plain.json``: processor time of
the process, with ClickHouse in it and without the ledger's server; it tells the same where others
work too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import msgspec
from benchmarks.environment import write_result
from benchmarks.workloads import Events, window_queries, zipf_sequences

import kato
from kato.settings import PLAIN_PARTS, PlainPart

PATTERNS = 10_000
QUERIES = 15
LEARNED = 150

FILTERED: dict[str, Any] = {
    "filter_pipeline": ["length", "jaccard", "bloom"],
    "jaccard_threshold": 0.1,
    "enable_filter_metrics": True,
}

CHOICES: dict[str, tuple[PlainPart, ...]] = {
    "none": (),
    **{part: (part,) for part in PLAIN_PARTS},
    "all": PLAIN_PARTS,
}


def main() -> None:
    """Measure every choice."""
    sequences = zipf_sequences(PATTERNS)
    questions = window_queries(sequences, QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "asked"
        with opened(data, ()) as memory:
            memory.knowledge_base().learn_many(sequences)
            memory.flush()
            ask(memory, questions, {})  # the index is built in the background
        choices = {
            name: {**asked(data, plain, questions), **learned(Path(folder) / name, plain)}
            for name, plain in CHOICES.items()
        }
    figures = {
        "patterns": PATTERNS,
        "questions": QUERIES,
        "learned": LEARNED,
        "choices": choices,
    }
    print(figures)
    print(write_result("plain", figures))


def opened(data: Path, plain: tuple[PlainPart, ...]) -> kato.Memory:
    """A memory in a folder, with some parts plain."""
    settings = kato.Settings.from_environment({"KATO_DATA_DIR": str(data)})
    # Nothing is carried but when it is told to.
    return kato.open(
        settings=msgspec.structs.replace(settings, plain=plain, flush_interval_ms=60_000)
    )


def asked(data: Path, plain: tuple[PlainPart, ...], questions: list[Events]) -> dict[str, Any]:
    """Predictions over patterns that ClickHouse has."""
    with opened(data, plain) as memory:
        memory.prepare()
        ask(memory, questions[:2], {})
        ask(memory, questions[:2], FILTERED)
        return {
            "predict_ms": ask(memory, questions, {}),
            "filtered_predict_ms": ask(memory, questions, FILTERED),
        }


def ask(memory: kato.Memory, questions: list[Events], config: dict[str, Any]) -> float:
    """Milliseconds of processor time of a prediction, at the median."""
    kb, times = memory.knowledge_base(), []
    for question in questions:
        started = process_time()
        kb.predict(question, **config)
        times.append((process_time() - started) * 1000)
    return round(median(times), 2)


def learned(data: Path, plain: tuple[PlainPart, ...]) -> dict[str, Any]:
    """What learning many takes, and carrying them to ClickHouse."""
    sequences = zipf_sequences(LEARNED, seed=3)
    with opened(data, plain) as memory:
        began = process_time()
        memory.knowledge_base().learn_many(sequences)
        learned = process_time()
        memory.flush()
        carried = process_time()
    return {
        "learn_many_ms": round((learned - began) * 1000, 2),
        "carry_ms": round((carried - learned) * 1000, 1),
    }


if __name__ == "__main__":
    main()
