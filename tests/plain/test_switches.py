"""Each switch on and off, side by side over the same stores."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cases import configurations
from tests.memory.test_against_reference import KINDS, Both
from tests.plain.sameness import assert_same, built_in
from tests.recall.test_executor import query_of
from tests.storage.stores import Backend

import kato
from kato.errors import InvalidConfig
from kato.memory.algorithms import Algorithms
from kato.memory.engines import Engines
from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.predicting import Predictor
from kato.model.config import SessionConfig
from kato.model.filter_names import FILTERS
from kato.plain.stages import StageByStage
from kato.recall.filters import Executor, StageReport
from kato.recall.query import Recalled
from kato.recall.scan import Scan
from kato.settings import PLAIN_PARTS, PlainPart, Settings
from kato.storage.ledger.tail import Tail

Events = list[list[str]]

CHOICES = [(part,) for part in PLAIN_PARTS] + [PLAIN_PARTS]

OVER_STORES = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plainly(engines: Engines, name: str, plain: tuple[PlainPart, ...]) -> KnowledgeBase:
    """The knowledge base, answered for as the settings would have it."""
    algorithms, tables = Algorithms(plain), engines.tables
    scan = Scan(tables, filtering=algorithms.filtering)
    predictor = Predictor(
        algorithms.counters(engines.connection, engines.limits),
        Tail(),
        # The planner scans for filters, with those of the memory; here, with those chosen.
        algorithms.recall(scan if "filters" in plain else engines.planner, tables),
        tables,
        engines.writer.step,
        algorithms.arithmetic,
    )
    return KnowledgeBase(name, engines, predictor)


QUICK = ("crowds", "words")
"""What the suite has room for."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(k, marks=() if k in QUICK else pytest.mark.deep) for k in KINDS],
)
def both(request: pytest.FixtureRequest, memory: kato.Memory, backend: Backend) -> Both:
    both = Both(memory, f"plain {request.param} {backend.name}", request.param)
    for name in list(both.reference.patterns)[5::20]:
        both.kb.forget(name)
        both.reference.forget(name)
    return both


@pytest.fixture(params=CHOICES, ids=",".join)
def slow(request: pytest.FixtureRequest, both: Both, memory: kato.Memory) -> KnowledgeBase:
    """The same knowledge base with one switch on, or all."""
    return plainly(memory._engines, both.kb.name, request.param)


@st.composite
def filtered_configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Filters in any order or none, and thresholds that let some patterns through."""
    names = draw(st.lists(st.sampled_from(FILTERS), max_size=3, unique=True))
    return {
        **draw(configurations()),
        "filter_pipeline": names,
        "jaccard_threshold": draw(st.sampled_from((0.1, 0.3))),
        "minhash_threshold": 0.1,
        "minhash_rows": 2,
        "max_candidates_per_stage": draw(st.sampled_from((100, 100_000))),
        "enable_filter_metrics": draw(st.booleans()),
    }


@OVER_STORES
@given(seed=st.integers(0, 1 << 30), config=filtered_configurations())
def test_answers_are_the_same(
    both: Both, slow: KnowledgeBase, seed: int, config: dict[str, Any]
) -> None:
    check(both, slow, seed, config)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@settings(OVER_STORES, max_examples=500)
@given(seed=st.integers(0, 1 << 30), config=filtered_configurations())
def test_many_answers_are_the_same(
    both: Both, slow: KnowledgeBase, seed: int, config: dict[str, Any]
) -> None:
    check(both, slow, seed, config)


def check(both: Both, slow: KnowledgeBase, seed: int, config: dict[str, Any]) -> None:
    """Ask for a sequence like those learned, of both."""
    observed = both.make(random.Random(seed))
    fast_answer = built_in(both.kb.predict(observed, **config))
    plain_answer = built_in(slow.predict(observed, **config))
    assert_same(fast_answer, plain_answer, config["rank_sort_algo"])


def told(found: Recalled) -> list[StageReport]:
    """What stages did, whatever time it took."""
    return [
        StageReport(s.filter, s.candidates_before, s.candidates_after, s.candidates_cut)
        for s in found.stages
    ]


@pytest.mark.parametrize("most", [7, 100_000])
@pytest.mark.parametrize(
    "names",
    [
        ("length", "jaccard", "minhash", "bloom", "rapidfuzz"),
        ("rapidfuzz", "length"),
        ("minhash", "jaccard"),
    ],
    ids=",".join,
)
def test_stages_tell_the_same(
    both: Both,
    memory: kato.Memory,
    names: tuple[str, ...],
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kato.plain.stages.MOST", 50)  # several blocks of a few patterns each
    config = SessionConfig(
        filter_pipeline=names,
        max_candidates_per_stage=most,
        enable_filter_metrics=True,
        jaccard_threshold=0.1,
        minhash_threshold=0.1,
        minhash_rows=2,
    )
    observed = next(iter(both.reference.patterns.values()))["events"]
    query = query_of(both.kb, observed, config)
    fused = Scan(memory._engines.tables, filtering=Executor).recall(query)
    single = Scan(memory._engines.tables, filtering=StageByStage).recall(query)
    assert told(single) == told(fused)
    assert told(single)
    assert single.candidates.ids.tolist() == fused.candidates.ids.tolist()


def test_every_pattern_is_read(both: Both, memory: kato.Memory) -> None:
    """No bound leaves a pattern out: the plain scan's trace says how many it read."""
    observed = both.make(random.Random(3))
    explanation = plainly(memory._engines, both.kb.name, ("recall",)).explain(observed)
    read = sum(step.rows_read for step in explanation.steps if step.name == "scan")
    assert read == len(both.reference.patterns)


@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
def test_small_ensembles_and_one_symbol(both: Both, memory: kato.Memory, threshold: float) -> None:
    chance = random.Random(4)
    slow = plainly(memory._engines, both.kb.name, PLAIN_PARTS)
    for observed in (both.make(chance), both.make(chance)[:1]):
        for limit in (1, 4):
            config: dict[str, Any] = {"recall_threshold": threshold, "max_predictions": limit}
            fast = built_in(both.kb.predict(observed, **config))
            assert_same(fast, built_in(slow.predict(observed, **config)))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("all", PLAIN_PARTS),
        ("batches, Recall", ("recall", "batches")),
        ("kernels,kernels,", ("kernels",)),
        ("filters,all", PLAIN_PARTS),
    ],
)
def test_the_setting(text: str, parts: tuple[PlainPart, ...]) -> None:
    assert Settings.from_environment({"KATO_PLAIN": text}).plain == parts


def test_a_name_that_is_none() -> None:
    with pytest.raises(
        InvalidConfig, match="recall, kernels, filters, batches or all, got 'index'"
    ):
        Settings.from_environment({"KATO_PLAIN": "recall,index"})
