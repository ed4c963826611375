"""The index answers what a look at every pattern answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recall.index.cases import (
    Rows,
    expected,
    memories,
    memory_of,
    patterns,
    searched,
    sequences_of,
    shelves_of,
)

from kato.matching import Candidates, Observation
from kato.recall.index import find
from kato.recall.index.overlap import CHUNK

THRESHOLDS = st.sampled_from((0.0, 0.1, 0.25, 0.5, 2 / 3, 0.6666666666666665, 1.0))


class Case:
    """Patterns in segments, and one recall."""

    def __init__(self, rows: Rows, cuts: list[int], hidden: set[int], memory: Observation) -> None:
        self.candidates = Candidates.of(enumerate(rows, start=1))
        self.shelves = shelves_of(self.candidates, cuts)
        gone = np.array(sorted(hidden), np.int64)
        for shelf in self.shelves:
            shelf.hide(gone)
        self.shown = self.candidates.take(np.flatnonzero(~np.isin(self.candidates.ids, gone)))
        self.memory = memory

    def check(self, threshold: float, limit: int) -> None:
        found, _ = searched(self.shelves, self.memory, threshold, limit)
        ids = expected(self.memory, self.shown, threshold, limit)
        np.testing.assert_array_equal(found.ids, ids)
        # Not only the right patterns are found: they are what they were.
        kept = sequences_of(self.candidates.take(ids - 1))
        for name in kept.__struct_fields__:
            np.testing.assert_array_equal(getattr(found, name), getattr(kept, name), name)


def cases(most: int = 60) -> st.SearchStrategy[Case]:
    numbers = st.integers(1, most)
    cuts, hidden = st.lists(numbers, max_size=3), st.sets(numbers, max_size=10)
    return st.builds(Case, patterns(most), cuts, hidden, memories())


@settings(max_examples=300, deadline=None)
@given(cases(), THRESHOLDS, st.sampled_from((1, 3, 10, 300)))
def test_the_index_finds_what_a_look_at_all_finds(case: Case, threshold: float, limit: int) -> None:
    case.check(threshold, limit)


@pytest.mark.deep
@settings(max_examples=10_000, deadline=None)
@given(cases(), THRESHOLDS, st.sampled_from((1, 3, 10, 300)))
def test_the_index_finds_what_a_look_at_all_finds_deep(
    case: Case, threshold: float, limit: int
) -> None:
    case.check(threshold, limit)


@settings(max_examples=200)
@given(cases(), THRESHOLDS, st.sampled_from((1, 3, 10, 300)), st.floats(-1.0, 3.0))
@pytest.mark.deep
def test_no_guess_of_a_floor_changes_an_answer(
    case: Case, threshold: float, limit: int, guess: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "_likely_floor", lambda *_: guess)
        case.check(threshold, limit)


def test_a_sample_that_misleads_costs_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that match well stand where the sample looks, fewer of them than are wanted."""
    size = 3 * CHUNK
    rows = [[[1], [2], [3]] if i % CHUNK < 50 else [[1], [9], [9]] for i in range(size)]
    candidates = Candidates.of(enumerate(rows, start=1))
    monkeypatch.setattr(find, "LEAST_SAMPLED", 0)
    memory = memory_of([1, 2, 3])
    found, work = searched(shelves_of(candidates), memory, 0.1, 300)
    np.testing.assert_array_equal(found.ids, expected(memory, candidates, 0.1, 300))
    assert work.rows > 2 * size


def zipf_rows(rng: np.random.Generator, count: int, symbols: int) -> Rows:
    """Patterns of a Zipf vocabulary, a quarter with events of several symbols."""
    rows = []
    for _ in range(count):
        drawn = np.minimum(rng.zipf(1.3, rng.integers(2, 20)), symbols).tolist()
        if rng.random() < 0.25:
            rows.append([drawn[:2], *([symbol] for symbol in drawn[2:])])
        else:
            rows.append([[symbol] for symbol in drawn])
    return rows


@pytest.fixture(scope="module")
def many() -> tuple[np.random.Generator, Candidates]:
    """Several chunks of rows in each segment, thousands of them tied."""
    rng = np.random.default_rng(5)
    rows = zipf_rows(rng, 12_000, 300)
    window = [[symbol] for symbol in (7, 3, 9, 3, 1, 12)]
    rows[3000:3000] = [window] * 3000
    return rng, Candidates.of(enumerate(rows, start=1))


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("limit", [3, 300])
@pytest.mark.parametrize("cuts", [(), (9000,), (100, 5000, 14_990)], ids=len)
def test_many_chunks_and_ties_change_nothing(
    many: tuple[np.random.Generator, Candidates],
    monkeypatch: pytest.MonkeyPatch,
    threshold: float,
    limit: int,
    cuts: tuple[int, ...],
) -> None:
    """Thousands tie with the floor that a sample gives, or are just what the sample did not see."""
    monkeypatch.setattr(find, "LEAST_SAMPLED", 0)
    rng, candidates = many
    shelves = shelves_of(candidates, cuts)
    for _ in range(25):
        observed = np.minimum(rng.zipf(1.3, rng.integers(1, 12)), 300).tolist()
        observed = [7, 3, 9, 3][: len(observed)] if rng.random() < 0.3 else observed
        memory = memory_of(observed, observed[:1] if rng.random() < 0.2 else ())
        found, _ = searched(shelves, memory, threshold, limit)
        ids = expected(memory, candidates, threshold, limit)
        np.testing.assert_array_equal(found.ids, ids, str(observed))


@pytest.mark.parametrize("size", [64, 65, 200, 1000])
def test_long_memories_and_long_patterns(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = [
        [[symbol] for symbol in rng.integers(1, 60, rng.integers(2, 1200)).tolist()]
        for _ in range(150)
    ]
    rows.append([[symbol] for symbol in rng.integers(1, 60, 10_000).tolist()])
    candidates = Candidates.of(enumerate(rows, start=1))
    shelves = shelves_of(candidates, (70,))
    for threshold in (0.0, 0.1, 0.6):
        memory = memory_of(rng.integers(1, 70, size).tolist())
        found, _ = searched(shelves, memory, threshold, 30)
        np.testing.assert_array_equal(found.ids, expected(memory, candidates, threshold, 30))


def test_wide_symbol_ids_are_kept() -> None:
    for top in (200, 60_000, 1 << 20, 1 << 26):
        rows = [[[top], [top - 1]], [[top - 2, top], [3]]]
        candidates = Candidates.of(enumerate(rows, start=1))
        found, _ = searched(shelves_of(candidates), memory_of([top, 3]), 0.1, 5)
        assert found.symbols.tolist() == [top, top - 1, top - 2, top, 3]
