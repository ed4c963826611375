"""The simulations' ClickHouse does what the real one does, in all that simulations ask of it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.clickhouse import WINDOW, Reaching, Tables
from tests.storage.tables import rows_of

import kato
from kato.memory.engines import Engines
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.ledger.journal import Sequences

SMALL_WINDOW = 3
SCANNED = "id >= {first:UInt64} AND id <= {last:UInt64} AND (true)"


class Both(NamedTuple):
    """The real tables and those of simulations, and the knowledge base they hold."""

    engines: Engines
    tables: Tables
    kb: int


@pytest.fixture(scope="module")
def both(memory: kato.Memory) -> Both:
    """Filled by the same batches, each sent twice."""
    engines, tables, kb = memory._engines, Tables(), memory.knowledge_base("stand-in")
    sinks = [PatternSink(cast(Any, to)) for to in (Reaching(tables, None), engines._clickhouse)]
    memory.flush()
    for number in "123":
        for symbol in "abc":
            kb.learn([[symbol], ["x", number]], emotives={"joy": 0.5})
            kb.learn([["x"], ["y"]])
        forgotten = kb.learn([["gone"], [number]])
        assert forgotten is not None
        kb.forget(forgotten)
        intent = engines.journal.claim(1000, 1 << 20)
        assert intent is not None
        for sink in (*sinks, *sinks):
            sink.insert(engines.journal.read(intent), intent.token)
        engines.journal.done(intent)
    found = engines.counters.number(kb.name)
    assert found is not None
    return Both(engines, tables, found)


@pytest.mark.servers_deep
@pytest.mark.parametrize("hide", [True, False])
@pytest.mark.parametrize(("first", "last"), [(1, 100), (2, 4), (9, 9), (50, 60)])
def test_patterns_are_the_same(both: Both, first: int, last: int, hide: bool) -> None:
    parameters = {"first": first, "last": last}
    found = [
        source.where(both.kb, SCANNED, parameters, hide=hide)
        for source in (both.engines.tables, Reaching(both.tables, None))
    ]
    assert_same(*found)


@pytest.mark.servers_deep
def test_one_pattern_and_texts_are_the_same(both: Both) -> None:
    real, stand_in, kb = both.engines.tables, Reaching(both.tables, None), both.kb
    for pattern in range(8):
        assert_same(real.with_id(kb, pattern), stand_in.with_id(kb, pattern))
    assert real.vocabulary(kb) == stand_in.vocabulary(kb)
    assert real.vocabulary(kb, 3) == stand_in.vocabulary(kb, 3)
    assert real.texts(kb, [1, 4, 99]) == stand_in.texts(kb, [1, 4, 99])


@pytest.mark.servers_deep
@pytest.mark.parametrize(
    ("table", "key"), [("frequencies", "id"), ("tombstones", "id"), ("knowledge_bases", "kb")]
)
def test_the_newest_rows_are_the_same(both: Both, table: str, key: str) -> None:
    found = rows_of(both.engines, table, both.kb)
    newest = both.tables.newest(table, both.kb, key).values()
    assert sorted(found) == sorted(tuple(row.values()) for row in newest)


@pytest.mark.servers_deep
def test_a_purge_leaves_the_same(both: Both) -> None:
    done, everything = both.engines.journal.done_until(), {"first": 1, "last": 100}
    stand_in = Reaching(both.tables, None)
    sinks = [PatternSink(cast(Any, to)) for to in (stand_in, both.engines._clickhouse)]
    for sink in (*sinks, *sinks):
        sink.purge(done)
    found = [
        source.where(both.kb, SCANNED, everything, hide=False)
        for source in (both.engines.tables, stand_in)
    ]
    assert_same(*found)
    assert rows_of(both.engines, "tombstones", both.kb) == []
    assert both.tables.rows("tombstones", both.kb) == []


@pytest.mark.servers_deep
def test_the_window_is_that_of_the_migrations(both: Both) -> None:
    statement = "SELECT create_table_query FROM system.tables WHERE name = 'patterns'"
    (created,) = both.engines._clickhouse.rows(statement)[0]
    assert f"non_replicated_deduplication_window = {WINDOW}" in created


@pytest.mark.servers_deep
@settings(max_examples=30)
@given(tokens=st.lists(st.sampled_from("stuvwxyz"), max_size=20))
def test_tokens_are_known_as_long(memory: kato.Memory, tokens: list[str]) -> None:
    clickhouse = memory._engines._clickhouse
    clickhouse.command("DROP TABLE IF EXISTS window_of_tokens")
    clickhouse.command(
        "CREATE TABLE window_of_tokens (kb UInt32, number UInt32) ENGINE = MergeTree ORDER BY kb "
        f"SETTINGS non_replicated_deduplication_window = {SMALL_WINDOW}"
    )
    tables = Tables(SMALL_WINDOW)
    for number, token in enumerate(tokens):
        insert(clickhouse, tables, number, token)
    found = clickhouse.rows("SELECT number FROM window_of_tokens ORDER BY number")
    assert found == [(row["number"],) for row in tables.rows("window_of_tokens", 1)]


def insert(clickhouse: ClickHouse, tables: Tables, number: int, token: str) -> None:
    columns = {"kb": pa.array([1], pa.uint32()), "number": pa.array([number], pa.uint32())}
    for to in (clickhouse, tables):
        to.insert("window_of_tokens", pa.table(columns), token)


def assert_same(one: Sequences, other: Sequences) -> None:
    for field in ("ids", "names", "symbols", "offsets", "event_ends", "event_offsets"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), field)
