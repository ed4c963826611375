"""Parts of patterns and their wording, against lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kato.matching import Candidates
from kato.matching.candidates import Place, distinct
from kato.metrics.wording import chosen, parted, worded_events

Singles = st.lists(st.integers(0, 9).map(lambda symbol: [symbol]), max_size=5)
Several = st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=5)
Patterns = st.lists(Singles | Several, max_size=6)

TEXTS = np.array([f"s{number}" for number in range(10)], np.object_)


def symbols_before(events: list[list[int]], count: int) -> int:
    return sum(map(len, events[:count]))


@given(Patterns, st.data())
def test_the_events_between_two_places(
    patterns: list[list[list[int]]], data: st.DataObject
) -> None:
    spans = [sorted(data.draw(st.tuples(*[st.integers(0, len(p))] * 2))) for p in patterns]
    places = [
        Place(
            np.array(
                [symbols_before(p, s[side]) for p, s in zip(patterns, spans, strict=True)], int
            ),
            np.array([s[side] for s in spans], int),
        )
        for side in (0, 1)
    ]
    found = Candidates.of(enumerate(patterns)).between(*places)
    expected = [p[first:last] for p, (first, last) in zip(patterns, spans, strict=True)]
    assert [found.events(index) for index in range(len(found))] == expected
    worded = [[[TEXTS[s] for s in event] for event in events] for events in expected]
    assert worded_events(found, TEXTS) == worded


@given(Patterns)
def test_where_events_begin(patterns: list[list[list[int]]]) -> None:
    whole = Candidates.of(enumerate(patterns))
    bounds, offsets = (part.tolist() for part in whole.event_bounds())
    events = [whole.symbols.tolist()[start:end] for start, end in pairwise(bounds)]
    assert [events[start:end] for start, end in pairwise(offsets)] == patterns


@given(st.lists(st.lists(st.tuples(st.text(max_size=1), st.booleans()), max_size=3), max_size=6))
def test_choosing_among_parts(parts: list[list[tuple[str, bool]]]) -> None:
    bounds = np.cumsum([0, *map(len, parts)])
    items = [item for part in parts for item, _ in part]
    wanted = np.array([flag for part in parts for _, flag in part], np.bool_)
    assert parted(items, bounds) == [[item for item, _ in part] for part in parts]
    assert chosen(items, wanted, bounds) == [[item for item, f in part if f] for part in parts]


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_distinct_symbols(symbols: list[int]) -> None:
    assert distinct(np.array(symbols, np.uint32)).tolist() == sorted(set(symbols))
