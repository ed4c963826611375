"""The kernels against the specification as a program."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.cases import SYMBOLS, UNKNOWN_SYMBOLS, configurations, memories, observations
from tests.closeness import assert_as_reference
from tests.pipeline import predict
from tests.reference import ReferenceMemory

Events = list[list[str]]
Case = tuple[ReferenceMemory, Events, dict[str, Any]]


def check(memory: ReferenceMemory, observed: Events, config: dict[str, Any]) -> None:
    assert_as_reference(predict(memory, observed, **config), memory, observed, **config)


@given(memory=memories(), observed=observations(), config=configurations())
@settings(max_examples=300, deadline=None)
def test_a_prediction_is_the_references(
    memory: ReferenceMemory, observed: Events, config: dict[str, Any]
) -> None:
    check(memory, observed, config)


@pytest.mark.deep
@given(memory=memories(20), observed=observations(12), config=configurations())
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_prediction_is_the_references_in_depth(
    memory: ReferenceMemory, observed: Events, config: dict[str, Any]
) -> None:
    check(memory, observed, config)


def random_case(rng: random.Random, longest: int) -> Case:
    """Long memories need bit masks of several words, and repeat the few symbols many times."""

    def sequence(symbols: tuple[str, ...], most: int) -> Events:
        length = rng.randint(1, most)
        return [rng.choices(symbols, k=rng.choice((1, 1, 1, 2, 5))) for _ in range(length)]

    memory = ReferenceMemory()
    vocabulary = (*SYMBOLS, *(f"s{number}" for number in range(rng.choice((0, 20, 200)))))
    for _ in range(rng.randint(1, 6)):
        memory.learn(sequence(vocabulary, longest), [{"joy": rng.uniform(-1, 1)}])
    config = {
        "recall_threshold": rng.choice((0.0, 0.1, 0.4)),
        "fuzzy_token_threshold": rng.choice((0.0, 0.0, 0.7)),
        "use_token_matching": rng.random() < 0.8,
        "affinity_emotive": rng.choice((None, "joy")),
        "max_predictions": rng.choice((1, 100)),
    }
    return memory, sequence(vocabulary + UNKNOWN_SYMBOLS, longest), config


@pytest.mark.parametrize("seed", range(12))
def test_long_memories_and_patterns(seed: int) -> None:
    check(*random_case(random.Random(seed), 90))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_long_memories_and_patterns_in_depth(seed: int) -> None:
    check(*random_case(random.Random(seed), 150))


def test_many_short_memories_and_patterns() -> None:
    rng = random.Random(7)
    for number in range(300):
        check(*random_case(rng, 60 if number % 20 == 0 else 8))
