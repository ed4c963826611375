"""Predictions of the whole library beside those of the reference, over stores of some size."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cases import THRESHOLDS, configurations
from tests.closeness import assert_as_reference
from tests.reference import ReferenceMemory
from tests.storage.stores import Backend

import kato

pytestmark = pytest.mark.servers_deep

Events = list[list[str]]

WORDS = [a + b for a, b in itertools.product(("cat", "cart", "dog", "dig", ""), ("", "s", "é"))]


def walks(chance: random.Random) -> Events:
    """Steps to a neighbour: most patterns share runs with most others, and thousands of ties."""
    place, events = chance.randrange(8), []
    for _ in range(chance.randint(2, 9)):
        events.append([f"p{place}"])
        place = (place + chance.choice((1, 1, 1, 2, 7))) % 8
    return events


def crowds(chance: random.Random) -> Events:
    """Events of up to four symbols, some of them twice."""
    return [chance.choices("abcdefg", k=chance.randint(1, 4)) for _ in range(chance.randint(1, 5))]


def words(chance: random.Random) -> Events:
    """Words that are similar."""
    return [[chance.choice(WORDS)] for _ in range(chance.randint(2, 6))]


def long(chance: random.Random) -> Events:
    """Lengths around those at which other code runs: 64 and 128 symbols."""
    length = chance.choice((2, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129, 140))
    several = chance.random() < 0.5
    events = [[f"s{int(chance.paretovariate(0.7)) % 60}"] for _ in range(length)]
    return [[event[0] for event in events[:3]], *events[3:]] if several else events


KINDS = {"walks": (walks, 250), "crowds": (crowds, 120), "words": (words, 120), "long": (long, 24)}


class Both:
    """A knowledge base and the reference, that learned the same."""

    def __init__(self, memory: kato.Memory, name: str, kind: str) -> None:
        self.make, patterns = KINDS[kind]
        self.kb, self.reference = memory.knowledge_base(name), ReferenceMemory()
        chance = random.Random(kind)
        sequences = [self.make(chance) for _ in range(patterns)]
        # The first half comes from ClickHouse, the second from the journal.
        self._learn(sequences[: patterns // 2], chance)
        memory.flush()
        self._learn(sequences[patterns // 2 :], chance)

    def _learn(self, sequences: list[Events], chance: random.Random) -> None:
        examples = []
        for events in sequences:
            emotives = {"joy": chance.uniform(-1, 1)} if chance.random() < 0.5 else {}
            for _ in range(chance.choice((1, 1, 3))):
                examples.append(kato.Example(events, emotives))
                self.reference.learn(events, emotives)
        self.kb.learn_many(examples)

    def compare(self, observed: Events, config: dict[str, Any]) -> None:
        answer = self.kb.predict(observed, **config)
        built_in = msgspec.to_builtins((answer.predictions, answer.future_potentials))
        assert_as_reference(built_in, self.reference, observed, **config)


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, memory: kato.Memory, backend: Backend) -> Both:
    return Both(memory, f"{request.param} {backend.name}", request.param)


@pytest.mark.servers_deep
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 30), config=configurations(), tight=st.booleans())
def test_random_observations(both: Both, seed: int, config: dict[str, Any], tight: bool) -> None:
    observe(both, seed, config, tight)


@pytest.mark.deep
@pytest.mark.timeout(7200)
@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 30), config=configurations(), tight=st.booleans())
def test_many_random_observations(
    both: Both, seed: int, config: dict[str, Any], tight: bool
) -> None:
    observe(both, seed, config, tight)


def observe(both: Both, seed: int, config: dict[str, Any], tight: bool) -> None:
    """Ask for a sequence like those learned, or for part of one that was, a little damaged."""
    chance = random.Random(seed)
    observed = both.make(chance)
    if tight:
        pattern = chance.choice(list(both.reference.patterns.values()))["events"]
        observed = [list(event) for event in pattern[chance.randrange(len(pattern)) :]]
        observed[chance.randrange(len(observed))] = chance.choice(([], ["unknown"], ["a", "cats"]))
    both.compare(observed, config)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_every_threshold_and_a_small_ensemble(both: Both, threshold: float) -> None:
    chance = random.Random(1)
    for limit in (1, 3, 40):
        both.compare(both.make(chance), {"recall_threshold": threshold, "max_predictions": limit})
