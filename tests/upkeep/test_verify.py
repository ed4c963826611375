"""Each kind of damage is found, and mended where it follows from something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.memory import answering
from tests.memory.changing import fresh

import kato
from kato.errors import KnowledgeBaseNotFound
from kato.memory.engines import Engines
from kato.recall.filters import bands
from kato.storage.clickhouse import postings
from kato.storage.ledger.connection import SHARD, packed
from kato.upkeep.difference import Difference
from kato.upkeep.verify import verify

RANGE = 32

pytestmark = pytest.mark.servers_deep


class Damaged:
    """A knowledge base with something of everything, and hands to damage it."""

    def __init__(self, memory: kato.Memory) -> None:
        self.memory, self.engines = memory, memory._engines
        self.kb = fresh(memory)
        self.kb.learn_many(answering.history())
        answering.forgotten(self.kb)
        session = kato.Session(self.kb)
        session.observe(["a"], vectors=[[1.0, 2.0]])
        session.observe(["b"])
        session.learn()
        memory.flush()
        self.number = memory.numbers()[self.kb.name]
        self.key = f"{SHARD}:{self.number}"

    def found(self, *, repair: bool = False) -> list[Difference]:
        return list(verify(self.memory, kb=self.kb.name, repair=repair))

    def ledger(self, command: str, key: str, *arguments: Any) -> Any:
        return self.engines.connection.command(command, f"{self.key}{key}", *arguments)

    def clickhouse(self, statement: str, **given: Any) -> None:
        self.engines._clickhouse.command(statement, {"kb": self.number, **given})

    def rows(self, statement: str) -> list[Any]:
        return self.engines._clickhouse.rows(statement, {"kb": self.number})

    def a_name(self) -> Any:
        """A name of the first bucket."""
        return next(iter(self.ledger("HGETALL", ":name:0")))

    def carrying(self, part: str) -> Any:
        """A pattern or symbol that has one."""
        return min(self.ledger("HGETALL", f":{part}"), key=int)


@pytest.fixture
def damaged(memory: kato.Memory) -> Iterator[Damaged]:
    """Undamaged yet."""
    whole = Damaged(memory)
    yield whole
    memory.forget_knowledge_base(whole.kb.name)


LEDGER: dict[str, tuple[str, Any]] = {
    **{
        f"totals {field}": ("totals", lambda d, f=field: d.ledger("HINCRBY", "", f, 3))
        for field in (
            *("patterns", "frequencies", "symbols", "occurrences"),
            *("next_pattern", "next_symbol", "forgotten"),
        )
    },
    "a frequency": ("frequency", lambda d: d.ledger("HINCRBY", ":freq:0", 4, 5)),
    "no frequency": ("frequency", lambda d: d.ledger("HDEL", ":freq:0", 3)),
    "no name": ("id by name", lambda d: d.ledger("HDEL", ":name:0", d.a_name())),
    "a name of another": ("id by name", lambda d: d.ledger("HSET", ":name:0", d.a_name(), 10**6)),
    "no symbol": ("id by symbol", lambda d: d.ledger("HDEL", ":symbol", "cat1")),
    "a symbol's id": ("id by symbol", lambda d: d.ledger("HSET", ":symbol", "cat1", 99)),
    "a count": ("symbol counts", lambda d: d.ledger("HSET", ":count", 1, bytes(range(12)))),
    "no count": ("symbol counts", lambda d: d.ledger("HDEL", ":count", 1)),
    "an affinity": (
        "affinity",
        lambda d: d.ledger("HSET", ":affinity", d.carrying("affinity"), packed({"joy": 77.0})),
    ),
    "no affinity": ("affinity", lambda d: d.ledger("HDEL", ":affinity", d.carrying("affinity"))),
    **{
        f"no {part}": (part, lambda d, p=part: d.ledger("HDEL", f":{p}", d.carrying(p)))
        for part in ("emotives", "metadata", "felt")
    },
    "emotives": (
        "emotives",
        lambda d: d.ledger("HSET", ":emotives", d.carrying("emotives"), packed(['{"joy":9.0}'])),
    ),
    "metadata": (
        "metadata",
        lambda d: d.ledger("HSET", ":metadata", d.carrying("metadata"), packed({"x": ["y"]})),
    ),
    "affinity of ClickHouse": (
        "affinity of ClickHouse",
        lambda d: d.clickhouse(
            "INSERT INTO affinities SELECT kb, symbol, version + 1, map('joy', 55.) FROM affinities"
            " FINAL WHERE kb = {kb:UInt32} AND notEmpty(sums) LIMIT 1"
        ),
    ),
}


def test_nothing_is_wrong(damaged: Damaged) -> None:
    assert damaged.found() == []


def test_all_damage_at_once(damaged: Damaged) -> None:
    for _, harm in LEDGER.values():
        harm(damaged)
    assert {one.check for one in damaged.found()} >= {check for check, _ in LEDGER.values()}
    damaged.found(repair=True)
    assert damaged.found() == []


@pytest.mark.deep
@pytest.mark.parametrize("damage", LEDGER)
def test_damage_of_the_ledger_is_found_and_mended(damaged: Damaged, damage: str) -> None:
    check, harm = LEDGER[damage]
    harm(damaged)
    found = damaged.found()
    assert check in {one.check for one in found}
    assert {one.mended for one in found} == {None}
    assert all(one.mended for one in damaged.found(repair=True))
    assert damaged.found() == []


LAST: dict[str, tuple[str, Any]] = {
    "a pattern twice": (
        "patterns",
        lambda d: d.clickhouse(
            "INSERT INTO patterns SELECT * FROM patterns WHERE kb = {kb:UInt32} AND id = 3"
            " SETTINGS insert_deduplicate = 0"
        ),
    ),
    "a pattern's name": (
        "patterns",
        lambda d: d.clickhouse(
            "INSERT INTO patterns (kb, id, name, symbols, event_ends) SELECT kb, 500, "
            "unhex(repeat('ab', 20)), symbols, event_ends FROM patterns "
            "WHERE kb = {kb:UInt32} AND id = 3"
        ),
    ),
    "an event's end": (
        "patterns",
        lambda d: d.clickhouse(
            "INSERT INTO patterns (kb, id, name, symbols, event_ends) SELECT kb, 500, name, "
            "symbols, [toUInt32(length(symbols) + 1)] FROM patterns "
            "WHERE kb = {kb:UInt32} AND id = 3"
        ),
    ),
    "a pattern that is lost": (
        "totals",
        lambda d: d.clickhouse("DELETE FROM patterns WHERE kb = {kb:UInt32} AND id = 3"),
    ),
    "a text that is lost": (
        "symbols",
        lambda d: d.clickhouse("DELETE FROM symbols WHERE kb = {kb:UInt32} AND id = 1"),
    ),
    "a tombstone of what lives": (
        "tombstone",
        lambda d: d.clickhouse(
            "INSERT INTO tombstones (kb, id, version) VALUES ({kb:UInt32}, 1, 1)"
        ),
    ),
    "a vector": (
        "vectors",
        lambda d: d.clickhouse(
            "INSERT INTO vectors SELECT kb, dimension, name, version + 1, [3., 4.] FROM vectors "
            "WHERE kb = {kb:UInt32}"
        ),
    ),
    "more patterns than there are": (
        "frequency",
        lambda d: d.ledger("HSET", ":freq:0", 0, 7),
    ),
    "more names than there are": (
        "totals",
        lambda d: d.ledger("HSET", ":name:0", b"x" * 20, 7),
    ),
}


QUICK = ("a pattern's name", "a tombstone of what lives", "a vector")


@pytest.mark.parametrize(
    "damage",
    [pytest.param(d, marks=[] if d in QUICK else pytest.mark.deep) for d in LAST],
)
def test_damage_of_what_nothing_else_says_is_told(damaged: Damaged, damage: str) -> None:
    check, harm = LAST[damage]
    harm(damaged)
    assert check in {one.check for one in damaged.found()}
    told = [one for one in damaged.found(repair=True) if one.check == check]
    assert False in {one.mended for one in told}


def test_bands_that_are_wrong(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "RANGE", RANGE)
    damaged.kb.predict([["cat1"], ["dog2"]], filter_pipeline=["minhash"])
    rows = "SELECT count() FROM minhash_bands WHERE kb = {kb:UInt32}"
    count = damaged.rows(rows)
    assert count[0][0] > 0
    assert damaged.found() == []
    for damage in (
        "DELETE FROM minhash_bands WHERE kb = {kb:UInt32} AND id = 20",
        "INSERT INTO minhash_bands SELECT * REPLACE (band + 1 AS band) FROM minhash_bands"
        " WHERE kb = {kb:UInt32} LIMIT 1",
    ):
        damaged.clickhouse(damage)
        assert {one.check for one in damaged.found()} == {"bands"}
        assert [one.mended for one in damaged.found(repair=True)] == [True]
        assert damaged.found() == []
        assert damaged.rows(rows) == count


def test_postings_that_are_wrong(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "RANGE", RANGE)
    monkeypatch.setattr(postings, "LEAST", RANGE)
    postings.PostingTables(damaged.engines._clickhouse).extend(damaged.number, 100)
    rows = "SELECT count() FROM postings WHERE kb = {kb:UInt32}"
    count = damaged.rows(rows)
    assert count[0][0] > 0
    assert damaged.found() == []
    for damage in (
        "DELETE FROM postings WHERE kb = {kb:UInt32} AND id = 20",
        "INSERT INTO postings SELECT * REPLACE (symbol + 1 AS symbol) FROM postings"
        " WHERE kb = {kb:UInt32} LIMIT 1",
    ):
        damaged.clickhouse(damage)
        assert {one.check for one in damaged.found()} == {"postings"}
        assert [one.mended for one in damaged.found(repair=True)] == [True]
        assert damaged.found() == []
        assert damaged.rows(rows) == count


def test_a_knowledge_base_that_is_not_there(memory: kato.Memory) -> None:
    with pytest.raises(KnowledgeBaseNotFound):
        list(verify(memory, kb="never learned"))


def test_what_waits_is_accounted_for(damaged: Damaged) -> None:
    damaged.kb.learn([["one"], ["more"]], emotives={"joy": 2})
    key = f"{SHARD}:journal"
    [(entry, _)] = damaged.engines.connection.command("XRANGE", key, "-", "+")
    damaged.engines.connection.command("HINCRBY", f"{SHARD}:journal:state", "bytes", 1)
    found = list(verify(damaged.memory))
    damaged.engines.connection.command("HINCRBY", f"{SHARD}:journal:state", "bytes", -1)
    assert "journal" in {one.check for one in found}
    assert entry


class Busy(threading.Thread):
    """Somebody who learns, edits and forgets until told to stop."""

    def __init__(self, kb: kato.KnowledgeBase, engines: Engines) -> None:
        super().__init__()
        self._kb, self._engines = kb, engines
        self.stop = threading.Event()
        self.steps = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self._step(self.steps)
                self.steps += 1
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.failure = error

    def _step(self, number: int) -> None:
        events = [["busy"], [f"s{number % 23}"], [f"t{number % 7}"]]
        name = str(self._kb.learn(events, emotives={"joy": number % 5}, metadata={"n": number % 4}))
        if number % 5 == 0:
            self._kb.edit(name, frequency=number % 9 + 1, emotives=[{"fear": 1.0}])
        if number % 7 == 0:
            self._kb.forget(name)
        if number % 11 == 0:
            self._engines.flush()


def test_no_false_alarm_while_others_learn(damaged: Damaged) -> None:
    busy = Busy(damaged.kb, damaged.engines)
    busy.start()
    try:
        for _ in range(4):
            assert damaged.found() == []
    finally:
        busy.stop.set()
        busy.join()
    assert busy.failure is None
    assert busy.steps > 20
    assert damaged.found() == []


def test_a_knowledge_base_that_is_cleared_meanwhile(damaged: Damaged, memory: kato.Memory) -> None:
    found = verify(memory, kb=damaged.kb.name, progress=lambda what, _: clear(damaged, what))
    assert list(found) == []


def clear(damaged: Damaged, what: str) -> None:
    if what == "ledger":
        damaged.kb.clear()
        damaged.kb.learn([["a"], ["b"]])
