"""Signatures in ClickHouse are those that are computed here, and decide the same."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import kato
from kato.matching import Observation
from kato.memory.engines import Engines
from kato.recall.reach import Reach
from kato.storage.clickhouse import postings
from kato.storage.clickhouse.postings import PostingTables
from kato.storage.clickhouse.signatures import signatures_of

_COLUMNS = "shape, frequent, others, low_pairs, high_pairs"


def sequences(chance: Random) -> list[list[list[str]]]:
    """Events of one symbol and of several, patterns of 2 to 150 symbols."""

    def event(symbols: int) -> list[str]:
        return sorted(f"s{chance.randrange(120)}" for _ in range(symbols))

    lengths = (2, 3, 5, 8, 20, 64, 65, 126, 127, 128, 150)
    return [
        [event(chance.choice((1, 1, 3))), *(event(1) for _ in range(chance.choice(lengths) - 1))]
        for _ in range(200)
    ]


def test_the_table_says_what_is_computed(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    kb.learn_many(sequences(Random(5)))
    memory.flush()
    number = engines.counters.number(kb.name)
    assert number is not None
    every = engines.tables.where(number, "true", {})
    computed = signatures_of(every)
    rows = engines._clickhouse.rows(
        f"SELECT {_COLUMNS} FROM patterns WHERE kb = {{kb:UInt32}} ORDER BY id",  # noqa: S608 - names of columns
        {"kb": number},
    )
    columns = (computed.shapes, computed.frequent, computed.others, *computed.pairs)
    assert rows == list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_condition_decides_as_it_does_here(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    chance = Random(6)
    kb.learn_many(sequences(chance))
    memory.flush()
    number = engines.counters.number(kb.name)
    assert number is not None
    every = engines.tables.where(number, "true", {})
    signatures, decided = signatures_of(every), set()
    for size in (2, 3, 9, 30, 31, 32, 33, 34, 35, 80):
        start = chance.randrange(len(every.symbols) - size)
        symbols = every.symbols[start : start + size].tolist()
        known = {str(symbol): symbol for symbol in symbols}
        memory_of = Observation.of([[str(symbol)] for symbol in symbols], known)
        for potential in (-np.inf, 0.3, 1.0, 2.0):
            reaching = Reach(memory_of, 0.1).above(potential, 0.2)
            expected = every.ids[reaching.among(signatures)].tolist()
            found = engines.tables.where(number, *reaching.condition())
            assert found.ids.tolist() == expected
            decided.add(0 < len(expected) < len(every.ids))
    assert decided == {True, False}


def test_rows_that_were_there_before_have_a_signature(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    """Columns that are not stored yet are computed from what is."""
    kb.learn_many(sequences(Random(7)))
    memory.flush()
    clickhouse = engines._clickhouse
    expressions = dict(
        clickhouse.rows(
            "SELECT name, default_expression FROM system.columns WHERE table = 'patterns' "
            "AND database = currentDatabase() AND default_kind = 'DEFAULT'"
        )
    )
    assert set(expressions) == set(_COLUMNS.split(", "))
    computed = ", ".join(expressions[name] for name in _COLUMNS.split(", "))
    differing = f"SELECT count() FROM patterns WHERE ({computed}) != ({_COLUMNS})"  # noqa: S608
    assert clickhouse.rows(differing) == [(0,)]


def test_postings_have_the_signatures_of_their_patterns(
    engines: Engines,
    memory: kato.Memory,
    kb: kato.KnowledgeBase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postings, "RANGE", 50)
    monkeypatch.setattr(postings, "LEAST", 100)
    kb.learn_many(sequences(Random(8)))
    memory.flush()
    number = engines.counters.number(kb.name)
    assert number is not None
    assert PostingTables(engines._clickhouse).extend(number, 150) == 150
    of = "WHERE kb = {kb:UInt32} AND id <= 150"
    of_patterns, of_postings = (
        engines._clickhouse.rows(
            f"SELECT DISTINCT id, {_COLUMNS} FROM {table} {of} ORDER BY id",  # noqa: S608
            {"kb": number},
        )
        for table in ("patterns", "postings")
    )
    assert of_postings == of_patterns
    assert len(of_patterns) == 150
