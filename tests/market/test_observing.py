"""The bridge: each candle once, whoever dies; the same live as offline."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.market.cases import fitted, history, items, learned, taught
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.errors import Conflict, InvalidInput
from kato.market.observing import Bridge, agree, encoding_of, forget_encoding, session_for
from kato.market.streams import History
from kato.model.answers import Observation
from kato.session import Session

ITEMS = items(60)
ENCODING = fitted(ITEMS)
EVENTS = list(ENCODING.events(item.tick for item in ITEMS))


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores alone: servers are asked the same, by the tests of sessions and layers."""
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


def test_what_is_observed_is_what_is_encoded(memory: kato.Memory, kb_name: str) -> None:
    stream = History("test T/T 1m", ITEMS)
    bridge = Bridge(session_for(memory.knowledge_base(kb_name), stream), ENCODING, stream)
    seen = [each for step in iter(lambda: bridge.step(7), None) for each in step]
    assert [each.event for each in seen] == EVENTS
    assert [each.item for each in seen] == ITEMS[ENCODING.window :]
    assert [each.learned is not None for each in seen] == [i >= 4 for i in range(len(seen))]
    expected = taught(memory.knowledge_base(kb_name + "'"), EVENTS, 5)
    assert learned(memory.knowledge_base(kb_name)) == expected


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, len(ITEMS)), max_size=4).map(sorted), st.integers(1, 20))
def test_bridges_that_begin_anew_and_streams_that_grow(
    memory: kato.Memory, lengths: list[int], limit: int
) -> None:
    name = os.urandom(6).hex()
    kb = memory.knowledge_base(name)
    for there in (*lengths, len(ITEMS)):
        stream = History("test T/T 1m", ITEMS[:there])
        bridge = Bridge(session_for(kb, stream, events=3), ENCODING, stream)
        while bridge.step(limit) is not None:
            pass
    assert bridge.session.time == len(EVENTS)
    assert learned(kb) == taught(memory.knowledge_base(name + "'"), EVENTS, 3)


def test_two_bridges_on_one_session_observe_once(memory: kato.Memory, kb_name: str) -> None:
    stream = History("test T/T 1m", ITEMS)
    kb = memory.knowledge_base(kb_name)
    bridges = [Bridge(session_for(kb, stream), ENCODING, stream) for _ in range(2)]
    seen = [each for i in range(40) for each in bridges[i % 2].step(5) or ()]
    assert [each.event for each in seen] == EVENTS
    with pytest.raises(Conflict, match="not at"):
        bridges[0].session.follow([Observation(["x"])], "elsewhere", "nowhere")
    assert bridges[1].session.time == len(EVENTS)


def test_a_session_follows_one_stream(memory: kato.Memory, kb_name: str) -> None:
    kb = memory.knowledge_base(kb_name)
    Bridge(session_for(kb, history(9)), ENCODING, history(9)).step()
    other = History("test OTHER/T 1m", ITEMS)
    with pytest.raises(InvalidInput, match="follows 'test T/T 1m'"):
        session_for(kb, other, session_id=f"market {kb_name} test T/T 1m")
    foreign = Session(kb, kb_name + "!")
    foreign.follow([Observation(["x"])], "", "page 3")
    with pytest.raises(InvalidInput, match="something else"):
        session_for(kb, other, session_id=kb_name + "!")


def test_the_place_survives_clear(memory: kato.Memory, kb_name: str) -> None:
    stream = history(30)
    bridge = Bridge(session_for(memory.knowledge_base(kb_name), stream), ENCODING, stream)
    bridge.step()
    bridge.session.clear()
    assert bridge.session.events == []
    assert bridge.step() is None


def test_the_first_encoding_is_agreed_on(memory: kato.Memory, kb_name: str) -> None:
    assert encoding_of(memory, kb_name) is None
    assert agree(memory, kb_name, ENCODING) == ENCODING
    other = fitted(ITEMS, bins=5)
    assert agree(memory, kb_name, other) == ENCODING
    assert encoding_of(memory, kb_name) == ENCODING
    forget_encoding(memory, kb_name)
    assert agree(memory, kb_name, other) == other


def test_a_motif_is_foretold(memory: kato.Memory, kb_name: str) -> None:
    stream = history(90, motif=7)
    encoding = fitted(items(90, motif=7))
    bridge = Bridge(session_for(memory.knowledge_base(kb_name), stream), encoding, stream)
    right, guessed = [], None
    while (seen := bridge.step(1)) is not None:
        if seen and guessed:
            right.append(guessed["ret"].symbol in seen[0].event)
        guessed = bridge.guesses() if seen else None
    assert len(right) > 60
    assert sum(right) / len(right) > 0.7
    counted = bridge.measures
    assert (counted.guessed, counted.right) == (len(right), sum(right))
    assert (counted.observed, counted.learned) == (88, 84)
    assert counted.observed_until == 89 * 60
