"""The SQL plan and the scan behind it answer what aligning every pattern answers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kato
from kato.matching import Alignment, Observation, TokenMatcher, align, best, qualifies
from kato.memory.engines import Engines
from kato.model.config import SessionConfig
from kato.recall import rounds, sample, scan, sql_plan
from kato.recall.look import Look
from kato.recall.query import Query, Recalled, candidates_of
from kato.recall.sample import Samples
from kato.recall.scan import Scan
from kato.recall.sql_plan import SqlPlan
from kato.storage.clickhouse import postings
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.clickhouse.postings import PostingTables
from kato.storage.ledger.journal import Sequences
from kato.storage.ledger.tail import Tail

Events = list[list[str]]

RANGE = 100
LEAST = 200
STORED = 650
ALWAYS = 1e9
"""Postings that are worth reading, however many there are."""

LEARNED = 700


def walk(chance: Random) -> Events:
    """Steps to a neighbour: thousands of ties, and symbols that repeat."""
    place, events = chance.randrange(8), []
    for _ in range(chance.randint(2, 9)):
        events.append([f"p{place}"])
        place = (place + chance.choice((1, 1, 1, 2, 7))) % 8
    return events


def crowd(chance: Random) -> Events:
    """Events of several symbols, some of them twice."""
    symbols = [f"s{int(chance.paretovariate(0.7))}" for _ in range(9)]
    return [sorted(chance.choices(symbols, k=chance.randint(1, 4))) for _ in range(4)]


def tail_of_symbols(chance: Random) -> Events:
    """One symbol an event, most of them rare."""
    return [[f"s{int(chance.paretovariate(0.7))}"] for _ in range(chance.randint(2, 12))]


def long(chance: Random) -> Events:
    """Lengths around those that postings treat differently."""
    length = chance.choice((60, 63, 64, 65, 66, 126, 127, 128, 129, 150, 400))
    return [[f"s{int(chance.paretovariate(0.7)) % 90}"] for _ in range(length)]


KINDS = (walk, walk, crowd, tail_of_symbols, tail_of_symbols, long)


def sequence(chance: Random) -> Events:
    return chance.choice(KINDS)(chance)


def observation(chance: Random) -> Events:
    """A sequence, part of one, symbols of many, and symbols that nobody knows."""
    events = sequence(chance)
    if chance.random() < 0.5:
        events = events[: chance.randint(1, 8)]
    if chance.random() < 0.3:
        events[chance.randrange(len(events))] = ["unknown"]
    if len([symbol for event in events for symbol in event]) < 2:
        events.append(["s1"])
    return events


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Postings for a few hundred patterns."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (postings, sql_plan):
            patched.setattr(module, "RANGE", RANGE)
            patched.setattr(module, "LEAST", LEAST)
        yield


@pytest.fixture(scope="module")
def stored(memory: kato.Memory) -> kato.KnowledgeBase:
    """Patterns with postings, others behind them, others in the tail; forgotten ones everywhere."""
    chance = Random(11)
    kb = memory.knowledge_base("sql plan")
    kb.clear()
    sequences = [sequence(chance) for _ in range(LEARNED)]
    kb.learn_many(sequences[:STORED])
    forget(kb, sequences[3:100:9])
    memory.flush()
    engines = memory._engines
    PostingTables(engines._clickhouse).extend(number_of(engines, kb), STORED - 100)
    forget(kb, sequences[104:STORED:31])
    memory.flush()
    kb.learn_many(sequences[STORED:])
    forget(kb, sequences[108:LEARNED:31])
    return kb


def forget(kb: kato.KnowledgeBase, sequences: list[Events]) -> None:
    for events in sequences:
        kb.forget(kb.learn(events) or "")


def number_of(engines: Engines, kb: kato.KnowledgeBase) -> int:
    number = engines.counters.number(kb.name)
    assert number is not None
    return number


class Known(NamedTuple):
    """What ClickHouse has of a knowledge base that stands still: read once, asked often."""

    vocabulary: dict[int, str]
    sequences: Sequences


@pytest.fixture(scope="module")
def known(memory: kato.Memory, stored: kato.KnowledgeBase) -> Known:
    engines = memory._engines
    query = query_of(engines, stored, [["s1"], ["s2"]])
    return Known(engines.tables.vocabulary(query.kb), carried(engines, query))


def query_of(
    engines: Engines,
    kb: kato.KnowledgeBase,
    events: Events,
    known: Known | None = None,
    **config: Any,
) -> Query:
    texts = list(dict.fromkeys(symbol for event in events for symbol in event))
    look = engines.counters.look(kb.name, texts, 0)
    assert look is not None
    tail = Tail().catch_up(look)
    vocabulary = known.vocabulary if known else engines.tables.vocabulary(look.kb)
    vocabulary = {**vocabulary, **tail.texts}
    ids = {text: number for text, number in zip(texts, look.symbols, strict=True) if number}
    return Query(
        kb=look.kb,
        observation=Observation.of(events, ids),
        config=SessionConfig(**config),
        tail=tail,
        last_pattern=look.last_pattern,
        texts_of=lambda wanted: {number: vocabulary[number] for number in wanted},
        vocabulary=lambda: vocabulary,
        forgotten=look.forgotten,
    )


def plan_of(engines: Engines) -> SqlPlan:
    return SqlPlan(engines.tables, PostingTables(engines._clickhouse))


def planned(engines: Engines, query: Query) -> Recalled:
    """As a planner asks: the plan as far as it goes, then the scan."""
    plan = plan_of(engines)
    covered = plan.covered(query)
    return Scan(engines.tables).extend(query, plan.best(query, covered), covered)


def carried(engines: Engines, query: Query) -> Sequences:
    """What ClickHouse has of all patterns."""
    return engines.tables.where(query.kb, "id < {end:UInt64}", {"end": query.first_of_tail})


def exhaustive(engines: Engines, query: Query, known: Known | None = None) -> Recalled:
    """Every pattern aligned."""
    look = Look(query)
    first = known.sequences if known else carried(engines, query)
    parts = [part.without(query.tail.forgotten) for part in [first, *query.tail.sequences]]
    found = [
        Recalled(
            candidates_of(part),
            part.names,
            align(query.observation, candidates_of(part), TokenMatcher()),
        )
        for part in parts
    ]
    every = Recalled.join([look.nothing(), *found])
    every = every.take(np.flatnonzero(qualifies(every.alignment, query.config.recall_threshold)))
    return every.take(best(every.alignment, every.candidates, query.limit))


def assert_same(one: Recalled, other: Recalled) -> None:
    assert one.candidates.ids.tolist() == other.candidates.ids.tolist()
    np.testing.assert_array_equal(one.names, other.names)
    for name in ("symbols", "offsets", "event_ends", "event_offsets"):
        np.testing.assert_array_equal(
            getattr(one.candidates, name), getattr(other.candidates, name)
        )
    for name in Alignment.__struct_fields__:
        np.testing.assert_array_equal(getattr(one.alignment, name), getattr(other.alignment, name))


SIZES = st.fixed_dictionaries(
    {
        "ends": st.sampled_from(((), (20,), (16, 64, 128), (250, 500))),
        "worth": st.sampled_from((ALWAYS, ALWAYS, ALWAYS, 0.3, 0.0)),
        "most": st.sampled_from((250_000,) * 10 + (40, 8)),
        "few": st.sampled_from((0, 0, 120, 1000)),
    }
)

CONFIGS = st.fixed_dictionaries(
    {
        "recall_threshold": st.sampled_from((0.1, 0.1, 1 / 3, 0.5, 2 / 3, 1.0)),
        "max_predictions": st.sampled_from((1, 3, 20, 100)),
    }
)


QUESTIONS = st.tuples(st.integers(0, 1 << 30), CONFIGS, SIZES)


def check(
    engines: Engines,
    kb: kato.KnowledgeBase,
    known: Known,
    question: tuple[int, dict[str, Any], dict[str, Any]],
) -> None:
    seed, config, sizes = question
    query = query_of(engines, kb, observation(Random(seed)), known, **config)
    assert plan_of(engines).covered(query) == 500
    with (
        patch.object(sample, "ENDS", sizes["ends"]),
        patch.multiple(sql_plan, WORTH=sizes["worth"], MOST_POSTINGS=sizes["most"]),
        patch.object(scan, "FEW", sizes["few"]),
        patch.object(rounds, "_of_sample", wraps=rounds._of_sample) as looks,
    ):
        found = planned(engines, query)
        assert looks.call_count <= 2
    assert_same(found, exhaustive(engines, query, known))


@pytest.mark.servers_deep
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(question=QUESTIONS)
def test_the_plan_answers_what_aligning_all_answers(
    memory: kato.Memory,
    stored: kato.KnowledgeBase,
    known: Known,
    question: tuple[int, dict[str, Any], dict[str, Any]],
) -> None:
    check(memory._engines, stored, known, question)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@settings(
    max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(question=QUESTIONS)
def test_the_plan_answers_what_aligning_all_answers_at_length(
    memory: kato.Memory,
    stored: kato.KnowledgeBase,
    known: Known,
    question: tuple[int, dict[str, Any], dict[str, Any]],
) -> None:
    check(memory._engines, stored, known, question)


@pytest.mark.parametrize(("distinct", "reads"), [(12, True), (900, False)])
def test_long_observations(
    memory: kato.Memory,
    stored: kato.KnowledgeBase,
    monkeypatch: pytest.MonkeyPatch,
    distinct: int,
    reads: bool,
) -> None:
    """A thousand symbols; too many different ones are not named in a statement."""
    chance = Random(3)
    events = [[f"s{int(chance.paretovariate(0.4)) % distinct}"] for _ in range(1000)]
    monkeypatch.setattr(sql_plan, "WORTH", ALWAYS)
    monkeypatch.setattr(sql_plan, "MOST_KEYS", 4096 if reads else 20)
    for threshold in (0.05, 0.1, 0.3):
        query = query_of(memory._engines, stored, events, recall_threshold=threshold)
        with patch.object(
            PostingTables, "read", autospec=True, side_effect=PostingTables.read
        ) as read:
            found = planned(memory._engines, query)
        assert (read.call_count > 0) == reads
        assert_same(found, exhaustive(memory._engines, query))
        assert len(found.candidates) or threshold == 0.3


@pytest.mark.parametrize(
    "config",
    [
        {"fuzzy_token_threshold": 0.8},
        {"use_token_matching": False},
        {"recall_threshold": 0.0},
        {"filter_pipeline": ("length",)},
    ],
    ids=str,
)
def test_other_modes_are_left_to_the_scan(
    memory: kato.Memory, stored: kato.KnowledgeBase, config: dict[str, Any]
) -> None:
    query = query_of(memory._engines, stored, [["p1"], ["p2"]], **config)
    assert plan_of(memory._engines).covered(query) == 0


def test_one_symbol_is_left_to_the_scan(memory: kato.Memory, stored: kato.KnowledgeBase) -> None:
    assert plan_of(memory._engines).covered(query_of(memory._engines, stored, [["p1"]])) == 0


def test_what_nobody_knows_is_found_nowhere(
    memory: kato.Memory, stored: kato.KnowledgeBase
) -> None:
    query = query_of(memory._engines, stored, [["nobody"], ["knows"]])
    assert plan_of(memory._engines).best(query, 500).candidates.ids.tolist() == []


def test_only_postings_are_read_where_symbols_are_rare(
    memory: kato.Memory, stored: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branches differ in what they read, or testing both would prove nothing."""
    monkeypatch.setattr(sample, "ENDS", (64,))
    query = query_of(memory._engines, stored, [["s1"], ["s77"]], recall_threshold=0.5)
    for worth, scans in ((ALWAYS, 0), (-1.0, 1)):
        monkeypatch.setattr(sql_plan, "WORTH", worth)
        with (
            patch.object(Scan, "further", autospec=True, side_effect=Scan.further) as scanned,
            patch.object(
                PostingTables, "read", autospec=True, side_effect=PostingTables.read
            ) as read,
        ):
            plan_of(memory._engines).best(query, 500)
        assert (scanned.call_count, read.call_count > 0) == (scans, not scans)


def test_a_guess_that_is_too_high_costs_a_second_round(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first patterns are better than all others: the sample promises too much."""
    kb.learn_many([["a"], ["b"], [f"x{i}"]] for i in range(20))
    kb.learn_many([["a"], [f"y{i}"], ["z"], [f"w{i}"]] for i in range(480))
    memory.flush()
    engines = memory._engines
    plan_of(engines).advance(number_of(engines, kb), 500)
    monkeypatch.setattr(sample, "ENDS", (40,))
    monkeypatch.setattr(sql_plan, "WORTH", ALWAYS)
    query = query_of(engines, kb, [["a"], ["b"]], max_predictions=10)
    with patch.object(rounds, "_of_sample", wraps=rounds._of_sample) as looks:
        found = plan_of(engines).best(query, plan_of(engines).covered(query))
    assert looks.call_count == 2
    assert_same(found, exhaustive(engines, query))


def test_forgotten_patterns_stay_hidden_when_they_are_purged(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_plan, "WORTH", ALWAYS)
    sequences: list[Events] = [[["a"], ["b"], [f"x{i}"]] for i in range(300)]
    kb.learn_many(sequences)
    memory.flush()
    number, plan, sink = number_of(engines, kb), plan_of(engines), PatternSink(engines._clickhouse)
    plan.advance(number, 300)
    forget(kb, sequences[:50])

    def purge() -> None:
        sink.purge(engines.journal.done_until())

    for turn in (memory.flush, purge, purge):
        query = query_of(engines, kb, [["a"], ["b"]])
        found = plan.best(query, plan.covered(query))
        assert found.candidates.ids.min() > 50
        assert_same(found, exhaustive(engines, query))
        turn()
    assert plan.covered(query) == 300


def test_coverage_is_of_the_snapshot(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    """A reader whose tail still holds patterns does not get them from the postings as well."""
    kb.learn_many([["a"], ["b"], [f"x{i}"]] for i in range(250))
    memory.flush()
    kb.learn_many([["a"], ["b"], [f"y{i}"]] for i in range(250))
    engines = memory._engines
    query, plan = query_of(engines, kb, [["a"], ["b"]]), plan_of(engines)
    memory.flush()
    plan.advance(number_of(engines, kb), 500)
    assert plan.covered(query) == 250
    assert plan.covered(query_of(engines, kb, [["a"], ["b"]])) == 500


def test_a_sample_grows_with_its_knowledge_base(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "ENDS", (10, 20, 40))
    samples, ends = Samples(memory._engines.tables), []
    for turn in range(5):
        kb.learn_many([["a"], [f"b{turn} {i}"]] for i in range(11))
        memory.flush()
        ends.append(samples.of(query_of(memory._engines, kb, [["a"], ["b"]])).until)
    assert ends == [10, 20, 20, 40, 40]
