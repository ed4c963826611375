"""Postings: every pattern once under each of its symbols, whatever cut their building off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pytest

import kato
from kato.errors import StoreUnavailable
from kato.memory.engines import Engines
from kato.storage.clickhouse import postings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.clickhouse.postings import PostingTables, Wanted
from kato.storage.clickhouse.signatures import SHAPES, Reaching

pytestmark = pytest.mark.servers_deep

PATTERNS = 45
RANGE = 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of ten patterns, from the thirtieth on."""
    monkeypatch.setattr(postings, "RANGE", RANGE)
    monkeypatch.setattr(postings, "LEAST", 30)


@pytest.fixture
def number(engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase) -> int:
    """A knowledge base of patterns of one and of several symbols an event, and long ones."""
    for i in range(PATTERNS):
        events = [["a"], sorted(["a", f"b{i % 7}"]), [f"c{i}"]][i % 2 :]
        kb.learn(events + [[f"d{j}"] for j in range(70)] if i == 4 else events)
    memory.flush()
    number = engines.counters.number(kb.name)
    assert number is not None
    return number


class CutOff(ClickHouse):
    """A ClickHouse whose caller ends after some statements."""

    def __init__(self, clickhouse: ClickHouse, statements: int) -> None:
        super().__init__(clickhouse._options)
        self._whole = clickhouse
        self._left = statements

    def another(self) -> Self:
        return type(self)(self._whole, self._left)

    def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        if not self._left:
            raise StoreUnavailable("cut off")
        self._left -= 1
        super().command(statement, parameters)


def tables_of(engines: Engines) -> PostingTables:
    return PostingTables(engines._clickhouse)


def postings_of(engines: Engines, number: int) -> Counter[tuple[int, int]]:
    """How often each symbol and id stand in the postings."""
    rows = engines._clickhouse.rows(
        "SELECT symbol, id FROM postings WHERE kb = {kb:UInt32}", {"kb": number}
    )
    return Counter(tuple(row) for row in rows)


def expected(engines: Engines, number: int, until: int) -> Counter[tuple[int, int]]:
    """Each symbol of each pattern up to an id, once."""
    found = engines.tables.where(number, "id <= {until:UInt64}", {"until": until})
    each = zip(found.ids.tolist(), found.offsets[:-1], found.offsets[1:], strict=True)
    return Counter(
        {(symbol, i): 1 for i, start, end in each for symbol in found.symbols[start:end].tolist()}
    )


def test_postings_are_built_in_whole_ranges(engines: Engines, number: int) -> None:
    tables, seen = tables_of(engines), list[int]()
    assert tables.extend(number, 29, seen.append) == 0
    assert tables.extend(number, 35, seen.append) == 30
    assert tables.extend(number, PATTERNS, seen.append) == tables.covered(number) == 40
    assert seen == [10, 20, 30, 40]
    assert postings_of(engines, number) == expected(engines, number, 40)


@pytest.mark.parametrize("statements", range(1, 8))
def test_a_range_that_was_cut_off_is_there_once(
    engines: Engines, number: int, statements: int
) -> None:
    cut_off = CutOff(engines._clickhouse, statements)
    try:
        with pytest.raises(StoreUnavailable, match="cut off"):
            PostingTables(cut_off).extend(number, PATTERNS)
    finally:
        cut_off.close()
    begun = (statements + 1) // 2 * RANGE
    assert postings_of(engines, number) == expected(engines, number, begun)
    assert tables_of(engines).extend(number, PATTERNS) == 40
    assert postings_of(engines, number) == expected(engines, number, 40)


def wanted(engines: Engines, number: int, symbols: list[int], least: int) -> Wanted:
    keys = [(symbol, shape) for symbol in symbols for shape in range(1, SHAPES + 1)]
    distinct, pairs = np.array(symbols, np.uint32), np.zeros((0, 2), np.uint32)
    needs = np.full((1, SHAPES, 1), least)
    return Wanted(keys, Reaching(distinct, len(symbols), pairs, needs))


@pytest.mark.parametrize("least", [1, 2, 3])
def test_what_shares_enough_is_read(engines: Engines, number: int, least: int) -> None:
    """All of it; bits of the rarer symbols may stand for others as well."""
    tables_of(engines).extend(number, PATTERNS)
    every = engines.tables.where(number, "id <= 40", {})
    for first in range(1, 40, 5):
        symbols = [first, first + 1, first + 2]
        found = tables_of(engines).read(
            number, wanted(engines, number, symbols, least), (0, 40), 1000, hide=False
        )
        assert found is not None
        read = {*found.sequences.ids.tolist(), *found.unread}
        sharing = {
            i
            for i, start, end in zip(every.ids, every.offsets[:-1], every.offsets[1:], strict=True)
            if np.isin(symbols, every.symbols[start:end]).sum() >= least
        }
        assert sharing <= read
        assert found.sequences.ids.tolist() == sorted(found.sequences.ids)
        if least == 1:
            assert sharing == read


def test_sequences_are_those_of_the_patterns(engines: Engines, number: int) -> None:
    tables_of(engines).extend(number, PATTERNS)
    every = engines.tables.where(number, "id <= 30 AND length(symbols) <= 64", {})
    symbols = np.unique(every.symbols).tolist()
    found = tables_of(engines).read(
        number, wanted(engines, number, symbols, 1), (0, 30), 1000, hide=False
    )
    assert found is not None
    assert found.unread == [5]
    for name in ("ids", "symbols", "offsets", "event_ends", "event_offsets"):
        np.testing.assert_array_equal(getattr(found.sequences, name), getattr(every, name))
    names = tables_of(engines).names(number, np.append(every.ids, 1000))
    np.testing.assert_array_equal(names[:-1], every.names)
    assert not names[-1].any()


def test_a_limit_that_is_reached_is_noticed(engines: Engines, number: int) -> None:
    tables_of(engines).extend(number, PATTERNS)
    asked = wanted(engines, number, [1], 1)
    rows = len(expected(engines, number, 40)) - len(
        [key for key in expected(engines, number, 40) if key[0] != 1]
    )
    tables = tables_of(engines)
    assert tables.read(number, asked, (0, 40), rows, hide=False) is not None
    assert tables.read(number, asked, (0, 40), rows - 1, hide=False) is None


def test_what_is_forgotten_is_hidden_and_purged(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, number: int
) -> None:
    tables_of(engines).extend(number, PATTERNS)
    before = expected(engines, number, 40)
    for name in [prediction.name for prediction in kb.predict([["a"]])][:9]:
        kb.forget(name)
    memory.flush()
    left = expected(engines, number, 40)
    assert len(left) < len(before)
    symbols = sorted({symbol for symbol, _ in before})
    found = tables_of(engines).read(
        number, wanted(engines, number, symbols, 1), (0, 40), 1000, hide=True
    )
    assert found is not None
    assert {*found.sequences.ids.tolist(), *found.unread} == {i for _, i in left}
    assert postings_of(engines, number) == before
    PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    assert postings_of(engines, number) == left


def test_what_is_cleared_is_purged_and_nothing_else(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, number: int
) -> None:
    other = memory.knowledge_base(kb.name + " other")
    other.learn_many([["a"], [f"x{i}"]] for i in range(PATTERNS))
    memory.flush()
    stays = engines.counters.number(other.name)
    assert stays is not None
    for each in (number, stays):
        tables_of(engines).extend(each, PATTERNS)
    kb.clear()
    memory.flush()
    PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    assert postings_of(engines, number) == Counter()
    assert [tables_of(engines).covered(each) for each in (number, stays)] == [0, 40]
    assert postings_of(engines, stays) == expected(engines, stays, 40)
