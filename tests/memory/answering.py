"""A fixed history and fixed questions; in a process of its own too.

    python -m tests.memory.answering FOLDER learn|look|optimize

prints the answers as JSON, one a line.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

import kato

SEQUENCES = 200
TABLES = ("patterns", "symbols", "frequencies", "states", "affinities", "tombstones")

CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"max_predictions": 2},
    {"recall_threshold": 0.0, "max_predictions": 7},
    {"rank_sort_algo": "predictive_information"},
    {"fuzzy_token_threshold": 0.6, "max_predictions": 20},
    {"use_token_matching": False, "recall_threshold": 0.5},
    {"affinity_emotive": "joy", "rank_sort_algo": "weighted_similarity", "max_predictions": 20},
    {"filter_pipeline": ["length", "jaccard"]},
]


def history() -> list[kato.Example]:
    """What is learned, in this order: some of it again and again, and similar words."""
    chance = random.Random(20)
    words = [f"{a}{b}" for a in ("cat", "cart", "dog", "é", "it's ") for b in range(6)]
    return [_example(chance, words) for _ in range(SEQUENCES)]


def _example(chance: random.Random, words: list[str]) -> kato.Example:
    length = chance.randint(1, 6)
    events = [chance.choices(words, k=chance.choice((1, 1, 1, 2))) for _ in range(length)]
    feelings = {name: chance.uniform(-1, 1) for name in ("joy", "sad") if chance.random() < 0.3}
    seen = {"day": chance.randint(1, 5)} if chance.random() < 0.3 else {}
    return kato.Example(events if chance.random() < 0.7 else [["cat1"], ["dog2"]], feelings, seen)


def questions() -> list[list[list[str]]]:
    """Short-term memories: parts of what is learned, an unknown word, one symbol, a lost order."""
    parts = [[list(event) for event in example.events[:3]] for example in history()[:20]]
    return [*parts[::5], [["cat1"], ["cats"]], [["dog2"]], [["dog2"], ["cat1"]], [["é1", "cat2"]]]


def forgotten(kb: kato.KnowledgeBase) -> None:
    """Forget some of what was learned."""
    learned = [example for example in history() if sum(map(len, example.events)) > 1]
    for events in [list(example.events) for example in learned[7:90:11]]:
        name = kb.learn(events)
        kb.forget(str(name))


def answers(kb: kato.KnowledgeBase) -> list[bytes]:
    """Every question under every configuration, and what is known of each pattern and symbol."""
    predicted = [
        kb.predict(question, **config) for question in questions() for config in CONFIGURATIONS
    ]
    names = sorted({prediction.name for answer in predicted for prediction in answer})[::5]
    known: Iterator[Any] = (kb.get(name) for name in names)
    return list(map(msgspec.json.encode, [*predicted, *known, *kb.symbols(), kb.stats()]))


def main(folder: str, task: str) -> None:
    with kato.open(folder) as memory:
        kb = memory.knowledge_base()
        if task == "learn":
            kb.learn_many(history())
            forgotten(kb)
        if task == "optimize":
            memory.flush()
            optimize(memory)
        for answer in answers(kb):
            sys.stdout.buffer.write(answer + b"\n")


def optimize(memory: kato.Memory) -> None:
    """Merge all parts, as ClickHouse does by itself sooner or later."""
    for table in TABLES:
        memory._engines._clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")


if __name__ == "__main__":
    main(*sys.argv[1:])
