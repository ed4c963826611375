"""Fuzzy and character matching find by the index what they find among all patterns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recall.index.cases import Rows, expected, shelves_of

from kato.matching import Candidates, Observation
from kato.model.config import SessionConfig
from kato.recall.index import contest
from kato.recall.index.contest import contested
from kato.recall.index.find import WORK
from kato.recall.index.overlap import CHUNK
from kato.recall.look import Look
from kato.recall.matchers import Matchers
from kato.recall.query import Query
from kato.storage.ledger.tail import TailView

# Alike in one letter or two, so that most are taken for several others.
TEXTS = ("banana", "bananas", "bandana", "cabana", "cab", "cabs", "a", "ab", "x", "日本", "日木")
IDS = {text: number for number, text in enumerate(TEXTS, start=1)}
OBSERVED = (*TEXTS, "bannana", "cobs", "y", "")


def rows() -> st.SearchStrategy[Rows]:
    symbol = st.integers(1, len(TEXTS))
    single = st.lists(symbol.map(lambda number: [number]), min_size=2, max_size=9)
    several = st.lists(st.lists(symbol, min_size=1, max_size=3), min_size=1, max_size=4)
    return st.lists(single | several, min_size=1, max_size=40)


CONFIGS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    use_token_matching=st.booleans(),
    fuzzy_token_threshold=st.sampled_from((0.0, 0.6, 0.8, 1.0)),
    recall_threshold=st.sampled_from((0.0, 0.1, 0.5, 0.8)),
    max_predictions=st.sampled_from((1, 2, 100)),
)


def check(patterns: Rows, cut: int, observed: list[str], values: dict[str, Any]) -> None:
    candidates = Candidates.of(enumerate(patterns, start=1))
    memory = Observation.of([[text] for text in observed], IDS)
    texts = {number: text for text, number in IDS.items()}
    query = Query(
        kb=1,
        observation=memory,
        config=SessionConfig(**values),
        tail=TailView([], set(), {}, {}),
        last_pattern=len(patterns),
        texts_of=lambda _: texts,
        vocabulary=lambda: texts,
    )
    look = Look(query)
    found = contested(shelves_of(candidates, (cut,)), look, np.zeros(WORK, np.int64))
    matcher = Matchers(look.query).of(candidates)
    threshold = query.config.recall_threshold
    ids = expected(memory, candidates, threshold, query.limit, matcher)
    np.testing.assert_array_equal(found.candidates.ids, ids)


@settings(max_examples=300, deadline=None)
@given(
    rows(),
    st.integers(1, 40),
    st.lists(st.sampled_from(OBSERVED), min_size=1, max_size=6),
    CONFIGS,
    st.sampled_from((1, 1000)),
)
@pytest.mark.deep
def test_the_index_finds_what_a_look_at_all_finds(
    patterns: Rows, cut: int, observed: list[str], values: dict[str, Any], batch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contest, "BATCH", batch)
        check(patterns, cut, observed, values)


@pytest.mark.parametrize("count", [CHUNK + 300, 600])
def test_rows_behind_the_sample_are_found(count: int) -> None:
    """In the first chunk and in the next."""
    rng = np.random.default_rng(count)
    patterns = [[[s] for s in rng.integers(1, len(TEXTS) + 1, 3).tolist()] for _ in range(count)]
    values = {"fuzzy_token_threshold": 0.6, "max_predictions": 20}
    check(patterns, 1, ["bannana", "cobs", "x"], values)


@pytest.mark.deep
@settings(max_examples=10_000, deadline=None)
@given(
    rows(),
    st.integers(1, 40),
    st.lists(st.sampled_from(OBSERVED), min_size=1, max_size=6),
    CONFIGS,
)
def test_the_index_finds_what_a_look_at_all_finds_deep(
    patterns: Rows, cut: int, observed: list[str], values: dict[str, Any]
) -> None:
    check(patterns, cut, observed, values)
