"""No pattern misses the floor that it is itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kato.matching import UNKNOWN, Observation, TokenMatcher, align
from kato.recall.query import candidates_of
from kato.recall.reach import Reach
from kato.storage.clickhouse.signatures import MOST_PAIRS, signatures_of
from kato.storage.ledger.journal import Sequences

FEW, MANY = 4, 90

Pattern = list[list[int]]


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    """Events of one symbol or several, many repeats or few; some longer than is told apart."""
    symbols = st.integers(1, draw(st.sampled_from((FEW, MANY))))
    event = st.lists(symbols, min_size=1, max_size=draw(st.sampled_from((1, 1, 3))))
    events = draw(st.lists(event, min_size=2, max_size=20))
    return events * draw(st.sampled_from((1, 1, 1, 1, 4, 12)))


def sequences_of(events: Pattern) -> Sequences:
    lengths = [len(event) for event in events]
    ends = np.cumsum(lengths, dtype=np.int32) if max(lengths) > 1 else np.zeros(0, np.int32)
    symbols = np.array([symbol for event in events for symbol in event], np.uint32)
    return Sequences(
        np.ones(1, np.int64),
        np.zeros((1, 20), np.uint8),
        symbols,
        np.array([0, len(symbols)]),
        ends,
        np.array([0, len(ends)]),
    )


@st.composite
def memories(draw: st.DrawFn, pattern: Pattern) -> list[int]:
    """Parts of the pattern and other symbols, some of them unknown."""
    flat = [symbol for event in pattern for symbol in event]
    memory: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(flat) - 1))
        memory += flat[start : start + draw(st.integers(1, 2 + MOST_PAIRS // 2))]
        memory += draw(st.lists(st.integers(1, MANY + 5), max_size=3))
    return [*memory, 1][: draw(st.integers(2, 60))] if len(memory) > 1 else [*memory, 1]


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_pattern_reaches_what_it_has(data: st.DataObject) -> None:
    pattern = data.draw(patterns())
    memory = data.draw(memories(pattern))
    known = {str(symbol): symbol for symbol in range(1, MANY + 1)}
    observation = Observation.of([[str(symbol)] for symbol in memory], known)
    assert (observation.symbols >= UNKNOWN).sum() == sum(symbol > MANY for symbol in memory)
    sequences = sequences_of(pattern)
    aligned = align(observation, candidates_of(sequences), TokenMatcher())
    if not aligned.lcs[0]:
        return
    similarity, potential = float(aligned.similarity[0]), float(aligned.preliminary[0])
    reach, signature = Reach(observation, similarity), signatures_of(sequences)
    assert reach.above(potential, similarity).among(signature).tolist() == [True]
    assert reach.above(-np.inf, 0.0).among(signature).tolist() == [True]
    assert reach.above(np.inf, 0.0).among(signature).tolist() == [False]


def test_pairs_that_are_missing_keep_a_pattern_from_a_floor() -> None:
    """Three symbols of five in one block, in two, and in three."""
    memory = Observation.of([["a"], ["b"], ["c"]], {"a": 1, "b": 2, "c": 3})
    together, parted, apart = (
        [[9], [1], [2], [3], [8]],
        [[1], [2], [9], [8], [3]],
        [[1], [9], [2], [8], [3]],
    )
    for floor, expected in ((2.5, [True, False, False]), (2.0, [True, True, False])):
        reaching = Reach(memory, 0.1).above(floor, 0.0)
        found = [
            bool(reaching.among(signatures_of(sequences_of(each)))[0])
            for each in (together, parted, apart)
        ]
        assert found == expected
