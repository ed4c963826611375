from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.market.feeds import sequence as module
from kato.market.feeds.sequence import RESET_DISTANCE, RecentIds, Seen, Sequence

NUMBERS = st.lists(st.integers(0, 60), max_size=120)


def kinds(*numbers: int) -> list[str]:
    sequence = Sequence()
    return [sequence.take(number).kind for number in numbers]


@given(NUMBERS)
def test_against_a_set_of_all_numbers(numbers: list[int]) -> None:
    """The oracle remembers every number it ever saw."""
    sequence, seen = Sequence(), set[int]()
    missing = late = 0
    for number in numbers:
        verdict = sequence.take(number)
        assert (verdict.kind == "duplicate") == (number in seen)
        assert (verdict.kind == "late") == (
            bool(seen) and number not in seen and min(seen) < number < max(seen)
        )
        if verdict.kind == "gap":
            assert seen.isdisjoint(range(verdict.after + 1, verdict.before))
            missing += verdict.missing
        late += verdict.kind == "late"
        seen.add(number)
        assert missing - late == max(seen) - min(seen) + 1 - len(seen)
    holes = {number for start, stop in sequence.holes for number in range(start, stop)}
    assert holes == set(range(min(seen, default=0), max(seen, default=0))) - seen


@given(NUMBERS)
def test_holes_are_in_order_apart_and_not_empty(numbers: list[int]) -> None:
    sequence = Sequence()
    for number in numbers:
        sequence.take(number)
    ends = [end for hole in sequence.holes for end in hole]
    assert ends == sorted(set(ends))


@given(NUMBERS)
def test_the_short_way_is_the_same(numbers: list[int]) -> None:
    slow, fast = Sequence(), Sequence()
    for number in numbers:
        verdict = slow.take(number)
        if not fast.is_next(number):
            assert fast.take(number) == verdict
        else:
            assert verdict.kind == "next"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((7, 8, 9), ["next", "next", "next"]),
        ((7, 9, 8), ["next", "gap", "late"]),
        ((7, 7), ["next", "duplicate"]),
        ((7, 9, 9, 8, 8), ["next", "gap", "duplicate", "late", "duplicate"]),
        ((7, 6, 6), ["next", "next", "duplicate"]),
        ((7, 5, 6), ["next", "gap", "late"]),
        ((RESET_DISTANCE + 7, 6, 7), ["next", "reset", "next"]),
        ((RESET_DISTANCE + 7, 7), ["next", "gap"]),
        ((0, 1), ["next", "next"]),
    ],
)
def test_what_a_number_is(numbers: tuple[int, ...], expected: list[str]) -> None:
    assert kinds(*numbers) == expected


def test_a_gap_says_between_which_numbers() -> None:
    sequence = Sequence()
    sequence.take(10)
    assert sequence.take(14) == Seen("gap", 10, 14)
    assert Seen("gap", 10, 14).missing == 3


def test_memory_is_bounded_and_what_is_given_up_is_no_duplicate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_HOLES", 3)
    sequence = Sequence()
    for number in range(0, 20, 2):
        sequence.take(number)
    assert len(sequence.holes) == 3
    assert sequence.take(1).kind == "gap"  # it was seen to be missing, but that is forgotten
    assert sequence.take(17).kind == "late"
    assert sequence.take(18).kind == "duplicate"


@given(st.lists(st.sampled_from("abcdef"), max_size=60), st.integers(1, 4))
def test_recent_ids_against_a_list(names: list[str], most: int) -> None:
    ids, recent = RecentIds(most), list[str]()
    for name in names:
        assert ids.take(name) == (name not in recent)
        if name not in recent:
            recent = [*recent, name][-most:]
