"""Events: what may be observed, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.errors import InvalidEvent, InvalidSymbol
from kato.model.event import checked_events, flattened, in_stored_order

events = st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=4)


@given(events)
def test_sorted_by_code_point_with_nothing_lost(given_events: list[list[str]]) -> None:
    checked = checked_events(given_events)
    assert checked == [sorted(event) for event in given_events]
    assert flattened(checked) == [symbol for event in checked for symbol in event]


@given(events)
def test_as_given_if_not_sorted(given_events: list[list[str]]) -> None:
    assert checked_events(given_events, sort=False) == given_events


def test_what_was_given_is_not_changed() -> None:
    event = ["b", "a"]
    checked_events([event])[0].append("c")
    assert event == ["b", "a"]


def test_order_is_that_of_code_points() -> None:
    assert checked_events([["z", "A", "a", "10", "9", "b"]]) == [["10", "9", "A", "a", "b", "z"]]


def test_vector_symbols_come_first() -> None:
    assert in_stored_order(["z", "VCTR|b", "A", "VCTR|a"]) == ["VCTR|a", "VCTR|b", "A", "z"]
    assert in_stored_order(["z", "VCTR|b", "A", "VCTR|a"], sort=False) == [
        "VCTR|b",
        "VCTR|a",
        "z",
        "A",
    ]


@pytest.mark.parametrize("wrong", ["ab", b"ab", 5, None, ["ab"], [["a"], "b"], [{"a": 1}], [5]])
def test_not_a_list_of_lists(wrong: Any) -> None:
    with pytest.raises(InvalidEvent):
        checked_events(wrong)


@pytest.mark.parametrize("wrong", [5, None, b"a", 1.5, ["a"], True])
def test_not_a_string(wrong: Any) -> None:
    with pytest.raises(InvalidSymbol, match="must be a string"):
        checked_events([["a", wrong]])


@pytest.mark.parametrize("wrong", ["\ud800", "a\udfffb", "é\udc80"])
def test_a_lone_surrogate(wrong: str) -> None:
    with pytest.raises(InvalidSymbol, match="lone surrogate at position"):
        checked_events([["a"], [wrong]])
