"""The table of MinHash bands: what it answers, how it is filled, and what is left of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recall.test_executor import both, counts, query_of
from tests.storage.tables import rows_of

import kato
from kato.errors import StoreUnavailable
from kato.memory.engines import Engines
from kato.model.config import SessionConfig
from kato.recall.filters import Executor, bands
from kato.recall.filters.signature import bands_of, signature_of
from kato.recall.query import Query
from kato.storage.clickhouse.bands import BandShape, BandTable
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.ledger.journal import Sequences

pytestmark = pytest.mark.servers_deep

SYMBOLS = [f"s{number}" for number in range(30)]
RANGE = 40


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "RANGE", RANGE)


def sequence(rng: Random) -> list[list[str]]:
    first = rng.randrange(25)
    return [[symbol] for symbol in rng.sample(SYMBOLS[first : first + 6], rng.randint(2, 5))]


def fill(kb: kato.KnowledgeBase, patterns: int, seed: int = 1) -> list[str]:
    """Learn different patterns; answers their names."""
    rng, names = Random(seed), set[str]()
    while len(names) < patterns:
        names.add(kb.learn(sequence(rng)) or "")
    return sorted(names)


def minhash(kb: kato.KnowledgeBase, **changes: Any) -> Query:
    config = SessionConfig(filter_pipeline=("minhash",)).updated(**changes)
    return query_of(kb, [["s3"], ["s4"], ["s5"]], config)


def recalled(query: Query, tables: PatternTables) -> list[int]:
    blocks = Executor(query, tables).blocks(0, 1 << 20)
    return [number for block in blocks for number in block.ids.tolist()]


def until(engines: Engines, query: Query, shape: BandShape) -> int:
    """How far the table reaches, as a process that starts now is told."""
    return BandTable(engines._clickhouse).covered(query.kb, shape, 1 << 30)


@pytest.fixture(scope="module")
def stored(memory: kato.Memory) -> kato.KnowledgeBase:
    """Ranges and a remainder, some forgotten, and a tail."""
    kb = memory.knowledge_base("bands")
    kb.clear()
    names = fill(kb, 5 * RANGE + 11)
    for name in names[::9]:
        kb.forget(name)
    memory.flush()
    fill(kb, 7, seed=2)
    for name in names[1::45]:
        kb.forget(name)
    return kb


sizes = st.sampled_from(
    [(100, 20, 5), (100, 50, 2), (64, 32, 2), (10, 5, 2), (256, 51, 5), (99, 33, 3), (256, 256, 1)]
)


@given(
    observed=st.lists(st.sampled_from([*SYMBOLS, "?"]), min_size=2, max_size=7),
    size=sizes,
    threshold=st.sampled_from([0, 0.3, 0.5, 0.7, 1.0]),
    names=st.permutations(["minhash", "length", "jaccard"]).flatmap(
        lambda names: st.integers(1, 3).map(lambda most: names[:most])
    ),
    block=st.sampled_from([30, 77, 1 << 20]),
)
@settings(deadline=None, max_examples=25)
@pytest.mark.deep
def test_the_table_changes_no_answer(  # noqa: PLR0917 - drawn one by one
    stored: kato.KnowledgeBase,
    memory: kato.Memory,
    observed: list[str],
    size: tuple[int, int, int],
    threshold: float,
    names: list[str],
    block: int,
) -> None:
    hashes, count, rows = size
    config = SessionConfig().updated(
        filter_pipeline=names,
        minhash_threshold=threshold,
        minhash_num_hashes=hashes,
        minhash_bands=min(count, 100),
        minhash_rows=rows,
        jaccard_min_overlap=1,
    )
    events = [[symbol] for symbol in observed]
    ids, stages, expected, reports = both(stored, memory._engines, events, config, block)
    assert ids == expected
    assert counts(stages) == counts(reports)


def test_a_recall_reads_only_what_shares_a_band(
    stored: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    read: list[Sequences] = []

    class Reading(PatternTables):
        def where(self, *given: Any, **named: Any) -> Sequences:
            read.append(super().where(*given, **named))
            return read[-1]

    engines, query = memory._engines, minhash(stored)
    recalled(query, engines.tables)  # fills the table
    ids = recalled(query, Reading(engines._clickhouse))
    covered = 5 * RANGE
    assert len(read) == 1
    inside = read[0].ids[read[0].ids <= covered]
    assert {number for number in ids if number <= covered} <= set(inside.tolist())
    assert 0 < len(inside) < 60 < covered - 60


def test_rows_are_the_bands_of_the_signatures(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    query = minhash(kb)
    recalled(query, engines.tables)
    patterns = engines.tables.where(query.kb, "true", {})
    texts = query.texts_of(np.unique(patterns.symbols).tolist())
    expected = []
    for index, number in enumerate(patterns.ids.tolist()):
        symbols = patterns.symbols[patterns.offsets[index] : patterns.offsets[index + 1]]
        numbers = bands_of(signature_of([texts[symbol] for symbol in symbols.tolist()]))
        expected += [
            (query.kb, 5, number_ % 2**32, number, position)
            for position, number_ in enumerate(numbers.tolist())
        ]
    assert sorted(rows_of(engines, "minhash_bands", query.kb)) == sorted(expected)
    assert rows_of(engines, "minhash_coverage", query.kb) == [(query.kb, 5, 20, RANGE)]


def test_nothing_is_kept_unless_it_is_asked_for(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    query = minhash(kb, filter_pipeline=["length"])
    recalled(query, engines.tables)
    assert rows_of(engines, "minhash_bands", query.kb) == []


def test_a_recall_adds_a_bounded_part(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "RANGES", 2)
    fill(kb, 3 * RANGE + 5)
    memory.flush()
    query, shape = minhash(kb, minhash_threshold=0.3), BandShape(5, 20)
    answers = [recalled(query, engines.tables)]
    assert until(engines, query, shape) == 2 * RANGE
    answers += [recalled(query, engines.tables)]
    assert until(engines, query, shape) == 3 * RANGE  # whole ranges only
    answers += [recalled(query, engines.tables)]
    assert until(engines, query, shape) == 3 * RANGE
    assert answers[0] == answers[1] == answers[2] != []


def test_a_table_of_more_bands_serves_fewer(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    recalled(minhash(kb), engines.tables)
    before = rows_of(engines, "minhash_bands", minhash(kb).kb)
    fewer = minhash(kb, minhash_num_hashes=50, minhash_bands=10)
    recalled(fewer, PatternTables(engines._clickhouse))
    assert rows_of(engines, "minhash_bands", fewer.kb) == before
    more = minhash(kb, minhash_num_hashes=150, minhash_bands=30)
    recalled(more, engines.tables)
    assert len(rows_of(engines, "minhash_bands", more.kb)) == RANGE * 30


def test_too_many_bands_are_not_kept(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    query = minhash(kb, minhash_rows=1, minhash_bands=100, minhash_threshold=0.3)
    assert recalled(query, engines.tables)
    assert rows_of(engines, "minhash_bands", query.kb) == []


class CutOff(BandTable):
    """A table whose coverage is not written."""

    def add(self, *given: Any) -> None:
        insert = self._clickhouse.insert

        def inserting(table: str, rows: Any, token: str) -> None:
            if table == "minhash_coverage":
                raise StoreUnavailable("cut off")
            insert(table, rows, token)

        self._clickhouse = _Inserting(self._clickhouse, inserting)  # type: ignore[assignment]
        super().add(*given)


class _Inserting:
    def __init__(self, clickhouse: Any, insert: Any) -> None:
        self._clickhouse, self.insert = clickhouse, insert

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clickhouse, name)


def test_what_was_cut_off_is_done_again_and_there_once(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    query = minhash(kb)
    tables = PatternTables(engines._clickhouse)
    tables.bands = CutOff(engines._clickhouse)
    with pytest.raises(StoreUnavailable, match="cut off"):
        recalled(query, tables)
    assert until(engines, query, BandShape(5, 20)) == 0
    recalled(query, engines.tables)
    statement = "SELECT count() FROM minhash_bands WHERE kb = {kb:UInt32}"
    assert engines._clickhouse.rows(statement, {"kb": query.kb}) == [(RANGE * 20,)]
    assert until(engines, query, BandShape(5, 20)) == RANGE


def test_nobody_waits_for_a_thread_that_adds(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    query = minhash(kb, minhash_threshold=0.3)
    with engines.tables.bands.filling:
        alone = recalled(query, engines.tables)
        assert until(engines, query, BandShape(5, 20)) == 0
    assert recalled(query, engines.tables) == alone != []
    assert until(engines, query, BandShape(5, 20)) == RANGE


def test_threads_that_recall_at_once_agree(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, 3 * RANGE)
    memory.flush()
    query = minhash(kb, minhash_threshold=0.3)
    answers: list[Sequence[int]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(recalled(query, engines.tables)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] != [] for answer in answers)
    assert len(rows_of(engines, "minhash_bands", query.kb)) == 3 * RANGE * 20


def test_a_purge_takes_what_is_forgotten_and_cleared(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    other = memory.knowledge_base(kb.name + " other")
    names = fill(kb, RANGE)
    fill(other, RANGE)
    memory.flush()
    query, stays = minhash(kb), minhash(other)
    for each in (query, stays):
        recalled(each, engines.tables)
    for name in names[:10]:
        kb.forget(name)
    memory.flush()
    PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    assert len(rows_of(engines, "minhash_bands", query.kb)) == (RANGE - 10) * 20
    kb.clear()
    memory.flush()
    PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    assert rows_of(engines, "minhash_bands", query.kb) == []
    assert rows_of(engines, "minhash_coverage", query.kb) == []
    assert len(rows_of(engines, "minhash_bands", stays.kb)) == RANGE * 20


def test_what_is_forgotten_is_not_recalled_by_its_bands(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb, RANGE)
    memory.flush()
    asked: dict[str, Any] = {"filter_pipeline": ["minhash"], "minhash_threshold": 0.3}
    first = kb.predict([["s3"], ["s4"], ["s5"]], **asked)
    kb.forget(first[0].name)
    for turn in (memory.flush, lambda: None):
        again = kb.predict([["s3"], ["s4"], ["s5"]], **asked)
        assert {p.name for p in again} == {p.name for p in first} - {first[0].name}
        turn()


def test_a_failing_table_fails_the_call(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(kb, RANGE)
    memory.flush()
    engines._clickhouse.command("RENAME TABLE minhash_bands TO elsewhere")
    try:
        with pytest.raises(StoreUnavailable, match="minhash_bands"):
            kb.predict([["s3"], ["s4"]], filter_pipeline=["minhash"])
    finally:
        engines._clickhouse.command("RENAME TABLE elsewhere TO minhash_bands")
    assert msgspec.json.encode(kb.predict([["s3"], ["s4"]], filter_pipeline=["minhash"]))
