"""What ClickHouse holds: the same as the ledger, hidden at once, deleted later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.storage.stores import Backend
from tests.storage.tables import TABLES, optimize, rows_of

import kato
from kato.errors import PatternNotFound
from kato.memory.engines import Engines
from kato.storage.clickhouse.patterns import PatternSink

MEMORY = [["a"], ["b", "c"]]
Turn = Callable[[kato.Memory], Any]


def fill(kb: kato.KnowledgeBase) -> None:
    """Patterns of every kind: several symbols an event, relearned, with emotives, forgotten."""
    for i in range(40):
        events = [["a"], ["b", "c"], [f"s{i % 13}"], [f"t{i % 7}"]][i % 2 :]
        kb.learn(events, emotives={"joy": i / 4}, metadata={"i": i % 3})
    kb.forget(kb.predict([["a"]])[0].name)


def number_of(engines: Engines, kb: kato.KnowledgeBase) -> int:
    number = engines.counters.number(kb.name)
    assert number is not None
    return number


def answers(kb: kato.KnowledgeBase) -> list[Any]:
    """What a knowledge base says, every way it can be asked."""
    configs: list[dict[str, Any]] = [
        {},
        {"affinity_emotive": "joy", "rank_sort_algo": "weighted_similarity"},
        {"recall_threshold": 0.0, "max_predictions": 3},
        {"fuzzy_token_threshold": 0.5},
        {"use_token_matching": False},
    ]
    asked = [kb.predict(MEMORY, **config) for config in configs]
    names = sorted({prediction.name for each in asked for prediction in each})
    return [asked, [kb.get(name) for name in names], list(kb.symbols()), kb.stats()]


@pytest.mark.parametrize(
    "turns",
    [
        [kato.Memory.flush],
        [kato.Memory.flush, lambda memory: optimize(memory._engines)],
        [lambda memory: memory._engines.writer.step()],
        [kato.Memory.flush, lambda memory: purge(memory._engines)],
    ],
    ids=["flushed", "optimized", "stepped", "purged"],
)
def test_answers_are_the_same_wherever_the_data_is(
    memory: kato.Memory, kb: kato.KnowledgeBase, turns: list[Turn]
) -> None:
    fill(kb)
    before = answers(kb)
    assert len(before[0][0]) > 10
    for turn in turns:
        turn(memory)
        assert answers(kb) == before


def test_answers_are_the_same_half_flushed(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    """Some of a pattern's learns in ClickHouse, some still in the journal."""
    other = memory.knowledge_base(kb.name + " at once")
    for _ in range(2):
        fill(kb)
        memory.flush()
    fill(kb)
    for _ in range(3):
        fill(other)
    memory.flush()
    assert answers(kb) == answers(other)


@pytest.mark.parametrize("flushed", [False, True], ids=["in the journal", "in ClickHouse"])
def test_what_is_forgotten_is_hidden_at_once(
    memory: kato.Memory, kb: kato.KnowledgeBase, flushed: bool
) -> None:
    gone, stays = (kb.learn([["a"], [symbol]]) or "" for symbol in "bc")
    if flushed:
        memory.flush()
    kb.forget(gone)
    for _ in range(2):
        assert [prediction.name for prediction in kb.predict([["a"]])] == [stays]
        with pytest.raises(PatternNotFound):
            kb.get(gone)
        memory.flush()


@pytest.mark.parametrize("flushed", [False, True], ids=["in the journal", "in ClickHouse"])
def test_what_is_cleared_is_gone_at_once(
    memory: kato.Memory, kb: kato.KnowledgeBase, flushed: bool
) -> None:
    name = kb.learn([["a"], ["b"]]) or ""
    if flushed:
        memory.flush()
    kb.clear()
    assert len(kb.predict([["a"]])) == 0
    with pytest.raises(PatternNotFound):
        kb.get(name)
    kb.learn([["a"], ["c"]])
    assert [prediction.future for prediction in kb.predict([["a"]])] == [[["c"]]]


def test_a_purge_deletes_what_is_void(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    gone = kb.learn([["a"], ["b"]], emotives={"joy": 1}) or ""
    for _ in range(2):
        kb.learn([["a"], ["c"]], emotives={"joy": 1})
    kb.learn([["a"], ["b"]], emotives={"joy": 1})
    kb.forget(gone)
    memory.flush()
    number = number_of(engines, kb)
    sink = PatternSink(engines._clickhouse)
    sink.purge(engines.journal.done_until())
    for table in ("patterns", "frequencies", "states"):
        assert [row[1] for row in rows_of(engines, table, number)] == [2]
    # A reader that began before still needs the tombstone.
    assert len(rows_of(engines, "tombstones", number)) == 1
    sink.purge(engines.journal.done_until())
    assert rows_of(engines, "tombstones", number) == []
    assert len(kb.predict([["a"]])) == 1


def test_a_purge_deletes_what_was_cleared_and_nothing_else(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    other = memory.knowledge_base(kb.name + " other")
    for each in (kb, other):
        fill(each)
        session = kato.Session(each)
        session.observe(["v"], vectors=[[1.0, 2.0]])
        session.learn()
    cleared, stays = number_of(engines, kb), number_of(engines, other)
    kb.clear()
    memory.flush()
    before = answers(other)
    purge(engines)
    assert {table: len(rows_of(engines, table, cleared)) for table in TABLES} == {
        **dict.fromkeys(TABLES, 0),
        "knowledge_bases": 1,
    }
    assert len(rows_of(engines, "patterns", stays)) == other.stats().patterns
    assert answers(other) == before


def test_a_purge_leaves_what_was_not_carried_yet(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    name = kb.learn([["a"], ["b"]]) or ""
    memory.flush()
    done = engines.journal.done_until()
    kb.forget(name)
    memory.flush()
    PatternSink(engines._clickhouse).purge(done)
    assert len(rows_of(engines, "patterns", number_of(engines, kb))) == 1


def test_clickhouse_holds_what_the_ledger_counts(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    """Enough to rebuild the ledger from."""
    fill(kb)
    memory.flush()
    number = number_of(engines, kb)
    hidden = {row[1] for row in rows_of(engines, "tombstones", number)}
    names = {i: name for _, i, name, *_ in rows_of(engines, "patterns", number) if i not in hidden}
    relearned = {row[1]: row[3] for row in rows_of(engines, "frequencies", number)}
    states = {row[1]: row[3:] for row in rows_of(engines, "states", number)}
    assert len(names) == kb.stats().patterns
    for pattern, name in names.items():
        held = engines.counters.state(kb.name, name)
        assert held is not None
        assert (held.id, held.frequency) == (pattern, relearned.get(pattern, 1))
        assert (held.state.emotives, held.state.metadata, held.state.felt) == states[pattern]


def test_symbols_and_affinities_are_what_the_ledger_counts(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    fill(kb)
    memory.flush()
    number = number_of(engines, kb)
    texts = {i: text for _, i, text in rows_of(engines, "symbols", number)}
    sums = {texts[row[1]]: row[3] for row in rows_of(engines, "affinities", number)}
    assert {symbol.name: symbol.affinity for symbol in kb.symbols()} == sums


def test_knowledge_bases_are_named(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    kb.learn([["a"], ["b"]])
    old = number_of(engines, kb)
    kb.clear()
    memory.flush()
    rows = [rows_of(engines, "knowledge_bases", n)[0] for n in (old, number_of(engines, kb))]
    assert [(row[2], row[3]) for row in rows] == [(kb.name, 1), (kb.name, 0)]


def test_a_second_memory_sees_what_was_just_learned(servers: Backend, kb_name: str) -> None:
    with servers.open() as one, servers.open() as other:
        mine, theirs = (memory.knowledge_base(kb_name) for memory in (one, other))
        for i in range(5):
            name = mine.learn([["a"], [f"b{i}"]]) or ""
            assert theirs.predict([["a"]]) == mine.predict([["a"]])
            assert theirs.get(name) == mine.get(name)
            if i % 2:
                other.flush()
            assert theirs.predict([["a"]]) == mine.predict([["a"]])
        theirs.forget(name)
        assert mine.predict([["a"]]) == theirs.predict([["a"]])
        assert len(mine.predict([["a"]])) == 4


ASKS = """
import sys
from pathlib import Path
import kato
clickhouse, redis, folder, name = sys.argv[1:]
settings = kato.Settings(
    data_dir=Path(folder), cache_dir=Path(folder), clickhouse_url=clickhouse, redis_url=redis,
    flush_interval_ms=60000,
)
with kato.open(settings=settings) as memory:
    print([prediction.future for prediction in memory.knowledge_base(name).predict([["a"]])])
    print(memory.stats().journal_entries)
"""


@pytest.mark.deep
def test_another_process_sees_what_was_just_learned(
    servers: Backend, kb_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with servers.open() as memory:
        memory.knowledge_base(kb_name).learn([["a"], ["b"]])
        settings = servers.settings
        arguments = [settings.clickhouse_url or "", settings.redis_url or "", kb_name]
        arguments.insert(2, str(settings.cache_dir))
        asked = subprocess.run(
            [sys.executable, "-c", ASKS, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert asked.stdout == "[[['b']]]\n1\n"


def purge(engines: Engines) -> None:
    """As the writer does when nothing waits."""
    sink = PatternSink(engines._clickhouse)
    for _ in range(2):
        sink.purge(engines.journal.done_until())
    while engines.counters.drop_some():
        pass
