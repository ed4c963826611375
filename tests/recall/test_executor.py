"""Filters compiled into statements let through, count and cut what they do in the process."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, permutations
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kato
from kato.memory.engines import Engines
from kato.model.config import SessionConfig
from kato.model.filter_names import FILTERS
from kato.recall.filters import Executor, Pipeline, executor
from kato.recall.query import Query, Recalled, StageReport, candidates_of
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.ledger.journal import Sequences

pytestmark = pytest.mark.servers_deep

LETTERS = "abcdefghijkl"
Events = list[list[str]]


class Overheard:
    """A recall that remembers what it is asked."""

    def __init__(self, recall: Any) -> None:
        self._recall = recall
        self.queries: list[Query] = []

    def recall(self, query: Query) -> Recalled:
        self.queries.append(query)
        answer: Recalled = self._recall.recall(query)
        return answer


def query_of(kb: kato.KnowledgeBase, observed: Events, config: SessionConfig) -> Query:
    predictor = kb._predictor
    overheard = Overheard(predictor._recall)
    predictor._recall = overheard
    try:
        kb.predict(observed)
    finally:
        predictor._recall = overheard._recall
    return msgspec.structs.replace(overheard.queries[0], config=config)


def sequence(rng: Random) -> Events:
    symbols = rng.choices(LETTERS, k=rng.randint(3, 9))
    if rng.random() < 0.3:
        return [sorted(symbols[:2]), *([symbol] for symbol in symbols[2:])]
    return [[symbol] for symbol in symbols]


def forget(kb: kato.KnowledgeBase, names: Sequence[str]) -> None:
    for name in names:
        kb.forget(name)


@pytest.fixture(scope="module")
def stored(memory: kato.Memory) -> kato.KnowledgeBase:
    """Patterns in ClickHouse and in the tail; deleted, hidden by tombstones and by the tail."""
    rng, kb = Random(3), memory.knowledge_base("executor")
    kb.clear()
    names = list(dict.fromkeys(kb.learn(sequence(rng)) or "" for _ in range(900)))
    forget(kb, names[0:600:30])
    memory.flush()
    engines = memory._engines
    PatternSink(engines._clickhouse).purge(engines.journal.done_until())
    forget(kb, names[1:600:30])
    memory.flush()
    fresh = [kb.learn(sequence(rng)) or "" for _ in range(150)]
    forget(kb, names[2:600:30])
    forget(kb, list(dict.fromkeys(name for name in fresh if name not in names))[:10])
    return kb


def everything(query: Query, engines: Engines) -> Sequences:
    """All patterns there are, past the filters."""
    plain = SessionConfig(filter_pipeline=())
    asked = msgspec.structs.replace(query, config=plain)
    blocks = list(Executor(asked, engines.tables).blocks(0, 1 << 20))
    ids = np.concatenate([block.ids for block in blocks])
    assert (np.diff(ids) > 0).all()
    return Sequences.join(blocks)


def counts(stages: Sequence[StageReport]) -> list[tuple[str, int, int, int]]:
    return [(s.filter, s.candidates_before, s.candidates_after, s.candidates_cut) for s in stages]


configurations = st.fixed_dictionaries(
    {
        "filter_pipeline": st.lists(st.sampled_from(FILTERS), min_size=1, max_size=5),
        "length_min_ratio": st.sampled_from([0, 0.0, 0.5, 1.0]),
        "length_max_ratio": st.sampled_from([1, 1.1, 1.5, 2.0, 1e308]),
        "jaccard_threshold": st.sampled_from([0, 0.2, 0.3, 1 / 3, 0.1 + 0.2, 0.5, 1.0]),
        "jaccard_min_overlap": st.integers(1, 3),
        "minhash_threshold": st.sampled_from([0, 0.3, 0.7]),
        "minhash_rows": st.sampled_from([1, 2, 5]),
        "recall_threshold": st.sampled_from([0, 0.1, 0.4, 0.5, 2 / 3, 1.0]),
        "fuzzy_token_threshold": st.sampled_from([0, 0, 0.5]),
        "use_token_matching": st.booleans(),
        "max_candidates_per_stage": st.sampled_from([100, 150, 300, 100_000]),
        "enable_filter_metrics": st.booleans(),
    }
)


def both(
    kb: kato.KnowledgeBase,
    engines: Engines,
    observed: Events,
    config: SessionConfig,
    size: int = 1 << 20,
) -> tuple[list[int], list[StageReport], list[int], list[StageReport]]:
    """Ids and reports: of the executor, then of the pipeline over all patterns."""
    query = query_of(kb, observed, config)
    compiled = Executor(query, engines.tables)
    ids = [number for block in compiled.blocks(0, size) for number in block.ids.tolist()]
    all_patterns = everything(query, engines)
    pipeline = Pipeline(query)
    expected = all_patterns.ids[pipeline.keeps(candidates_of(all_patterns))].tolist()
    return ids, compiled.stages, expected, pipeline.stages


@pytest.mark.servers_deep
@given(
    changes=configurations,
    observed=st.lists(st.sampled_from(LETTERS + "?!"), min_size=2, max_size=8),
    size=st.sampled_from([64, 200, 333, 1 << 20]),
)
@settings(deadline=None, max_examples=12)
def test_compiled_filters_are_the_filters(
    stored: kato.KnowledgeBase,
    memory: kato.Memory,
    changes: dict[str, Any],
    observed: list[str],
    size: int,
) -> None:
    config = SessionConfig().updated(**changes)
    events = [[symbol] for symbol in observed]
    ids, stages, expected, reports = both(stored, memory._engines, events, config, size)
    assert ids == expected
    assert counts(stages) == counts(reports)


@pytest.mark.servers_deep
@pytest.mark.parametrize("metrics", [True, False])
@pytest.mark.deep
def test_orders_leave_the_same(
    stored: kato.KnowledgeBase, memory: kato.Memory, metrics: bool
) -> None:
    answers = set()
    for names in islice(permutations(FILTERS), 0, None, 5):
        config = SessionConfig(
            filter_pipeline=names, minhash_threshold=0.4, enable_filter_metrics=metrics
        )
        query = query_of(stored, [["a"], ["b"], ["c"]], config)
        blocks = Executor(query, memory._engines.tables).blocks(0, 1 << 20)
        answers.add(tuple(number for block in blocks for number in block.ids.tolist()))
    (kept,) = answers
    assert kept


class Counting:
    """Tables that remember the statements that are asked of them."""

    def __init__(self, tables: Any) -> None:
        self._tables = tables
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def asked(*given: Any, **named: Any) -> Any:
            self.asked.append(name)
            return getattr(self._tables, name)(*given, **named)

        return asked if name in ("where", "counts", "id_behind") else getattr(self._tables, name)


@pytest.mark.parametrize(
    ("names", "metrics", "expected"),
    [
        (["length", "jaccard", "bloom"], True, ["counts", "where"]),
        (["length", "jaccard", "bloom"], False, ["where"]),
        (["length", "rapidfuzz", "jaccard"], True, ["counts", "where"]),
        (["length"], True, ["counts", "where"]),
        (["rapidfuzz", "length", "jaccard"], False, ["where"]),
    ],
)
def test_adjacent_filters_are_one_statement(
    stored: kato.KnowledgeBase,
    memory: kato.Memory,
    names: list[str],
    metrics: bool,
    expected: list[str],
) -> None:
    config = SessionConfig().updated(filter_pipeline=names, enable_filter_metrics=metrics)
    tables: Any = Counting(memory._engines.tables)
    run = Executor(query_of(stored, [["a"], ["b"], ["c"]], config), tables)
    assert any(len(block.ids) for block in run.blocks(0, 1 << 20))
    assert tables.asked == expected


class Reading:
    """Tables that remember how many patterns are read at a time."""

    def __init__(self, tables: Any) -> None:
        self._tables = tables
        self.read: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)

    def where(self, *given: Any, **named: Any) -> Sequences:
        block: Sequences = self._tables.where(*given, **named)
        self.read.append(len(block.ids))
        return block


def test_only_what_passes_is_read(stored: kato.KnowledgeBase, memory: kato.Memory) -> None:
    config = SessionConfig(filter_pipeline=("length", "jaccard"), jaccard_threshold=0.9)
    tables: Any = Reading(memory._engines.tables)
    query = query_of(stored, [["a"], ["b"], ["c"]], config)
    blocks = list(Executor(query, tables).blocks(0, 1 << 20))
    assert tables.read == [len(blocks[0].ids)]
    assert 0 < tables.read[0] < 100


def test_filters_that_are_not_counted_are_compiled_wherever_they_stand(
    stored: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    """One of an exact condition behind one that looks again: both leave out what ClickHouse can."""
    read: dict[bool, int] = {}
    for metrics in (True, False):
        config = SessionConfig(
            filter_pipeline=("rapidfuzz", "length"),
            length_min_ratio=1.0,
            length_max_ratio=1.0,
            enable_filter_metrics=metrics,
        )

        tables: Any = Reading(memory._engines.tables)
        list(Executor(query_of(stored, [["a"], ["b"], ["c"]], config), tables).blocks(0, 1 << 20))
        (read[metrics],) = tables.read
    assert 0 < read[False] < read[True] / 2


def test_many_forgotten_patterns_are_not_named_one_by_one(
    stored: kato.KnowledgeBase, memory: kato.Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SessionConfig(filter_pipeline=("length", "jaccard", "bloom"))
    observed = [["a"], ["b"], ["c"]]
    named = both(stored, memory._engines, observed, config)
    assert query_of(stored, observed, config).tail.forgotten
    monkeypatch.setattr(executor, "MOST_NAMED", 3)
    unnamed = both(stored, memory._engines, observed, config)
    assert named[0] == named[2] == unnamed[0]
    assert counts(named[1]) == counts(named[3]) == counts(unnamed[1])


def test_a_recall_says_what_its_filters_did(
    stored: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    config = SessionConfig(filter_pipeline=("length", "jaccard"))
    query = query_of(stored, [["a"], ["b"], ["c"]], config)
    recalled = stored._predictor._recall.recall(query)
    assert [stage.filter for stage in recalled.stages] == ["length", "jaccard"]
    assert all(stage.time_ms > 0 for stage in recalled.stages)
    assert recalled.stages[1].candidates_after == len(recalled.candidates)
    silent = msgspec.structs.replace(
        query, config=msgspec.structs.replace(config, enable_filter_metrics=False)
    )
    assert stored._predictor._recall.recall(silent).stages == []
