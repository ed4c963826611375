"""The ledger is slow, lost, silent or gone, at every call: an error in time, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.faults.ledger_calls import ASK_NOTHING, ASKING, LEDGER_CALLS, Act, Asked
from tests.faults.outcomes import OVERTIME, cases, classes_that_take, methods_of, outcome_of
from tests.storage.counted import counted
from tests.storage.stores import Backend
from tests.support.faults import Fault, FaultProxy

import kato
import kato.storage.ledger
from kato.errors import StoreUnavailable
from kato.storage.ledger import connection as connections
from kato.storage.ledger import servers as reached
from kato.storage.ledger.connection import Connection

DEADLINE = 1.5


@pytest.fixture(scope="module")
def proxied(servers: Backend) -> Iterator[tuple[FaultProxy, Connection]]:
    """A way to the ledger on which things go wrong, with less patience than usual."""
    assert servers.settings.redis_url
    with pytest.MonkeyPatch.context() as patch, FaultProxy(servers.settings.redis_url) as proxy:
        patch.setattr(connections, "ANSWER_SECONDS", DEADLINE)
        patch.setitem(reached._BY_TCP, "socket_timeout", DEADLINE)
        connection = Connection.to_url(proxy.url)
        yield proxy, connection
        connection.close()


@pytest.fixture(scope="module")
def backend(servers: Backend) -> Backend:
    return servers


def test_every_call_is_in_the_table() -> None:
    assert methods_of(ASKING) == LEDGER_CALLS.keys() | ASK_NOTHING
    assert {kind.__name__ for kind in ASKING} >= classes_that_take(
        "connection", kato.storage.ledger
    )


@pytest.mark.parametrize(("call", "fault"), cases(LEDGER_CALLS, ("silent", "refused", "reset")))
def test_a_ledger_that_is_away_is_told_in_time(
    memory: kato.Memory,
    proxied: tuple[FaultProxy, Connection],
    kb_name: str,
    call: str,
    fault: Fault,
) -> None:
    proxy, connection = proxied
    act = LEDGER_CALLS[call](Asked(memory, connection, kb_name))
    began = time.monotonic()
    with proxy.failing(fault), pytest.raises(StoreUnavailable, match="ledger"):
        act()
    assert time.monotonic() - began < DEADLINE + OVERTIME
    assert outcome_of(act).error is not StoreUnavailable


@pytest.mark.parametrize(("call", "fault"), cases(LEDGER_CALLS, ("delay", "lost", "cut", "twice")))
def test_what_is_asked_again_happens_once(
    memory: kato.Memory,
    proxied: tuple[FaultProxy, Connection],
    kb_name: str,
    call: str,
    fault: Fault,
) -> None:
    """The same call on another knowledge base, on which nothing goes wrong, says what is right."""
    proxy, connection = proxied
    twin = f"{kb_name} twin"
    right = outcome_of(_act(memory, connection, twin, call))
    expected = _counted(memory, twin)
    act = _act(memory, connection, kb_name, call)
    with proxy.failing(fault, times=1):
        found = outcome_of(act)
    if found.error is StoreUnavailable:  # it is nothing that can be sent again
        assert call in NOT_REPEATED, found
        found = outcome_of(act)
    assert _counted(memory, kb_name) == expected
    assert found.is_as(right), (found, right)


NOT_REPEATED = {
    *("Channel.listen", "Connection.subscribed", "Connection.to_url", "Connection.of_its_own"),
}
"""Calls that set something up, and are made again by their caller."""


def _act(memory: kato.Memory, connection: Connection, name: str, call: str) -> Act:
    return LEDGER_CALLS[call](Asked(memory, connection, name))


def _counted(memory: kato.Memory, name: str) -> object:
    kb = memory.knowledge_base(name)
    return counted(kb, [pattern.name for pattern in kb.patterns().patterns])
