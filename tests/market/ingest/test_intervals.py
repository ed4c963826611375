"""Intervals of ids against a plain set."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kato.market.ingest.intervals import Intervals

ids = st.one_of(st.integers(0, 40), st.integers(10**17, 10**17 + 20))
batches = st.lists(st.lists(ids, min_size=1, max_size=20), max_size=8)
SOME = [*range(45), *range(10**17 - 2, 10**17 + 23)]


def taken(batches: list[list[int]]) -> tuple[Intervals, set[int]]:
    """Each batch added the way ingest does: only what is not there, each id once."""
    intervals, known = Intervals.none(), set[int]()
    for batch in batches:
        numbers = np.array(list(dict.fromkeys(batch)))
        held = intervals.hold(numbers)
        assert held.tolist() == [number in known for number in numbers.tolist()]
        intervals = intervals.with_numbers(numbers[~held])
        known |= set(batch)
    return intervals, known


@given(batches)
def test_what_was_added_is_held(batches: list[list[int]]) -> None:
    intervals, known = taken(batches)
    assert intervals.hold(np.array(SOME)).tolist() == [number in known for number in SOME]
    assert len(intervals) == sum(number - 1 not in known for number in known)


@given(batches)
def test_holes_are_what_is_missing_between(batches: list[list[int]]) -> None:
    intervals, known = taken(batches)
    for hole in intervals.holes():
        assert {hole.after, hole.before} <= known
        assert not known & set(range(hole.after + 1, min(hole.before, hole.after + 100)))
    missing = max(known) - min(known) + 1 - len(known) if known else 0
    assert sum(hole.missing for hole in intervals.holes()) == missing


@given(batches, st.integers(1, 4))
def test_the_oldest_intervals_give_way(batches: list[list[int]], most: int) -> None:
    intervals, known = taken(batches)
    kept = intervals.kept(most)
    assert len(kept) == min(most, len(intervals))
    above = [number for number in SOME if number >= kept.floor]
    if above:
        assert kept.hold(np.array(above)).tolist() == [number in known for number in above]
    assert (kept.floor == 0) == (len(intervals) <= most)
    below = np.array([kept.floor - 1])
    assert kept.with_numbers(below) is kept


@given(batches)
def test_a_set_that_is_read_is_the_same(batches: list[list[int]]) -> None:
    intervals, known = taken(batches)
    again = Intervals.of(np.array(sorted(known), np.int64), 0)
    assert again.holes() == intervals.holes()
    assert again.has_holes_of(intervals)
