"""Filters and their pipeline: the original's cases, and section 5 read as plain Python."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cases import SYMBOLS, THRESHOLDS, UNKNOWN_SYMBOLS, events
from tests.examples import Example, case_id, examples
from tests.recall.test_minhash import plain_bands, plain_signature
from tests.reference import (
    character_ratio,
    flat,
    matching_blocks,
    rewritten,
    token_similarity,
)

from kato.errors import InvalidConfig
from kato.matching import Candidates, Observation
from kato.model.config import SessionConfig
from kato.model.filter_names import FILTERS as CONFIGURED
from kato.recall.filters import FILTERS, Pipeline, StageReport, run_pipeline
from kato.recall.query import Query
from kato.storage.ledger.tail import TailView

Events = list[list[str]]


class Store:
    """Patterns of text, with ids for them and their symbols."""

    def __init__(self, patterns: Sequence[Events]) -> None:
        self.patterns = list(patterns)
        self.texts = dict(enumerate(sorted({s for p in patterns for s in flat(p)}), 1))
        self.ids = {text: number for number, text in self.texts.items()}
        self.candidates = Candidates.of(
            (number, [[self.ids[symbol] for symbol in event] for event in pattern])
            for number, pattern in enumerate(self.patterns, 1)
        )

    def query(self, observed: Events, config: SessionConfig) -> Query:
        return Query(
            kb=1,
            observation=Observation.of(observed, self.ids),
            config=config,
            tail=TailView([], set(), {}, {}),
            last_pattern=len(self.patterns),
            texts_of=self.texts_of,
            vocabulary=lambda: self.texts,
        )

    def texts_of(self, ids: Sequence[int]) -> Mapping[int, str]:
        return {number: self.texts[number] for number in ids}

    def kept(self, name: str, observed: Events, config: SessionConfig) -> list[bool]:
        """What one filter says of each pattern."""
        mask = FILTERS[name]().keeps(self.query(observed, config), self.candidates)
        assert mask.dtype == np.bool_
        found: list[bool] = mask.tolist()
        return found


def counts(stages: Sequence[StageReport]) -> list[tuple[str, int, int]]:
    return [(s.filter, s.candidates_before, s.candidates_after) for s in stages]


# The original's cases


@dataclass(frozen=True)
class Change:
    """What a decision changes: survivors and the patterns after each stage.

    The patterns are abc, xy, az and abcde; the memory is ab.
    """

    decision: str
    survivors: tuple[str, ...]
    stages: tuple[int, ...]


CHANGES = {
    # length: 1 to 4 symbols, so abcde is out; of the rest xy has neither a nor b.
    "filter-11": Change("Q13", ("abc", "az"), (3, 2)),
    # xy has neither a nor b.
    "filter-12": Change("Q13", ("abc", "az", "abcde"), (3,)),
    # In-process stages need no SQL stage before them; abc 2*2/5, az 2*1/4, abcde 2*2/7; xy 0 < 0.1.
    "filter-13": Change("any order", ("abc", "az", "abcde"), (3,)),
    # Zero means zero: xy, at similarity 0, is not below the threshold.
    "filter-14": Change("Q14", ("abc", "xy", "az"), (3, 3)),
}


def written(pattern: str) -> str:
    return json.dumps([[symbol] for symbol in pattern])


def expected_of(case: Example) -> tuple[set[str], list[tuple[str, int]]]:
    change, output = CHANGES.get(case["id"]), case["output"]
    if change is None:
        stages = [(stage["filter"], stage["candidates_after"]) for stage in output["stages"]]
        return set(output["survivors"]), stages
    names = case["input"]["session_config"]["filter_pipeline"]
    survivors = {written(pattern) for pattern in change.survivors}
    return survivors, list(zip(names, change.stages, strict=True))


@pytest.mark.parametrize("case", examples("filter"), ids=case_id)
def test_filters_as_the_original_or_as_decided(case: Example) -> None:
    store = Store(case["input"]["kb"])
    config = SessionConfig().updated(**case["input"]["session_config"])
    observed = [[symbol] for symbol in case["input"]["state"]]
    found = run_pipeline(store.query(observed, config), store.candidates)
    survivors, stages = expected_of(case)
    kept = zip(store.patterns, found.keeps, strict=True)
    assert {json.dumps(pattern) for pattern, keep in kept if keep} == survivors
    assert [(stage.filter, stage.candidates_after) for stage in found.stages] == stages


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_decided_differs_from_the_original(name: str) -> None:
    original = next(case["output"] for case in examples("filter") if case["id"] == name)
    assert {written(pattern) for pattern in CHANGES[name].survivors} != set(original["survivors"])


# Each filter against a plain reading of its condition


def plain_length(observed: list[str], pattern: list[str], config: SessionConfig) -> bool:
    shortest = max(1, math.floor(len(observed) * config.length_min_ratio))
    return shortest <= len(pattern) <= math.floor(len(observed) * config.length_max_ratio)


def plain_jaccard(observed: list[str], pattern: list[str], config: SessionConfig) -> bool:
    shared = set(observed) & set(pattern)
    union = set(observed) | set(pattern)
    enough = len(shared) >= config.jaccard_min_overlap
    return enough and len(shared) / len(union) >= config.jaccard_threshold


def plain_minhash(observed: list[str], pattern: list[str], config: SessionConfig) -> bool:
    size, rows, bands = config.minhash_num_hashes, config.minhash_rows, config.minhash_bands
    if bands * rows != size:
        bands = size // rows
    mine, its = plain_signature(observed, size), plain_signature(pattern, size)
    if not set(plain_bands(mine, bands, rows)) & set(plain_bands(its, bands, rows)):
        return False
    equal = sum(one == other for one, other in zip(mine, its, strict=True))
    return equal / size >= config.minhash_threshold


def plain_bloom(observed: list[str], pattern: list[str], config: SessionConfig) -> bool:
    return not set(observed).isdisjoint(pattern)


def plain_rapidfuzz(observed: list[str], pattern: list[str], config: SessionConfig) -> bool:
    memory = observed
    if config.fuzzy_token_threshold > 0:
        memory = rewritten(pattern, observed, config.fuzzy_token_threshold)
    if config.use_token_matching:
        similarity = token_similarity(pattern, memory)
    else:
        similarity = character_ratio(" ".join(pattern), " ".join(memory))
    if config.recall_threshold == 0:
        return True
    return similarity >= config.recall_threshold and bool(matching_blocks(pattern, memory))


Plain = Callable[[list[str], list[str], SessionConfig], bool]
PLAIN: dict[str, Plain] = {
    "length": plain_length,
    "jaccard": plain_jaccard,
    "minhash": plain_minhash,
    "bloom": plain_bloom,
    "rapidfuzz": plain_rapidfuzz,
}

stores = st.lists(events(), min_size=1, max_size=6).map(Store)
observations = events(SYMBOLS + UNKNOWN_SYMBOLS)
sizes = st.sampled_from(
    [(100, 20, 5), (100, 100, 1), (64, 32, 2), (10, 7, 3), (256, 20, 4), (128, 20, 5)]
)


@st.composite
def configurations(draw: st.DrawFn) -> SessionConfig:
    hashes, bands, rows = draw(sizes)
    return SessionConfig().updated(
        filter_pipeline=draw(st.lists(st.sampled_from(CONFIGURED), max_size=4)),
        recall_threshold=draw(st.sampled_from(THRESHOLDS)),
        use_token_matching=draw(st.booleans()),
        fuzzy_token_threshold=draw(st.sampled_from((0.0, 0.0, 0.5, 2 / 3, 1.0))),
        length_min_ratio=draw(st.sampled_from((0.0, 0.3, 0.5, 1.0))),
        length_max_ratio=draw(st.sampled_from((1.0, 1.1, 1.5, 2, 1e300))),
        jaccard_threshold=draw(st.sampled_from(THRESHOLDS)),
        jaccard_min_overlap=draw(st.integers(1, 3)),
        minhash_threshold=draw(st.sampled_from((0.0, 0.1, 0.3, 0.5, 1.0))),
        minhash_num_hashes=hashes,
        minhash_bands=bands,
        minhash_rows=rows,
    )


@pytest.mark.parametrize("name", CONFIGURED)
@given(store=stores, observed=observations, config=configurations())
@settings(deadline=None)
def test_a_filter_is_its_condition(
    name: str, store: Store, observed: Events, config: SessionConfig
) -> None:
    plain = PLAIN[name]
    expected = [plain(flat(observed), flat(pattern), config) for pattern in store.patterns]
    assert store.kept(name, observed, config) == expected


def test_every_configurable_filter_is_there() -> None:
    assert tuple(FILTERS) == CONFIGURED
    assert [FILTERS[name]().name for name in FILTERS] == list(FILTERS)


# Zero means zero (Q14)

LETTERS = Store([[[symbol] for symbol in pattern] for pattern in ("ab", "abc", "xy", "a" * 30)])


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        # 10 * 0.5 = 5 symbols at least by default, 1 at zero; 20 at most.
        ("length", {}, [False, False, False, False]),
        ("length", {"length_min_ratio": 0.0}, [True, True, True, False]),
        ("length", {"length_min_ratio": 0, "length_max_ratio": 1e100}, [True] * 4),
        # Of 12 symbols together ab shares 2 of 11, abc 2 of 12, aaa... 1 of 10 with abefghijkl.
        ("jaccard", {"jaccard_min_overlap": 1}, [False, False, False, False]),
        ("jaccard", {"jaccard_min_overlap": 1, "jaccard_threshold": 0}, [True, True, False, True]),
        ("rapidfuzz", {"recall_threshold": 0}, [True] * 4),
        # 2*2/12, 2*2/13, 0, 2*1/40.
        ("rapidfuzz", {"recall_threshold": 0.1}, [True, True, False, False]),
    ],
)
def test_zero_is_honoured(name: str, config: dict[str, Any], expected: list[bool]) -> None:
    observed = [[symbol] for symbol in "abefghijkl"]
    assert LETTERS.kept(name, observed, SessionConfig().updated(**config)) == expected


def test_a_threshold_of_zero_leaves_the_bands_to_decide() -> None:
    # {a, b} of {a, b, c}: J = 2/3, below the default threshold of 0.7 and often with a band.
    observed = [["a"], ["b"]]
    assert LETTERS.kept("minhash", observed, SessionConfig()) == [True, False, False, False]
    loose = SessionConfig(minhash_threshold=0.0, minhash_bands=100, minhash_rows=1)
    assert LETTERS.kept("minhash", observed, loose) == [True, True, False, True]


def test_minhash_refuses_rows_beyond_the_signature() -> None:
    with pytest.raises(InvalidConfig, match="minhash_rows"):
        LETTERS.kept("minhash", [["a"]], SessionConfig(minhash_rows=20, minhash_num_hashes=10))


def test_an_unknown_symbol_counts_among_the_observed() -> None:
    # ab of {a, b, q, r, s, t, u}: 2 / 7 is below 0.3; of {a, b, q, r, s, t} it is 1/3.
    config = SessionConfig()
    assert not LETTERS.kept("jaccard", [[symbol] for symbol in "abqrstu"], config)[0]
    assert LETTERS.kept("jaccard", [[symbol] for symbol in "abqrst"], config)[0]


def test_a_symbol_may_hold_anything() -> None:
    store = Store([[["it's"], ["\\"]], [["';DROP"], ["é"]]])
    for name in CONFIGURED:
        config = SessionConfig(recall_threshold=0.5)
        assert store.kept(name, [["it's"], ["\\"]], config)[0], name


# The pipeline


@given(store=stores, observed=observations, config=configurations())
@settings(deadline=None)
def test_a_pipeline_keeps_what_every_filter_keeps(
    store: Store, observed: Events, config: SessionConfig
) -> None:
    kept = np.ones(len(store.patterns), np.bool_)
    for name in config.filter_pipeline:
        kept &= store.kept(name, observed, config)
    found = run_pipeline(store.query(observed, config), store.candidates)
    assert found.keeps.tolist() == kept.tolist()


@pytest.mark.parametrize("order", list(itertools.permutations(CONFIGURED)))
def test_any_order_leaves_the_same(order: tuple[str, ...]) -> None:
    config = SessionConfig(filter_pipeline=order, minhash_threshold=0.5, jaccard_min_overlap=1)
    found = run_pipeline(LETTERS.query([["a"], ["b"]], config), LETTERS.candidates)
    assert found.keeps.tolist() == [True, True, False, False]
    assert [stage.filter for stage in found.stages] == list(order)


def test_stages_report_what_went_in_and_out() -> None:
    config = SessionConfig(filter_pipeline=("length", "bloom", "jaccard"))
    found = run_pipeline(LETTERS.query([["a"], ["b"]], config), LETTERS.candidates)
    # 1 to 4 symbols; a or b; 2 shared.
    assert counts(found.stages) == [("length", 4, 3), ("bloom", 3, 2), ("jaccard", 2, 2)]
    assert all(stage.time_ms > 0 and stage.candidates_cut == 0 for stage in found.stages)


def test_no_survivors_end_the_pipeline() -> None:
    config = SessionConfig(filter_pipeline=("jaccard", "length"))
    found = run_pipeline(LETTERS.query([["q"], ["r"]], config), LETTERS.candidates)
    assert counts(found.stages) == [("jaccard", 4, 0)]


def test_an_empty_pipeline_keeps_all_and_has_no_stages() -> None:
    found = run_pipeline(LETTERS.query([["q"]], SessionConfig()), LETTERS.candidates)
    assert found.keeps.all()
    assert found.stages == []


@pytest.mark.parametrize("name", CONFIGURED)
def test_no_candidates_are_no_fault(name: str) -> None:
    config = SessionConfig(filter_pipeline=(name,))
    found = run_pipeline(LETTERS.query([["a"], ["b"]], config), Candidates.empty())
    assert found.keeps.tolist() == []
    assert counts(found.stages) == [(name, 0, 0)]


def test_reports_can_be_switched_off() -> None:
    config = SessionConfig(filter_pipeline=("bloom",), enable_filter_metrics=False)
    found = run_pipeline(LETTERS.query([["a"], ["b"]], config), LETTERS.candidates)
    assert found.keeps.tolist() == [True, True, False, True]
    assert found.stages == []


def test_a_failing_stage_fails_the_call() -> None:
    class StoreDownError(Exception):
        pass

    def down(ids: Sequence[int]) -> Mapping[int, str]:
        raise StoreDownError

    config = SessionConfig(filter_pipeline=("length", "minhash"))
    broken = msgspec.structs.replace(LETTERS.query([["a"], ["b"]], config), texts_of=down)
    with pytest.raises(StoreDownError):
        run_pipeline(broken, LETTERS.candidates)


# The limit of a stage

MANY = Store([[["a"], ["b" if number % 3 else "c"]] for number in range(400)])


def limited(names: Sequence[str], most: int = 100) -> Query:
    config = SessionConfig().updated(filter_pipeline=names, max_candidates_per_stage=most)
    return MANY.query([["a"], ["b"]], config)


def in_blocks(query: Query, size: int) -> tuple[list[bool], Pipeline]:
    pipeline = Pipeline(query)
    blocks = np.split(np.arange(len(MANY.candidates)), range(size, len(MANY.candidates), size))
    masks = [pipeline.keeps(MANY.candidates.take(block)) for block in blocks]
    return np.concatenate(masks).tolist(), pipeline


def test_a_stage_lets_the_smallest_ids_through() -> None:
    found = run_pipeline(limited(["jaccard"]), MANY.candidates)
    # Every pattern but those of a multiple of three.
    meeting = [number for number in range(400) if number % 3]
    assert np.flatnonzero(found.keeps).tolist() == meeting[:100]
    stage = found.stages[0]
    assert (stage.candidates_before, stage.candidates_after) == (400, 100)
    assert stage.candidates_cut == len(meeting) - 100


def test_the_next_stage_sees_only_what_was_let_through() -> None:
    found = run_pipeline(limited(["bloom", "jaccard"]), MANY.candidates)
    assert np.flatnonzero(found.keeps).tolist() == [n for n in range(100) if n % 3]
    assert counts(found.stages) == [("bloom", 400, 100), ("jaccard", 100, 66)]


@pytest.mark.parametrize("size", [1, 7, 99, 100, 101, 399, 400])
@pytest.mark.parametrize("names", [["jaccard"], ["bloom", "jaccard"], list(CONFIGURED)])
def test_blocks_share_one_limit(names: list[str], size: int) -> None:
    whole = run_pipeline(limited(names), MANY.candidates)
    mask, pipeline = in_blocks(limited(names), size)
    assert mask == whole.keeps.tolist()
    assert counts(pipeline.stages) == counts(whole.stages)
    cut = [stage.candidates_cut for stage in whole.stages]
    assert [stage.candidates_cut for stage in pipeline.stages] == cut


def test_what_is_cut_is_logged_once() -> None:
    with structlog.testing.capture_logs() as logs:
        in_blocks(limited(["bloom"]), 50)
    assert [(log["filter"], log["max_candidates_per_stage"]) for log in logs] == [("bloom", 100)]


def test_a_limit_that_is_just_reached_cuts_nothing() -> None:
    with structlog.testing.capture_logs() as logs:
        found = run_pipeline(limited(["bloom"], most=400), MANY.candidates)
    assert found.keeps.all()
    assert found.stages[0].candidates_cut == 0
    assert logs == []


# What a filter remembers belongs to one query


@pytest.mark.parametrize(
    ("name", "config"),
    [("minhash", {}), ("rapidfuzz", {"fuzzy_token_threshold": 0.6, "recall_threshold": 1.0})],
)
def test_a_filter_forgets_the_query_before(name: str, config: dict[str, Any]) -> None:
    one, other = Store([[["cat"], ["dog"]]]), Store([[["cow"], ["hen"]]])
    stage, settings_ = FILTERS[name](), SessionConfig(**config)
    for store, observed, expected in (
        (one, [["cat"], ["dog"]], True),
        (other, [["cat"], ["dog"]], False),
        (other, [["cow"], ["hen"]], True),
    ):
        query = store.query(observed, settings_)
        for _ in range(2):
            assert stage.keeps(query, store.candidates).tolist() == [expected]
