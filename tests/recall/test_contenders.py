"""Bounds bound, and the best found by them are the best found by looking at all."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kato.matching import Candidates, Observation, TokenMatcher, align, best, qualifies
from kato.recall.bounds import Bounds, bounds_of, least_overlaps
from kato.recall.contenders import Contest, contenders

Rows = list[list[list[int]]]

# Few symbols repeat and tie; many hardly meet.
FEW, MANY = 4, 40
ROUNDING = 1e-9
LENGTHS = 9
"""Lengths that overlaps tell apart; some patterns are longer."""


@st.composite
def memories_and_patterns(draw: st.DrawFn, most: int = 60) -> tuple[Observation, Candidates]:
    symbols = st.integers(1, draw(st.sampled_from((FEW, MANY))))
    single = st.lists(symbols.map(lambda symbol: [symbol]), min_size=2, max_size=12)
    several = st.lists(st.lists(symbols, min_size=1, max_size=3), min_size=1, max_size=6)
    patterns: Rows = draw(st.lists(single | several, min_size=1, max_size=most))
    observed = draw(st.lists(symbols, min_size=1, max_size=draw(st.sampled_from((3, 10, 80)))))
    texts = [[str(symbol)] for symbol in observed]
    ids = {str(symbol): symbol for symbol in observed}
    return Observation.of(texts, ids), Candidates.of(enumerate(patterns, start=1))


def check_bounds(observation: Observation, candidates: Candidates) -> None:
    bounds = bounds_of(observation, candidates)
    with patch("kato.recall.bounds.MANY", 2):
        halves = bounds_of(observation, candidates)
    for name in Bounds.__struct_fields__:
        np.testing.assert_array_equal(getattr(bounds, name), getattr(halves, name))
    alignment = align(observation, candidates, TokenMatcher())
    np.testing.assert_array_equal(bounds.similarity, alignment.similarity)
    assert (bounds.potential >= alignment.preliminary - ROUNDING).all()
    exact = bounds.exact
    np.testing.assert_array_equal(bounds.potential[exact], alignment.preliminary[exact])


def check_floor(observation: Observation, candidates: Candidates, floor: float) -> None:
    """What is given up misses the floor; of all others the same is known as without one."""
    every, found = bounds_of(observation, candidates), bounds_of(observation, candidates, floor)
    given_up = np.isneginf(found.potential)
    alignment = align(observation, candidates, TokenMatcher())
    assert (alignment.preliminary[given_up] < floor).all()
    for name in Bounds.__struct_fields__:
        kept = getattr(found, name)[~given_up]
        np.testing.assert_array_equal(kept, getattr(every, name)[~given_up])


def check_contest(
    observation: Observation, candidates: Candidates, threshold: float, limit: int
) -> None:
    contest = Contest(threshold if len(observation) > 1 else 0.0, limit)
    found, alignment = contenders(observation, candidates, TokenMatcher(), contest)
    every = align(observation, candidates, TokenMatcher())
    matching = np.flatnonzero(qualifies(every, contest.recall_threshold))
    kept = matching[best(every.take(matching), candidates.take(matching), limit)]
    assert found.tolist() == kept.tolist()
    np.testing.assert_array_equal(alignment.preliminary, every.preliminary[kept])


def check_overlaps(observation: Observation, candidates: Candidates, floor: float) -> None:
    """No pattern that reaches the floor shares too few symbols."""
    alignment = align(observation, candidates, TokenMatcher())
    size = len(observation)
    single = least_overlaps(floor - ROUNDING, size, LENGTHS, single=True)
    several = least_overlaps(floor - ROUNDING, size, LENGTHS, single=False)
    for index in np.flatnonzero((alignment.preliminary >= floor) & (alignment.lcs > 0)).tolist():
        symbols = candidates.symbols_of(index)
        one_each = candidates.event_offsets[index] == candidates.event_offsets[index + 1]
        needs = single if one_each else several
        assert np.isin(symbols, observation.symbols).sum() >= needs[min(len(symbols), LENGTHS) - 1]


THRESHOLDS = st.sampled_from((0.0, 0.1, 1 / 3, 0.5, 0.9))


@given(memories_and_patterns(), THRESHOLDS, st.integers(1, 8), st.floats(-2, 4))
@settings(max_examples=300, deadline=None)
@pytest.mark.deep
def test_bounds_contests_and_overlaps(
    case: tuple[Observation, Candidates], threshold: float, limit: int, floor: float
) -> None:
    check_bounds(*case)
    check_contest(*case, threshold, limit)
    check_overlaps(*case, floor)
    check_floor(*case, floor)


@pytest.mark.deep
@given(memories_and_patterns(most=200), THRESHOLDS, st.integers(1, 30), st.floats(-2, 4))
@settings(max_examples=10_000, deadline=None)
def test_bounds_contests_and_overlaps_at_length(
    case: tuple[Observation, Candidates], threshold: float, limit: int, floor: float
) -> None:
    check_bounds(*case)
    check_contest(*case, threshold, limit)
    check_overlaps(*case, floor)
    check_floor(*case, floor)
