"""Vectors as symbols: named by their bytes, learned with their event, found by distance."""

from __future__ import annotations

import math
import random
import secrets
import struct
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.tables import optimize

import kato
from kato.errors import InvalidConfig, InvalidVector
from kato.memory.engines import Engines
from kato.memory.learning import LessonBuilder, Material
from kato.model.vector import checked_vector

pytestmark = pytest.mark.servers_deep

Vector = list[float]


def name_of(vector: Sequence[float]) -> str:
    return "VCTR|" + sha1(struct.pack(f"<{len(vector)}d", *vector)).hexdigest()  # noqa: S324


def nearest(
    stored: list[Vector], vector: Vector, most: int = 3, distance: float = math.inf
) -> list[str]:
    """The names of the nearest of the same dimension, ties by name; all of them looked at."""
    found = {(math.dist(v, vector), name_of(v)) for v in stored if len(v) == len(vector)}
    return [name for d, name in sorted(found) if d <= distance][:most]


def learn(kb: kato.KnowledgeBase, *vectors: Vector) -> None:
    """Store vectors, each in a pattern of its own; none is named after its neighbours."""
    for vector in vectors:
        checked = checked_vector(vector).tolist()
        name = name_of(checked)
        builder = LessonBuilder()
        builder.add(Material([[name, "s"]], vectors={name: checked}))
        kb.learn_lesson(builder.lesson(), kato.SessionConfig())


def observed(kb: kato.KnowledgeBase, *vectors: Vector, **config: Any) -> list[str]:
    """The event that vectors alone make."""
    session = kato.Session(kb, **config)
    session.observe(vectors=vectors)
    return session.events[0]


def test_a_vector_is_a_symbol_of_its_own(kb: kato.KnowledgeBase) -> None:
    one, other = [1.0, -2.5], [3.0, 0.0]
    session = kato.Session(kb)
    session.observe(["b", "a"], vectors=[one, other])
    assert session.events == [[*sorted([name_of(one), name_of(other)]), "a", "b"]]


def test_equal_vectors_are_one_symbol(kb: kato.KnowledgeBase) -> None:
    assert observed(kb, [0.0, 1.0], [-0.0, 1.0], [0, 1]) == [name_of([0.0, 1.0])]


def test_a_vector_is_predicted_from(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    session = kato.Session(kb)
    session.observe(vectors=[[1.0, 2.0]])
    session.observe(["then"])
    name = session.learn()
    for _ in range(2):
        session.observe(vectors=[[1.0, 2.0]])
        [prediction] = session.predict()
        assert (prediction.name, prediction.future) == (name, [["then"]])
        assert prediction.matches == [name_of([1.0, 2.0])]
        session.clear()
        memory.flush()


def test_it_is_stored_by_the_learn_that_follows(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    session.observe(["s"], vectors=[[1.0, 2.0]])
    assert observed(kb, [1.0, 2.5]) == [name_of([1.0, 2.5])]
    session.learn()
    assert observed(kb, [1.0, 2.5]) == sorted([name_of([1.0, 2.5]), name_of([1.0, 2.0])])


@pytest.mark.parametrize("end", ["clear", "too short"])
def test_what_is_not_learned_is_not_stored(kb: kato.KnowledgeBase, end: str) -> None:
    session = kato.Session(kb)
    session.observe(vectors=[[1.0, 2.0]])
    if end == "clear":
        session.clear()
    else:
        assert session.learn() is None
    session.observe(["a"])
    session.observe(["b"])
    session.learn()
    assert observed(kb, [1.0, 2.5]) == [name_of([1.0, 2.5])]


def test_an_automatic_learn_stores(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, max_pattern_length=2)
    session.observe(vectors=[[1.0]])
    session.observe(["b"])
    assert observed(kb, [2.0]) == sorted([name_of([1.0]), name_of([2.0])])


def test_what_another_handle_stored_is_found_at_once(kb: kato.KnowledgeBase) -> None:
    session, other = kato.Session(kb, "one " + kb.name), kato.Session(kb, "one " + kb.name)
    session.observe(["s"], vectors=[[1.0]])
    other.learn()
    assert name_of([1.0]) in observed(kb, [2.0])


def test_neighbours_are_of_the_same_dimension_and_knowledge_base(
    memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    learn(memory.knowledge_base(kb.name + " other"), [1.0, 1.0])
    learn(kb, [1.0], [1.0, 2.0, 3.0])
    for _ in range(2):
        assert observed(kb, [1.0, 2.0]) == [name_of([1.0, 2.0])]
        memory.flush()


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.0, 2.0, None])
def test_neighbours_are_within_the_sessions_distance(
    kb: kato.KnowledgeBase, memory: kato.Memory, distance: float | None
) -> None:
    stored = [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]
    learn(kb, *stored)
    near = nearest(stored, [0.0, 0.0], distance=math.inf if distance is None else distance)
    for _ in range(2):
        assert observed(kb, [0.0, 0.0], vector_max_distance=distance) == sorted(near)
        memory.flush()


def test_ties_go_by_name(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    """The same numbers in another order: their squares sum up to the same, however one adds."""
    numbers = [0.1, 0.7, 0.3, 0.9, 1.1, 1.3, 0.6, 1.7, 1.9]
    shuffled = random.Random(7)
    stored = [shuffled.sample(numbers, len(numbers)) for _ in range(40)]
    origin = [0.0] * len(numbers)
    assert len({math.dist(vector, origin) for vector in stored}) == 1
    assert len({sum(x * x for x in vector) for vector in stored}) > 1
    learn(kb, *stored[:20])
    memory.flush()
    learn(kb, *stored[20:])
    expected = sorted({name_of(origin), *nearest(stored, origin)})
    assert observed(kb, origin) == expected
    memory.flush()
    assert observed(kb, origin) == expected


def test_a_forgotten_pattern_leaves_its_vector(kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    session = kato.Session(kb)
    session.observe(["s"], vectors=[[1.0]])
    kb.forget(session.learn() or "")
    assert kb.stats().patterns == 0
    for _ in range(2):
        assert name_of([1.0]) in observed(kb, [2.0])
        memory.flush()


def test_a_cleared_knowledge_base_has_no_vectors(
    kb: kato.KnowledgeBase, memory: kato.Memory
) -> None:
    learn(kb, [1.0])
    memory.flush()
    learn(kb, [1.5])
    kb.clear()
    for _ in range(2):
        assert observed(kb, [2.0]) == [name_of([2.0])]
        memory.flush()


@pytest.mark.parametrize("dimension", [1, 768, 5000])
def test_any_dimension(kb: kato.KnowledgeBase, memory: kato.Memory, dimension: int) -> None:
    stored = [[1 / 3 * i + j for j in range(dimension)] for i in range(5)]
    learn(kb, *stored)
    memory.flush()
    vector = [1.6 / 3 + j for j in range(dimension)]
    assert observed(kb, vector) == sorted([name_of(vector), *nearest(stored, vector)])


_number = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e-200, -1e-200, 1e200, 5e-324, 0.1, 1 / 3]),
)
_vectors = st.integers(1, 3).flatmap(
    lambda n: st.lists(st.lists(_number, min_size=n, max_size=n), max_size=8)
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=_vectors, after=_vectors, vector=st.lists(_number, min_size=1, max_size=3))
def test_neighbours_are_exact(
    memory: kato.Memory, before: list[Vector], after: list[Vector], vector: Vector
) -> None:
    """Wherever they lie, and the same before and after they are carried and merged."""
    kb = memory.knowledge_base(secrets.token_hex(8))
    learn(kb, *before)
    memory.flush()
    learn(kb, *after)
    stored = [[x + 0.0 for x in each] for each in [*before, *after]]
    given_vector = [x + 0.0 for x in vector]
    expected = sorted({name_of(given_vector), *nearest(stored, given_vector)})
    assert observed(kb, vector) == expected
    memory.flush()
    assert observed(kb, vector) == expected


def test_merging_changes_nothing(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    for i in range(4):
        learn(kb, [float(i), 0.1], [0.5, 0.5])
        memory.flush()
    before = observed(kb, [0.6, 0.6])
    optimize(engines)
    assert observed(kb, [0.6, 0.6]) == before
    assert len(before) == 4


@pytest.mark.parametrize(
    "vector",
    [
        [],
        [[1.0]],
        [math.nan],
        [math.inf],
        ["1"],
        "12",
        b"12",
        [1, None],
        1.0,
        [True],
        [1j],
        [[1], 2],
    ],
    ids=repr,
)
def test_what_is_no_vector_changes_nothing(kb: kato.KnowledgeBase, vector: Any) -> None:
    session = kato.Session(kb)
    session.observe(["a"])
    with pytest.raises(InvalidVector):
        session.observe(["b"], vectors=[[1.0], vector])
    assert (session.events, session.time) == ([["a"]], 1)


@pytest.mark.parametrize("distance", [-1, math.nan, "1", True])
def test_what_is_no_distance(kb: kato.KnowledgeBase, distance: Any) -> None:
    with pytest.raises(InvalidConfig, match="vector_max_distance"):
        kato.Session(kb, vector_max_distance=distance)
