"""The scan over several blocks and a sample answers what one look at all patterns answers."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

import kato
from kato.recall import sample, scan

pytestmark = pytest.mark.servers_deep

PATTERNS = 3000


def sequence(rng: Random) -> list[list[str]]:
    # A long tail of symbols, some patterns of several symbols an event, and many repeats.
    length = rng.randint(2, 12)
    symbols = [f"s{int(rng.paretovariate(0.7))}" for _ in range(length)]
    if rng.random() < 0.3:
        return [sorted(symbols[:2]), *([symbol] for symbol in symbols[2:])]
    return [[symbol] for symbol in symbols]


@pytest.fixture(scope="module")
def stored(memory: kato.Memory) -> kato.KnowledgeBase:
    rng = Random(7)
    kb = memory.knowledge_base("scan")
    kb.clear()
    kb.learn_many(sequence(rng) for _ in range(PATTERNS - 200))
    memory.flush()
    kb.learn_many(sequence(rng) for _ in range(200))
    return kb


def answers(kb: kato.KnowledgeBase, queries: list[Any], **config: Any) -> list[bytes]:
    return [msgspec.json.encode(kb.predict(query, **config)) for query in queries]


@pytest.mark.parametrize("block", [100, 1000, 10_000])
@pytest.mark.parametrize("sampled", [50, 500])
@pytest.mark.parametrize(
    "config",
    [{}, {"max_predictions": 3}, {"recall_threshold": 0.5}, {"recall_threshold": 0.0}],
    ids=str,
)
def test_blocks_and_samples_change_nothing(
    stored: kato.KnowledgeBase,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    sampled: int,
    config: dict[str, Any],
) -> None:
    rng = Random(f"{block} {sampled}")
    queries = [sequence(rng)[: rng.randint(1, 6)] for _ in range(6)]
    monkeypatch.setattr(sample, "ENDS", ())  # too small a knowledge base to be sampled
    whole = answers(stored, queries, **config)
    monkeypatch.setattr(sample, "ENDS", (sampled // 2, sampled))
    monkeypatch.setattr(scan, "BLOCK", block)
    monkeypatch.setattr(scan, "FEW", 0)
    assert answers(stored, queries, **config) == whole
    assert any(len(answer) > 100 for answer in whole)


def test_a_forgotten_pattern_leaves_the_sample(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "ENDS", (20, 40))
    kb.learn_many([["a"], ["b"], [f"x{i}"]] for i in range(30))
    kb.learn_many([["a"], [f"y{i}"], ["z"], [f"w{i}"]] for i in range(100))
    memory.flush()
    before = kb.predict([["a"], ["b"]], max_predictions=5)
    assert {prediction.matches[-1] for prediction in before} == {"b"}
    for index in range(30):
        kb.forget(kb.learn([["a"], ["b"], [f"x{index}"]]) or "")
    after = kb.predict([["a"], ["b"]], max_predictions=5)
    assert {tuple(prediction.matches) for prediction in after} == {("a",)}
    assert len(after) == 5
