"""Batches from the journal to ClickHouse: nothing lost, nothing twice, whoever carries them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from tests.storage.counted import learn, lesson_of
from tests.storage.tables import TABLES, optimize, rows_of

import kato
from kato.errors import StoreUnavailable
from kato.memory.engines import Engines
from kato.storage.batches import BATCH_BYTES, BATCH_ROWS, Writer
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.ledger.journal import Entry

pytestmark = pytest.mark.servers_deep

HOUR = 3600.0


class KilledError(BaseException):
    """Stands for the end of the process."""


class DiesAfterInsert:
    """A sink whose process ends when the batch is in, before anybody is told."""

    def __init__(self, sink: PatternSink) -> None:
        self._sink = sink

    def insert(self, entries: Sequence[Entry], token: str) -> None:
        self._sink.insert(entries, token)
        raise KilledError


class DiesWithin:
    """A ClickHouse that is gone after some inserts of a batch."""

    def __init__(self, clickhouse: ClickHouse, inserts: int) -> None:
        self._clickhouse = clickhouse
        self._left = inserts

    def insert(self, table: str, rows: Any, token: str) -> None:
        if not self._left:
            raise KilledError
        self._left -= 1
        self._clickhouse.insert(table, rows, token)


class Refuses:
    """A sink that fails as long as it is told to."""

    def __init__(self, sink: PatternSink) -> None:
        self._sink = sink
        self.failing = True
        self.asked = 0

    def insert(self, entries: Sequence[Entry], token: str) -> None:
        self.asked += 1
        if self.failing:
            raise StoreUnavailable("ClickHouse failed")
        self._sink.insert(entries, token)


@pytest.fixture
def clickhouse(engines: Engines) -> Iterator[ClickHouse]:
    """A connection for a writer of the test's own."""
    clickhouse = engines._clickhouse.another()
    yield clickhouse
    clickhouse.close()


@pytest.fixture
def filled(kb: kato.KnowledgeBase, memory: kato.Memory) -> kato.KnowledgeBase:
    """A knowledge base whose journal reaches every table."""
    for _ in range(2):
        kb.learn([["a"], ["b", "c"]], emotives={"joy": 0.25}, metadata={"k": "v"})
    name = kb.learn([["x"], ["y"]]) or ""
    session = kato.Session(kb)
    session.observe(["s"], vectors=[[1.0, 2.0]])
    session.learn()
    kb.forget(name)
    return kb


def number_of(engines: Engines, kb: kato.KnowledgeBase) -> int:
    number = engines.counters.number(kb.name)
    assert number is not None
    return number


def assert_all_once(engines: Engines, kb: kato.KnowledgeBase) -> None:
    """Every table has what ``filled`` learned, once."""
    counts = {table: len(rows_of(engines, table, number_of(engines, kb))) for table in TABLES}
    assert counts == {
        "patterns": 3,
        "symbols": 7,
        "frequencies": 1,
        "states": 1,
        "affinities": 5,
        "inherited": 0,
        "vectors": 1,
        "tombstones": 1,
        "knowledge_bases": 1,
    }


def until(is_so: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it comes to be so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def test_nothing_waits_nothing_is_claimed(engines: Engines) -> None:
    assert engines.journal.claim(10, 10) is None
    assert not engines.writer.step()


def test_the_intent_that_stands_is_answered_again(engines: Engines, kb_name: str) -> None:
    learn(engines, kb_name, [["a"], ["b"]])
    first = engines.journal.claim(BATCH_ROWS, BATCH_BYTES)
    learn(engines, kb_name, [["c"], ["d"]])
    assert engines.journal.claim(1, 1) == first
    assert first is not None
    assert first.first == first.last
    engines.journal.done(first)
    second = engines.journal.claim(BATCH_ROWS, BATCH_BYTES)
    assert second is not None
    assert (second.first, second.last) == (first.last + 1, first.last + 1)
    assert second.token != first.token


def test_a_claim_that_comes_again_does_not_claim_under_a_token_of_before(
    engines: Engines, kb_name: str
) -> None:
    # Its answer was lost, and until it is asked for again somebody else carries what it claimed.
    first, token = None, "0123456789abcdef"
    for _ in range(2):
        learn(engines, kb_name, [["a"], ["b"]])
        claimed = engines.connection.run("claim", BATCH_ROWS, BATCH_BYTES, token)
        assert claimed[2] != first
        first = claimed[2]
        assert engines.writer.step()


def test_done_is_said_once(engines: Engines, kb_name: str) -> None:
    learn(engines, kb_name, [["a"], ["b"]])
    first = engines.journal.claim(BATCH_ROWS, BATCH_BYTES)
    assert first is not None
    engines.journal.done(first)
    learn(engines, kb_name, [["c"], ["d"]])
    second = engines.journal.claim(BATCH_ROWS, BATCH_BYTES)
    assert second is not None
    engines.journal.done(first)
    engines.journal.done(msgspec.structs.replace(second, token=first.token))
    assert engines.journal.claim(BATCH_ROWS, BATCH_BYTES) == second
    assert engines.journal.waiting() == 1
    assert engines.journal.done_until() == first.last


@pytest.mark.parametrize(
    ("rows", "size", "entries"),
    [(1, 1, 1), (5, 1 << 20, 2), (6, 1 << 20, 3), (100, 1 << 20, 100), (1 << 20, 5000, None)],
)
def test_a_batch_is_bounded(
    engines: Engines, kb_name: str, rows: int, size: int, entries: int | None
) -> None:
    """By patterns and by bytes, but one entry is taken however large it is."""
    for i in range(150):
        learn(engines, kb_name, [["a"], [str(i)]], [["b"], [str(i)]])
    before = engines.journal.done_until()
    intent = engines.journal.claim(rows, size)
    assert intent is not None
    assert intent.first == before + 1
    taken = intent.last - before
    expected = {1: 1, 5: 2, 6: 3, 100: 50, 1 << 20: taken}[rows]
    assert taken == expected
    assert 1 <= taken < 150
    assert len(engines.journal.read(intent)) == taken


def test_all_that_waits_is_carried(engines: Engines, memory: kato.Memory, kb_name: str) -> None:
    for i in range(150):
        learn(engines, kb_name, [["a"], [str(i)]])
    assert memory.stats().journal_entries == 150
    memory.flush()
    assert memory.stats().journal_entries == 0
    number = engines.counters.number(kb_name) or 0
    assert [row[1] for row in rows_of(engines, "patterns", number)] == list(range(1, 151))


def test_every_table_is_filled(
    engines: Engines, filled: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    memory.flush()
    assert_all_once(engines, filled)


@pytest.mark.parametrize("optimized", [False, True])
def test_a_writer_killed_before_done_doubles_nothing(
    engines: Engines,
    filled: kato.KnowledgeBase,
    memory: kato.Memory,
    clickhouse: ClickHouse,
    optimized: bool,
) -> None:
    writer = Writer(engines.journal, DiesAfterInsert(PatternSink(clickhouse)), HOUR)
    for _ in range(2):
        with pytest.raises(KilledError):
            writer.step()
    if optimized:
        optimize(engines)
    memory.flush()
    assert_all_once(engines, filled)
    assert engines.journal.waiting() == 0


@pytest.mark.parametrize("inserts", range(len(TABLES)))
def test_a_writer_killed_within_a_batch_leaves_all_tables_equal(
    engines: Engines,
    filled: kato.KnowledgeBase,
    memory: kato.Memory,
    clickhouse: ClickHouse,
    inserts: int,
) -> None:
    dies: Any = DiesWithin(clickhouse, inserts)
    with pytest.raises(KilledError):
        Writer(engines.journal, PatternSink(dies), HOUR).step()
    before = filled.predict([["a"], ["b"]])
    memory.flush()
    assert_all_once(engines, filled)
    assert filled.predict([["a"], ["b"]]) == before


def test_what_is_learned_meanwhile_waits_for_the_next_batch(
    engines: Engines,
    filled: kato.KnowledgeBase,
    memory: kato.Memory,
    clickhouse: ClickHouse,
) -> None:
    writer = Writer(engines.journal, DiesAfterInsert(PatternSink(clickhouse)), HOUR)
    with pytest.raises(KilledError):
        writer.step()
    filled.learn([["a"], ["b", "c"]])
    filled.learn([["n"], ["m"]])
    memory.flush()
    number = number_of(engines, filled)
    assert len(rows_of(engines, "patterns", number)) == 4
    [(_, _, _, frequency)] = rows_of(engines, "frequencies", number)
    assert frequency == 3


def test_two_writers_on_one_journal(
    engines: Engines, kb: kato.KnowledgeBase, clickhouse: ClickHouse
) -> None:
    other = engines._clickhouse.another()
    writers = [
        Writer(engines.journal, PatternSink(connection), HOUR) for connection in (clickhouse, other)
    ]

    def carry(writer: Writer) -> None:
        while not learned.is_set():
            writer.flush()
        writer.flush()

    learned = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        carrying = [threads.submit(carry, writer) for writer in writers]
        for i in range(200):
            learn(engines, kb.name, [["a"], [str(i)]], [["b"], [str(i % 7)]])
        learned.set()
        for carried in carrying:
            carried.result()
    other.close()
    number = number_of(engines, kb)
    ids = [row[1] for row in rows_of(engines, "patterns", number)]
    assert ids == list(range(1, kb.stats().patterns + 1))
    assert len(rows_of(engines, "symbols", number)) == 202
    assert engines.journal.waiting() == 0


def test_a_sink_that_fails_is_tried_again(
    engines: Engines, filled: kato.KnowledgeBase, clickhouse: ClickHouse
) -> None:
    sink = Refuses(PatternSink(clickhouse))
    writer = Writer(engines.journal, sink, 0.005)
    writer.start()
    assert until(lambda: sink.asked > 2)
    assert isinstance(writer.failure, StoreUnavailable)
    assert engines.journal.waiting() == 5
    sink.failing = False
    assert until(lambda: engines.journal.waiting() == 0)
    assert until(lambda: writer.failure is None)
    writer.close()
    assert_all_once(engines, filled)


def test_a_writer_carries_by_itself(
    engines: Engines, filled: kato.KnowledgeBase, clickhouse: ClickHouse
) -> None:
    upkeep = threading.Event()
    writer = Writer(engines.journal, PatternSink(clickhouse), 0.01, upkeep.set)
    writer._upkeep_at = 0
    writer.start()
    assert until(lambda: engines.journal.waiting() == 0)
    assert upkeep.wait(5)
    writer.close()
    writer.close()
    assert_all_once(engines, filled)


def test_a_closed_writer_leaves_what_waits(
    engines: Engines, clickhouse: ClickHouse, kb_name: str
) -> None:
    writer = Writer(engines.journal, PatternSink(clickhouse), 0.05)
    writer.start()
    writer.close()
    learn(engines, kb_name, [["a"], ["b"]])
    time.sleep(0.15)
    assert engines.journal.waiting() == 1


def test_a_flush_says_what_failed(
    engines: Engines, filled: kato.KnowledgeBase, clickhouse: ClickHouse
) -> None:
    with pytest.raises(StoreUnavailable):
        Writer(engines.journal, Refuses(PatternSink(clickhouse)), HOUR).flush()
    assert engines.journal.waiting() == 5


def test_the_same_batch_makes_the_same_rows(
    engines: Engines, kb_name: str, clickhouse: ClickHouse
) -> None:
    """Under another token they are new: it is the token, not the rows, that is recognised."""
    engines.counters.learn(kb_name, lesson_of([["a"], ["b"]]), persistence=5)
    intent = engines.journal.claim(BATCH_ROWS, BATCH_BYTES)
    assert intent is not None
    entries = engines.journal.read(intent)
    sink = PatternSink(clickhouse)
    for token in (intent.token, intent.token, "x" + intent.token):
        sink.insert(entries, token)
    assert len(rows_of(engines, "patterns", entries[0].kb)) == 2
