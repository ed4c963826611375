"""Fuzzy matching rewrites the memory, then matches exactly (decision Q7)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import reference
from tests.examples import Example, case_id, examples

from kato.matching import Candidates, FuzzyMatcher, Observation, align, similar_symbols
from kato.matching.characters import character_ratio

Words = st.text("abé", max_size=6)


def rewritten(pattern: list[str], memory: list[str], threshold: float) -> list[str]:
    """The memory as the kernel rewrites it."""
    vocabulary = sorted(set(pattern))
    ids = {text: number for number, text in enumerate(vocabulary, start=1)}
    observation = Observation.of([memory], ids)
    similar = similar_symbols(
        observation.texts, np.arange(1, len(ids) + 1, dtype=np.uint32), vocabulary, threshold
    )
    candidates = Candidates.of([(1, [[ids[symbol] for symbol in pattern]])])
    row = align(observation, candidates, FuzzyMatcher(similar)).memory(observation, 0)
    return [
        text if symbol == before else vocabulary[symbol - 1]
        for text, symbol, before in zip(
            memory, row.tolist(), observation.symbols.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("pattern", "memory", "expected"),
    [
        pytest.param(["cat"], ["cart"], ["cat"], id="similar"),
        pytest.param(["cat"], ["cart", "cat"], ["cart", "cat"], id="equal claims before similar"),
        pytest.param(["cat", "cat"], ["cart", "cat"], ["cat", "cat"], id="a second place"),
        pytest.param(["cats", "cart"], ["carts"], ["cats"], id="the lowest place on ties"),
        pytest.param(["cat"], ["carts", "cart"], ["cat", "cart"], id="left comes first"),
        pytest.param(["dog"], ["cart"], ["cart"], id="not similar"),
        pytest.param(["", "a"], [""], [""], id="the empty symbol is equal to itself"),
    ],
)
def test_rewriting(pattern: list[str], memory: list[str], expected: list[str]) -> None:
    assert rewritten(pattern, memory, 0.7) == expected
    assert reference.rewritten(pattern, memory, 0.7) == expected


@given(
    pattern=st.lists(Words, min_size=1, max_size=6),
    memory=st.lists(Words, min_size=1, max_size=6),
    threshold=st.sampled_from((0.01, 0.4, 0.5, 2 / 3, 0.8, 1.0)),
)
@settings(max_examples=200, deadline=None)
def test_rewriting_is_the_references(
    pattern: list[str], memory: list[str], threshold: float
) -> None:
    expected = reference.rewritten(pattern, memory, threshold)
    assert rewritten(pattern, memory, threshold) == expected


@given(first=Words, second=Words)
def test_ratios_are_the_references(first: str, second: str) -> None:
    assert character_ratio(first, second) == reference.character_ratio(first, second)


@pytest.mark.parametrize("case", examples("char_ratio"), ids=case_id)
def test_the_originals_ratios(case: Example) -> None:
    first, second = case["input"]["a"], case["input"]["b"]
    assert character_ratio(first, second) == case["output"]["ratio_0_1"]
    assert reference.character_ratio(first, second) == case["output"]["ratio_0_1"]


def test_the_threshold_is_inclusive() -> None:
    # rapidfuzz's own cut-off drops this pair: it rounds.
    similar = similar_symbols(["b", "ab", "ab"], np.array([7], np.uint32), ["a"], 2 / 3)
    assert similar.texts == ["b", "ab"]
    assert (similar.rows.tolist(), similar.ids.tolist()) == ([1], [7])


def test_pairs_are_found_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"symbol {number}" for number in range(50)]
    ids = np.arange(50, dtype=np.uint32)[::-1].copy()
    whole = similar_symbols(texts[:7], ids, texts, 0.8)
    monkeypatch.setattr("kato.matching.fuzzy._CELLS", 30)
    parts = similar_symbols(texts[:7], ids, texts, 0.8)
    for name in ("rows", "ids", "ratios"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


def test_no_vocabulary() -> None:
    assert len(similar_symbols(["a"], np.zeros(0, np.uint32), [], 0.5).ids) == 0
