"""The compiled kernels and what stands in their place, on random knowledge bases and memories.

The reference of the tests shares no line with either, and both are held against it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cases import SYMBOLS, configurations, events, memories, observations
from tests.closeness import assert_as_reference
from tests.pipeline import Encoded, predict
from tests.plain.sameness import assert_same
from tests.recall.test_filters import Store
from tests.reference import ReferenceMemory, flat, lcs_length, matching_blocks

from kato.matching import Alignment, Observation, align
from kato.metrics import Arithmetic
from kato.model.config import SessionConfig
from kato.plain import similarity
from kato.plain.alignment import Aligner
from kato.plain.comparison import compare
from kato.plain.filters import PLAIN_FILTERS
from kato.plain.measures import measure
from kato.recall.filters import FILTERS
from kato.recall.query import Query
from kato.storage.ledger.tail import TailView

Events = list[list[str]]

PLAIN = Arithmetic(measure, compare)


def query_of(encoded: Encoded, observation: Observation, config: dict[str, Any]) -> Query:
    return Query(
        kb=1,
        observation=observation,
        config=SessionConfig(**config),
        tail=TailView([], set(), {}, {}),
        last_pattern=len(encoded.patterns),
        texts_of=lambda ids: {number: encoded.texts[number] for number in ids},
        vocabulary=lambda: encoded.texts,
    )


@settings(max_examples=40, deadline=None)
@given(memory=memories(), observed=observations(), config=configurations())
def test_alignments_are_equal_to_the_last_bit(
    memory: ReferenceMemory, observed: Events, config: dict[str, Any]
) -> None:
    encoded = Encoded(memory)
    observation = Observation.of(observed, encoded.ids)
    if len(observation) < 2 or not encoded.patterns:
        return
    query = query_of(encoded, observation, config)
    fast = align(observation, encoded.candidates, encoded.matcher(observation, config))
    plain = Aligner(query).align(encoded.candidates)
    for name in Alignment.__struct_fields__:
        one, other = getattr(fast, name), getattr(plain, name)
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist(), name


@settings(max_examples=40, deadline=None)
@given(memory=memories(), observed=observations(), config=configurations())
def test_answers_are_the_same_and_the_references(
    memory: ReferenceMemory, observed: Events, config: dict[str, Any]
) -> None:
    plain = predict(memory, observed, PLAIN, **config)
    assert_same(predict(memory, observed, **config), plain, config["rank_sort_algo"])
    assert_as_reference(plain, memory, observed, **config)


@pytest.mark.deep
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(memory=memories(20), observed=observations(12), config=configurations())
def test_answers_are_the_same_in_depth(
    memory: ReferenceMemory, observed: Events, config: dict[str, Any]
) -> None:
    plain = predict(memory, observed, PLAIN, **config)
    assert_same(predict(memory, observed, **config), plain, config["rank_sort_algo"])
    assert_as_reference(plain, memory, observed, **config)


@settings(max_examples=60, deadline=None)
@given(pattern=st.lists(st.integers(0, 4)), memory=st.lists(st.integers(0, 4)))
def test_similarity_is_the_references(pattern: list[int], memory: list[int]) -> None:
    assert similarity.subsequence_length(pattern, memory) == lcs_length(pattern, memory)
    assert similarity.matching_blocks(pattern, memory) == matching_blocks(pattern, memory)


@pytest.mark.parametrize("name", PLAIN_FILTERS)
@settings(max_examples=25, deadline=None)
@given(
    patterns=st.lists(events().filter(lambda e: len(flat(e)) > 1), min_size=1, max_size=6),
    observed=events(SYMBOLS).filter(lambda e: len(flat(e)) > 1),
    least=st.sampled_from((0.0, 0.2, 0.4, 2 / 3, 1.0)),
    shape=st.sampled_from(((20, 5, 100), (50, 2, 100), (3, 4, 13))),
)
def test_filters_keep_the_same(
    name: str, patterns: list[Events], observed: Events, least: float, shape: tuple[int, int, int]
) -> None:
    store, (bands, rows, hashes) = Store(patterns), shape
    config = SessionConfig(
        recall_threshold=least,
        jaccard_threshold=least,
        minhash_threshold=least,
        minhash_bands=bands,
        minhash_rows=rows,
        minhash_num_hashes=hashes,
    )
    query = store.query(observed, config)
    fast = FILTERS[name]().keeps(query, store.candidates)
    plain = PLAIN_FILTERS[name]().keeps(query, store.candidates)
    assert plain.dtype == np.bool_
    assert fast.tolist() == plain.tolist()


# A process of its own: in this one, other tests have compiled.
PROGRAM = """
import gc, tempfile
from numba.core.dispatcher import Dispatcher
import kato

with tempfile.TemporaryDirectory() as folder, kato.open(folder) as memory:
    memory.prepare()
    kb = memory.knowledge_base("any")
    kb.learn_many([["a"], [f"b{i}"], ["c", "d"]] for i in range(8))
    memory.flush()
    kb.learn([["a"], ["c"]])
    for config in (
        {},
        {"use_token_matching": False},
        {"fuzzy_token_threshold": 0.5, "affinity_emotive": "joy"},
        {"filter_pipeline": ["length", "jaccard", "minhash", "bloom", "rapidfuzz"]},
    ):
        assert kb.predict([["a"], ["c", "d"]], **config)
        assert kb.predict([["a"]], **config)
kernels = [found for found in gc.get_objects() if isinstance(found, Dispatcher)]
assert len(kernels) > 10
print(sorted(kernel.__name__ for kernel in kernels if kernel.signatures))
"""


def test_nothing_compiled_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KATO_PLAIN", "kernels")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
