"""Candidates and observations as blocks of integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.matching import UNKNOWN, Candidates, Observation

Events = st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=5)
Patterns = st.lists(Events, max_size=6)


def listed(candidates: Candidates) -> list[tuple[int, list[list[int]]]]:
    return [(number, candidates.events(at)) for at, number in enumerate(candidates.ids.tolist())]


@given(Patterns)
def test_events_come_back(patterns: list[list[list[int]]]) -> None:
    numbered = list(enumerate(patterns))
    assert listed(Candidates.of(numbered)) == numbered


@given(Patterns, st.data())
def test_taking_and_joining(patterns: list[list[list[int]]], data: st.DataObject) -> None:
    numbered = list(enumerate(patterns))
    whole = Candidates.of(numbered)
    chosen = data.draw(st.sets(st.sampled_from(range(len(patterns))))) if patterns else set()
    rest = [at for at in range(len(patterns)) if at not in chosen]
    parts = [whole.take(np.array(sorted(part), np.int64)) for part in (chosen, rest)]
    assert listed(parts[0]) == [numbered[at] for at in sorted(chosen)]
    assert listed(Candidates.join(parts)) == numbered


def test_events_of_one_symbol_have_no_ends() -> None:
    patterns = Candidates.of([(1, [[5], [6]]), (2, [[5, 6]])])
    assert patterns.event_ends.tolist() == [2]
    assert [patterns.ends_of(at).tolist() for at in (0, 1)] == [[1, 2], [2]]


def test_no_candidates() -> None:
    assert len(Candidates.empty()) == len(Candidates.join([])) == 0


def test_types() -> None:
    patterns = Candidates.join([Candidates.empty(), Candidates.of([(1, [[5], [6]])])])
    kinds = [getattr(patterns, name).dtype for name in Candidates.__struct_fields__]
    assert kinds == [np.int64, np.uint32, np.int64, np.int32, np.int64]


@pytest.mark.parametrize(
    ("events", "symbols", "ends"),
    [
        ([], [], []),
        ([[]], [], [0]),
        ([["a"], ["x", "b"], [], ["x"]], [1, UNKNOWN, 2, UNKNOWN], [1, 3, 3, 4]),
        ([["x", "y"]], [UNKNOWN, UNKNOWN + 1], [2]),
    ],
)
def test_observations(events: list[list[str]], symbols: list[int], ends: list[int]) -> None:
    observation = Observation.of(events, {"a": 1, "b": 2})
    assert observation.symbols.tolist() == symbols
    assert observation.event_ends.tolist() == ends
    assert observation.per_event(observation.texts) == events
