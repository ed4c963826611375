"""Many things in one step, and one thing at a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from tests.memory.test_against_reference import words
from tests.service.serving import serving
from tests.storage.stores import Backend

import kato
from kato.memory.bulk import BulkLearner, SingleLearner, material_of_example
from kato.memory.engines import Engines
from kato.plain.reads import SingleReads
from kato.storage.batches import Writer
from kato.storage.clickhouse.patterns import PatternSink
from kato.storage.ledger.counters import Counters
from kato.storage.ledger.pipeline import Pipeline


def examples() -> list[kato.Example]:
    """Sequences to learn: some again, some too short, some with what was felt and seen."""
    chance = random.Random(5)
    found = []
    for _ in range(40):
        events = words(chance) if chance.random() < 0.8 else [["cat"], ["dog"]]
        felt = {"joy": chance.uniform(-1, 1)} if chance.random() < 0.4 else {}
        found.append(kato.Example(events, felt, {"day": chance.randint(1, 3)} if felt else {}))
    return [*found, kato.Example([["alone"]])]


def content(kb: kato.KnowledgeBase) -> list[bytes]:
    """Everything that is counted, and some answers."""
    asked: list[Any] = [
        kb.stats(),
        *kb.symbols(),
        kb.predict([["cat"], ["dog"]], max_predictions=9),
    ]
    return [msgspec.json.encode(each) for each in asked]


@pytest.fixture
def twins(engines: Engines, memory: kato.Memory, kb_name: str) -> Callable[..., list[Any]]:
    """Has two knowledge bases learn the same: in steps, and one by one."""

    def twins(learn: Callable[[BulkLearner], Any]) -> list[Any]:
        answers = []
        for kind in (BulkLearner, SingleLearner):
            kb = memory.knowledge_base(kb_name + kind.__name__)
            answers.append((learn(kind(kb.name, engines.counters, engines.writer)), content(kb)))
        return answers

    return twins


def test_learning_many(twins: Callable[..., list[Any]]) -> None:
    together, alone = twins(lambda learner: learner.learn(examples()))
    assert together == alone
    assert alone[0].sequences == 41
    assert alone[0].too_short == 1
    assert alone[0].known > 0


def test_placing(twins: Callable[..., list[Any]]) -> None:
    def place(learner: BulkLearner) -> Any:
        given: list[Any] = [*examples(), kato.Example([[""], ["\ud800"]])]
        placed = learner.place(given, material_of_example, None, 5)
        return [(each.name, str(each.error)) for each in placed]

    together, alone = twins(place)
    assert together == alone


def test_carrying_entry_by_entry(engines: Engines, memory: kato.Memory, kb_name: str) -> None:
    kb = memory.knowledge_base(kb_name)
    for example in examples()[:12]:
        kb.learn(example.events, emotives=example.emotives)
    before, waiting = content(kb), engines.journal.waiting()
    sink = PatternSink(engines._clickhouse)
    writer = Writer(engines.journal, sink, 60.0, rows=1)
    writer.flush()
    assert writer.batches == waiting > 5
    assert engines.journal.waiting() == 0
    assert content(kb) == before


def test_reading_one_by_one(engines: Engines, memory: kato.Memory, kb_name: str) -> None:
    kb = memory.knowledge_base(kb_name)
    kb.learn_many(examples())
    number = engines.counters.number(kb_name)
    assert number is not None
    single = SingleReads(engines.connection, 1 << 20)
    ids, symbols = np.array([1, 3, 999, 4]), np.array([2, 1, 998], np.uint32)
    together = engines.counters.facts(number, ids, symbols, [1, 2])
    alone = single.facts(number, ids, symbols, [1, 2])
    for name in together.__struct_fields__:
        one, other = getattr(together, name), getattr(alone, name)
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name
    assert alone.emotives
    assert single.carried(number, ids) == Counters.carried(engines.counters, number, ids)


def test_observing_over_http(
    backend: Backend, memory: kato.Memory, kb_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> bytes:
        raise AssertionError("a script was sent with others")

    monkeypatch.setattr(Pipeline, "run", refused)
    monkeypatch.setattr(memory, "pipeline", lambda: None)

    def opened(client: httpx.Client, node: str) -> str:
        answer = client.post("/sessions", json={"node_id": node})
        return str(answer.json()["session_id"])

    with (
        serving(backend.settings, memory) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        path = f"/sessions/{opened(client, kb_name)}"
        for symbol in "abc":
            observed = client.post(f"{path}/observe", json={"strings": [symbol]})
            assert observed.status_code == 200, observed.text
        assert client.get(f"{path}/stm").json()["stm"] == [["a"], ["b"], ["c"]]
        assert client.post(f"{path}/learn").status_code == 200
    assert memory.knowledge_base(kb_name).stats().patterns == 1
