"""What ingest carries and where it goes on: kept in the ledger, each change once or not at all."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kato.errors import Conflict
from kato.market.ingest.intents import Intent, Intents
from kato.market.log.records import Position, Span
from kato.memory.engines import Engines

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
same_stores = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def intents(engines: Engines, kb_name: str) -> Intents:
    """Of a group of the test's own, whose name is any text."""
    return Intents(engines.connection, kb_name)


def intent_of(*spans: tuple[str, int, int, int], accepted: bytes = b"\x05") -> Intent:
    """A batch of these spans under a token of its own."""
    return Intent(tuple(Span(*span) for span in spans), secrets.token_hex(16), accepted, 7)


def carry(intents: Intents, *spans: tuple[str, int, int, int]) -> None:
    """Claim a batch and say that it is done."""
    intent = intent_of(*spans)
    intents.claim(intent)
    intents.done(intent)


def test_what_is_claimed_stands_until_it_is_done(intents: Intents) -> None:
    assert intents.standing() is None
    intent = intent_of(("t", 0, 0, 5), ("t", 1, 3, 4), ("☃", 0, 0, 2**62))
    intents.claim(intent)
    assert intents.standing() == intent
    assert intents.positions() == {}
    intents.done(intent)
    assert intents.standing() is None
    assert intents.positions() == {
        Position("t", 0): 5,
        Position("t", 1): 4,
        Position("☃", 0): 2**62,
    }


def test_one_batch_stands_at_a_time(intents: Intents) -> None:
    first = intent_of(("t", 0, 0, 5))
    intents.claim(first)
    with pytest.raises(Conflict, match="another process ingests"):
        intents.claim(intent_of(("u", 0, 0, 5)))
    assert intents.standing() == first


def test_a_claim_and_a_done_may_be_repeated(intents: Intents) -> None:
    first, second = intent_of(("t", 0, 0, 5)), intent_of(("t", 0, 5, 9))
    intents.claim(first)
    intents.claim(first)
    intents.done(first)
    intents.done(first)
    intents.claim(second)
    intents.done(first)
    assert intents.standing() == second
    assert intents.positions() == {Position("t", 0): 5}


@pytest.mark.parametrize("start", [0, 4, 6])
def test_a_batch_that_begins_elsewhere_is_refused(intents: Intents, start: int) -> None:
    carry(intents, ("t", 0, 0, 5))
    with pytest.raises(Conflict):
        intents.claim(intent_of(("u", 0, 0, 1), ("t", 0, start, 9)))
    assert intents.standing() is None
    assert intents.positions() == {Position("t", 0): 5}


def test_offsets_beyond_what_a_float_holds_are_told_apart(intents: Intents) -> None:
    carry(intents, ("t", 0, 0, 2**53 + 1))
    with pytest.raises(Conflict):
        intents.claim(intent_of(("t", 0, 2**53, 2**60)))
    carry(intents, ("t", 0, 2**53 + 1, 2**60))


def test_groups_share_nothing(engines: Engines, kb_name: str) -> None:
    mine, others = (Intents(engines.connection, kb_name + end) for end in ("", ":intent"))
    carry(mine, ("t", 0, 0, 5))
    assert others.positions() == {}
    carry(others, ("t", 0, 3, 4))
    assert mine.positions() == {Position("t", 0): 5}


def test_of_many_who_claim_the_same_records_one_does(intents: Intents) -> None:
    claims = [intent_of(("t", 0, 0, 5)) for _ in range(16)]

    def claim(intent: Intent) -> bool:
        try:
            intents.claim(intent)
        except Conflict:
            return False
        intents.done(intent)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, claims)) == 1
    assert intents.positions() == {Position("t", 0): 5}


def test_a_lost_answer_changes_nothing(
    intents: Intents, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = intent_of(("t", 0, 0, 5))
    for name, step in (("ingest_claim", intents.claim), ("ingest_done", intents.done)):
        lost = _LosesAnswer(engines.connection._scripts[name])
        monkeypatch.setitem(engines.connection._scripts, name, lost)
        step(intent)
        assert lost.runs == 2
    assert intents.positions() == {Position("t", 0): 5}
    assert intents.standing() is None


def test_a_group_can_be_moved(intents: Intents) -> None:
    carry(intents, ("t", 0, 0, 5), ("t", 1, 0, 5))
    intents.move(Position("t", 0), 100)
    assert intents.positions() == {Position("t", 0): 100, Position("t", 1): 5}
    carry(intents, ("t", 0, 100, 101))


@same_stores
@given(
    st.lists(
        st.tuples(texts, st.integers(0, 3), st.integers(0, 2**62)),
        min_size=1,
        max_size=6,
        unique_by=lambda span: span[:2],
    ),
    st.binary(max_size=300),
)
def test_any_batch_is_kept_as_it_is(
    engines: Engines, spans: list[tuple[str, int, int]], accepted: bytes
) -> None:
    intents = Intents(engines.connection, secrets.token_hex(8))
    intent = intent_of(*((*span, span[2] + 1) for span in spans), accepted=accepted)
    intents.claim(intent)
    assert intents.standing() == intent
    intents.done(intent)
    assert intents.positions() == {Position(*span[:2]): span[2] + 1 for span in spans}


class _LosesAnswer:
    """A script whose first answer gets lost on the way back, after it ran."""

    def __init__(self, script: Any) -> None:
        self._script = script
        self.runs = 0

    def __call__(self, **arguments: Any) -> Any:
        answer = self._script(**arguments)
        self.runs += 1
        if self.runs == 1:
            raise redis.ConnectionError("the answer got lost")
        return answer
