"""The recorded answers and the reference, with everything plain: what the suite has room for.

``make plain`` runs all of the library's core so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest
from tests.closeness import assert_as_reference
from tests.examples import Example, case_id, examples
from tests.memory.test_examples import assert_answers, configuration, teach
from tests.reference import ReferenceMemory, ReferenceSession
from tests.storage.stores import Backend

import kato
from kato.plain.reads import SingleReads
from kato.plain.scan import PlainScan
from kato.settings import PLAIN_PARTS

PREDICTED = examples("prediction")[::5] + examples("affinity")[::2]


@pytest.fixture(scope="module")
def memory(backend: Backend) -> Iterator[kato.Memory]:
    """A memory with everything plain."""
    settings = msgspec.structs.replace(backend.settings, plain=PLAIN_PARTS)
    with Backend(backend.name, settings).open() as memory:
        yield memory


def test_it_is_plain(memory: kato.Memory) -> None:
    assert isinstance(memory._engines.recall, PlainScan)
    assert isinstance(memory._engines.counters, SingleReads)
    assert memory.pipeline() is None


@pytest.mark.parametrize("case", PREDICTED, ids=case_id)
def test_recorded_answers(case: Example, kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    teach(kb, case)
    assert_answers(case, kb.predict(case["input"]["stm"], **configuration(case)))
    memory.flush()
    assert_answers(case, kb.predict(case["input"]["stm"], **configuration(case)))


def test_a_session_is_the_references(kb: kato.KnowledgeBase) -> None:
    chance, reference = random.Random(6), ReferenceMemory()
    session = kato.Session(kb, max_pattern_length=3, stm_mode="ROLLING")
    other = ReferenceSession(reference, max_pattern_length=3, stm_mode="ROLLING")
    for _ in range(40):
        symbols = chance.choices("abcd", k=chance.choice((1, 1, 2)))
        session.observe(symbols, emotives={"joy": 1.5})
        other.observe(symbols, emotives={"joy": 1.5})
        assert session.events == other.stm
    answer = session.predict()
    built_in = msgspec.to_builtins((answer.predictions, answer.future_potentials))
    assert_as_reference(built_in, reference, other.stm)
