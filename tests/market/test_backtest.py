"""The walk through history: nothing of the future, and numbers that can be counted again."""

from __future__ import annotations

import os
import random
from collections import Counter
from itertools import pairwise
from math import comb

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.market.cases import fitted, items
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.errors import InvalidConfig, InvalidInput
from kato.market.backtest import Asked, Plan, backtest, history_of, walk, wilson
from kato.market.observing import Bridge, session_for
from kato.market.streams import History, Item

COUNT = 90
ITEMS = items(COUNT, seed=3, motif=11)
PLAN = Plan(events=3)
ENCODING = fitted([*history_of(ITEMS, PLAN)])


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores alone: how the bridge fares with servers its own tests tell."""
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


def asked_of(memory: kato.Memory, made: list[Item], plan: Plan = PLAN) -> list[Asked]:
    kb = memory.knowledge_base(os.urandom(6).hex())
    return list(walk(kb, made, fitted([*history_of(made, plan)]), plan))


@settings(max_examples=3, deadline=None)
@given(at=st.integers(COUNT // 2, COUNT - 2), seed=st.integers(0, 2**32))
@pytest.mark.deep
def test_the_future_changes_nothing(memory: kato.Memory, at: int, seed: int) -> None:
    future = [item.tick for item in ITEMS[at:]]
    random.Random(seed).shuffle(future)
    times = [item.time for item in ITEMS[at:]]
    shuffled = [*ITEMS[:at], *map(Item, times, future)]
    plan = Plan(events=3, questions=COUNT // 6)
    before, after = asked_of(memory, ITEMS, plan), asked_of(memory, shuffled, plan)
    until = ITEMS[at].time
    assert [each for each in before if each.time < until] == [
        each for each in after if each.time < until
    ]
    # What was said of the item at the cut was said before it came.
    said, again = ([each for each in found if each.time == until] for found in (before, after))
    assert [msgspec.structs.replace(each, came="") for each in said] == [
        msgspec.structs.replace(each, came="") for each in again
    ]


def test_the_baselines_are_counted_again(memory: kato.Memory) -> None:
    events = list(ENCODING.events(item.tick for item in ITEMS))
    symbols = [event[0] for event in events]
    for each in asked_of(memory, ITEMS):
        place = each.time // ITEMS[1].time - ENCODING.window
        past = symbols[:place]
        follows = Counter(b for a, b in pairwise(past) if a == past[-1])
        assert each.came == symbols[place]
        assert each.most_frequent == _most(Counter(past))
        assert each.after_last == _most(follows)


def _most(counted: Counter[str]) -> str | None:
    return min(counted, key=lambda symbol: (-counted[symbol], symbol), default=None)


def test_offline_says_what_live_would_have_said(memory: kato.Memory, kb_name: str) -> None:
    stream = History("test T/T 1m", ITEMS)
    bridge = Bridge(session_for(memory.knowledge_base(kb_name), stream, events=3), ENCODING, stream)
    said = {}
    while (seen := bridge.step(1)) is not None:
        if seen:
            said[seen[-1].item.time] = bridge.guesses().get("ret")
    offline = asked_of(memory, ITEMS)
    minute = ITEMS[1].time
    assert [each.kato for each in offline] == [said[each.time - minute] for each in offline]


@pytest.mark.deep
def test_a_motif_is_found_and_chance_is_not(memory: kato.Memory, kb_name: str) -> None:
    found = backtest(memory.knowledge_base(kb_name), ITEMS, ENCODING, PLAN)
    assert found.is_better
    assert found.kato.share > found.after_last.share > 0
    assert found.questions == COUNT - COUNT // 2
    noise = items(COUNT, seed=5)
    encoding = fitted([*history_of(noise, PLAN)])
    nothing = backtest(memory.knowledge_base(kb_name + "'"), noise, encoding, PLAN)
    assert not nothing.is_better
    assert nothing.gain.low < nothing.gain.share < nothing.gain.high
    asked = asked_of(memory, noise)
    right = [sum(each.right for each in asked), sum(e.after_last == e.came for e in asked)]
    frequent = sum(each.most_frequent == each.came for each in asked)
    assert nothing.gain.share == pytest.approx((right[0] - max(right[1], frequent)) / len(asked))


def test_questions_are_spaced_over_what_is_not_history(memory: kato.Memory) -> None:
    few = asked_of(memory, ITEMS, Plan(events=3, questions=9))
    assert [each.time // ITEMS[1].time for each in few] == list(range(45, 90, 5))


@pytest.mark.parametrize(("right", "n"), [(0, 20), (7, 20), (20, 20), (130, 400)])
def test_the_interval_holds_what_the_binomial_allows(right: int, n: int) -> None:
    share = wilson([True] * right + [False] * (n - right))
    assert share.share == right / n
    assert 0 <= share.low <= share.share <= share.high <= 1
    for end in (share.low, share.high):
        if 0 < end < 1:
            chances = [comb(n, k) * end**k * (1 - end) ** (n - k) for k in range(n + 1)]
            as_far = sum(chances[right:]) if end == share.low else sum(chances[: right + 1])
            assert 0.008 < as_far < 0.08  # half of 5 %, as nearly as the normal approximates


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        (Plan(feature="size"), "feature"),
        (Plan(learned=1.0), "learned"),
        (Plan(events=1), "events"),
        (Plan(questions=0), "questions"),
    ],
)
def test_what_is_no_plan(memory: kato.Memory, kb_name: str, plan: Plan, key: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        backtest(memory.knowledge_base(kb_name), ITEMS, ENCODING, plan)
    assert set(refused.value.problems) == {key}


def test_what_cannot_be_walked(memory: kato.Memory, kb_name: str) -> None:
    kb = memory.knowledge_base(kb_name)
    with pytest.raises(InvalidInput, match="nothing to learn or to ask"):
        backtest(kb, ITEMS[:4], ENCODING)
    kb.learn([["a"], ["b"]])
    with pytest.raises(InvalidInput, match="patterns already"):
        backtest(kb, ITEMS, ENCODING)
