from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.market.feeds.life import Backoff, Life, Timing
from kato.market.feeds.protocol import Message, Subscription

TIMING = Timing(silence=30.0, lifetime=1000.0, acknowledged=10.0)


def life(*expected: str) -> Life:
    return Life([Subscription(b"", frozenset(expected))], TIMING, 100.0)


def acknowledged(*about: str) -> Message:
    return Message("acknowledgement", about=about)


def test_live_is_when_everything_is_acknowledged() -> None:
    began = life("a", "b")
    began.take(acknowledged("a"), 101.0)
    assert began.live_since is None
    began.take(acknowledged("b"), 102.0)
    assert began.live_since == 102.0


def test_trades_acknowledge_nothing() -> None:
    began = life("a")
    for second in range(101, 120):
        began.take(Message("trades"), float(second))
    assert began.overdue(119.5) == "unacknowledged"


def test_some_may_be_refused() -> None:
    began = life("a", "b")
    began.take(Message("refusal", about=("a",)), 101.0)
    began.take(acknowledged("b"), 101.0)
    assert (began.live_since, began.refused, began.overdue(102.0)) == (101.0, ["a"], None)


@pytest.mark.parametrize("about", [("a", "b"), ()])
def test_all_refused_is_the_end(about: tuple[str, ...]) -> None:
    began = life("a", "b")
    began.take(Message("refusal", about=about), 101.0)
    assert began.overdue(101.0) == "refused"


def test_an_acknowledgement_of_something_else_does_not_count() -> None:
    began = life("a")
    began.take(acknowledged("z"), 101.0)
    assert began.live_since is None


def test_silence_counts_from_the_last_message_of_any_kind() -> None:
    began = life("a")
    began.take(acknowledged("a"), 100.0)
    began.take(Message("heartbeat"), 125.0)
    assert (began.overdue(154.9), began.overdue(155.0)) == (None, "silent")
    assert began.deadline() == 155.0


def test_the_deadline_is_that_of_the_acknowledgement_first() -> None:
    began = life("a")
    assert began.deadline() == 110.0
    assert began.overdue(110.0) == "unacknowledged"


def test_rotation_counts_from_the_opening() -> None:
    assert life("a").rotation() == 1100.0


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_pauses_are_between_half_a_second_and_a_minute(seed: int, failures: int) -> None:
    backoff = Backoff(Random(seed))
    pauses = [backoff.pause() for _ in range(failures)]
    assert all(0.5 <= pause <= 60.0 for pause in pauses)
    for number, pause in enumerate(pauses):
        assert pause >= min(0.25 * 2.0**number, 30.0)
        assert pause <= max(0.5, 0.5 * 2.0**number)


def test_the_same_seed_pauses_the_same() -> None:
    one, other = Backoff(Random(3)), Backoff(Random(3))
    assert [one.pause() for _ in range(9)] == [other.pause() for _ in range(9)]


@pytest.mark.parametrize(("seconds", "begins_anew"), [(59.9, False), (60.0, True)])
def test_a_minute_live_begins_anew(seconds: float, begins_anew: bool) -> None:
    backoff = Backoff(Random(1))
    for _ in range(10):
        backoff.pause()
    backoff.lived(seconds)
    assert (backoff.pause() == 0.5) is begins_anew
