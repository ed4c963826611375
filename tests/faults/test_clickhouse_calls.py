"""ClickHouse is slow, lost, silent or gone, at every call: an error in time, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.faults.clickhouse_calls import ASK_NOTHING, ASKING, CLICKHOUSE_CALLS, Asked
from tests.faults.outcomes import OVERTIME, cases, classes_that_take, methods_of, outcome_of
from tests.storage.stores import Backend
from tests.support.faults import Fault, FaultProxy

import kato
import kato.storage.clickhouse
from kato.errors import StoreUnavailable
from kato.storage.clickhouse import client
from kato.storage.clickhouse.client import ClickHouse

DEADLINE = 2


@pytest.fixture(scope="module")
def proxied(servers: Backend) -> Iterator[tuple[FaultProxy, ClickHouse]]:
    """A way to ClickHouse on which things go wrong, with less patience than usual."""
    assert servers.settings.clickhouse_url
    with pytest.MonkeyPatch.context() as patch, FaultProxy(servers.settings.clickhouse_url) as way:
        patch.setattr(client, "ANSWER_SECONDS", DEADLINE)
        clickhouse = ClickHouse.at(way.url)
        yield way, clickhouse
        clickhouse.close()


@pytest.fixture(scope="module")
def backend(servers: Backend) -> Backend:
    return servers


def test_every_call_is_in_the_table() -> None:
    assert methods_of(ASKING) == CLICKHOUSE_CALLS.keys() | ASK_NOTHING
    assert {kind.__name__ for kind in ASKING} >= classes_that_take(
        "clickhouse", kato.storage.clickhouse
    )


@pytest.mark.parametrize(("call", "fault"), cases(CLICKHOUSE_CALLS, ("silent", "refused", "reset")))
def test_a_clickhouse_that_is_away_is_told_in_time(
    memory: kato.Memory,
    proxied: tuple[FaultProxy, ClickHouse],
    kb_name: str,
    call: str,
    fault: Fault,
) -> None:
    proxy, clickhouse = proxied
    act = CLICKHOUSE_CALLS[call](Asked(memory, clickhouse, kb_name))
    began = time.monotonic()
    with proxy.failing(fault), pytest.raises(StoreUnavailable, match="ClickHouse"):
        act()
    assert time.monotonic() - began < DEADLINE + OVERTIME
    assert outcome_of(act).error is None


@pytest.mark.parametrize(
    ("call", "fault"), cases(CLICKHOUSE_CALLS, ("delay", "lost", "cut", "twice"))
)
def test_what_is_asked_again_happens_once(
    memory: kato.Memory,
    proxied: tuple[FaultProxy, ClickHouse],
    kb_name: str,
    call: str,
    fault: Fault,
) -> None:
    """The same call on another knowledge base, on which nothing goes wrong, says what is right."""
    proxy, clickhouse = proxied
    twin = Asked(memory, clickhouse, f"{kb_name} twin")
    right = outcome_of(CLICKHOUSE_CALLS[call](twin))
    expected = rows_of(memory, twin.number)
    asked = Asked(memory, clickhouse, kb_name)
    act = CLICKHOUSE_CALLS[call](asked)
    with proxy.failing(fault, times=1):
        found = outcome_of(act)
    if found.error is not None:  # its caller asks again: the writer, a plan that catches up
        assert found.error is StoreUnavailable, found
        assert fault in ("lost", "cut")
        found = outcome_of(act)
    assert found.is_as(right), (found, right)
    if call not in NOT_KNOWN_AGAIN:
        assert rows_of(memory, asked.number) == expected


NOT_KNOWN_AGAIN = {"ClickHouse.insert_native", "ClickHouse.command"}
"""Calls whose callers see to it that rows which come twice do no harm."""


def rows_of(memory: kato.Memory, number: int) -> dict[str, int]:
    """Rows by table."""
    memory.flush()
    clickhouse = memory._engines.tables._clickhouse
    tables = ("patterns", "symbols", "frequencies", "postings", "minhash_bands")
    return {
        table: clickhouse.rows(
            "SELECT count() FROM {table:Identifier} FINAL WHERE kb = {kb:UInt32}"
            if table in ("frequencies", "minhash_bands")
            else "SELECT count() FROM {table:Identifier} WHERE kb = {kb:UInt32}",
            {"table": table, "kb": number},
        )[0][0]
        for table in tables
    }
