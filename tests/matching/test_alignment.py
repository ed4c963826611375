"""Alignment: events, the cut, and what comes in other types than kernels want."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.reference import flat, preliminary

from kato.matching import (
    Alignment,
    Candidates,
    CharacterMatcher,
    Observation,
    TokenMatcher,
    align,
    best,
    matched_positions,
    qualifies,
)

# The worked cases of spec/algorithms.md 7.1: pattern, memory, past, present, future.
WORKED = [
    ("a|b|c|d", "b|c", "a", "b|c", "d"),
    ("a|b|c|d", "a|d", "", "a|b|c|d", ""),
    ("a|b|c|d", "a|d|b", "", "a|b", "c|d"),
    ("a|b|c|d", "d|c|b|a", "", "a", "b|c|d"),
    ("a|b|c|d", "a|x|b", "", "a|b", "c|d"),
    ("ab|cd|e", "a|c", "", "ab|cd", "e"),
    ("ab|cd|e", "b|c", "", "ab|cd", "e"),
    ("ab|cd|e", "d|e", "ab", "cd|e", ""),
    ("ab|cd|e", "b|d|q", "", "ab|cd", "e"),
    ("ab|cd|e", "e|a", "", "ab", "cd|e"),
    ("ab|cd|e", "ac", "", "ab|cd", "e"),
    ("ab|cd|e", "a|b|c|d", "", "ab|cd", "e"),
    ("a|a|b", "a|b", "", "a|a|b", ""),
    ("ab|bc", "bc", "", "ab|bc", ""),
    ("a|b|a|c", "a|a|a", "", "a|b|a", "c"),
    ("a|b|a|c", "x|a|y|c|z", "", "a|b|a|c", ""),
]

IDS = {symbol: number for number, symbol in enumerate("abcde", start=1)}


def split(text: str) -> list[list[str]]:
    return [list(event) for event in text.split("|")] if text else []


def encoded(*patterns: str) -> Candidates:
    return Candidates.of(
        (number, [[IDS[symbol] for symbol in event] for event in split(pattern)])
        for number, pattern in enumerate(patterns)
    )


@pytest.mark.parametrize(("pattern", "memory", "past", "present", "future"), WORKED)
def test_worked_cases(pattern: str, memory: str, past: str, present: str, future: str) -> None:
    observation = Observation.of(split(memory), IDS)
    found = align(observation, encoded(pattern), TokenMatcher())
    events, j1, j2 = split(pattern), found.past_events[0], found.present_events_end[0]
    assert [events[:j1], events[j1:j2], events[j2:]] == [split(past), split(present), split(future)]
    symbols = flat(events)[found.present_start[0] : found.present_end[0]]
    assert symbols == flat(split(present))


def test_empty_events_of_a_pattern_are_counted() -> None:
    patterns = Candidates.of([(1, [[1], [], [2], [3], []])])
    found = align(Observation.of([["b"]], IDS), patterns, TokenMatcher())
    assert (found.past_events[0], found.present_events_end[0]) == (1, 3)


def test_the_cut_takes_potential_then_similarity_then_id() -> None:
    observation = Observation.of([["a"], ["b"]], IDS)
    candidates = encoded("a|b|c|d", "a|b|d|c", "a|b", "c|d", "a|b|c")
    found = align(observation, candidates, TokenMatcher())
    assert best(found, candidates, 3).tolist() == [0, 2, 4]
    assert best(found, candidates, 9).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.0, [0, 1, 2]), (0.1, [0]), (0.4, [0]), (0.40000001, [])]
)
@pytest.mark.parametrize("by_characters", [False, True])
def test_thresholds(threshold: float, kept: list[int], by_characters: bool) -> None:
    # Decision Q10: by characters, threshold 0 lets everything through as well.
    observation = Observation.of([["a"], ["b"]], {**IDS, "z": 9})
    candidates = Candidates.of([(0, [[1], [2], *[[5]] * 6]), (1, [[3], [4]]), (2, [[9], [9]])])
    texts = {**{number: symbol for symbol, number in IDS.items()}, 9: "zz"}
    matcher = CharacterMatcher(texts) if by_characters else TokenMatcher()
    found = align(observation, candidates, matcher)
    if by_characters and threshold >= 0.4:
        threshold = found.similarity[0] + (threshold - 0.4)
    assert np.flatnonzero(qualifies(found, threshold)).tolist() == kept


def test_positions_that_match() -> None:
    observation = Observation.of([["a"], ["q"], ["c"]], IDS)
    candidates = encoded("a|b|c", "c|a", "d|d")
    found = align(observation, candidates, TokenMatcher())
    assert matched_positions(observation, candidates, found).tolist() == [
        [True, False, True],
        [False, False, True],
        [False, False, False],
    ]


def test_preliminary_potentials_are_the_references() -> None:
    observation = Observation.of([["a"], ["c"], ["q"]], IDS)
    found = align(observation, encoded("ab|c|d", "d|e"), TokenMatcher())
    match = {"evidence": 2 / 4, "confidence": 2 / 3, "snr": 3 / 5, "fragmentation": 1.0}
    assert found.preliminary.tolist() == [preliminary(match), 0.0]


def test_alignments_split_and_join() -> None:
    observation = Observation.of([["a"], ["b"]], IDS)
    found = align(observation, encoded("a|b|c", "b|a", "a|c"), TokenMatcher())
    halves = [found.take(np.array([0])), found.take(np.array([1, 2]))]
    joined = msgspec.structs.asdict(Alignment.join(halves))
    for name, values in msgspec.structs.asdict(found).items():
        assert joined[name].tolist() == values.tolist()


def test_read_only_and_strided_arrays_are_taken() -> None:
    candidates = encoded("a|b", "ab|c")
    frozen = Candidates(
        *(np.repeat(getattr(candidates, name), 2)[::2] for name in Candidates.__struct_fields__)
    )
    for name in Candidates.__struct_fields__:
        getattr(frozen, name).flags.writeable = False
    found = align(Observation.of([["a"], ["b"]], IDS), frozen, TokenMatcher())
    assert found.matched.tolist() == [2, 2]


def test_an_empty_memory_matches_nothing() -> None:
    found = align(Observation.of([[]], IDS), encoded("a|b"), TokenMatcher())
    assert (found.similarity.tolist(), found.blocks.tolist()) == ([0.0], [0])
    assert found.preliminary.tolist() == [0.0]


def test_no_candidates() -> None:
    found = align(Observation.of([["a"]], IDS), Candidates.empty(), TokenMatcher())
    assert len(found) == 0
    assert best(found, Candidates.empty(), 3).tolist() == []
