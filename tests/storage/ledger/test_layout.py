"""How the ledger lies in memory: small hashes that stay compact, numbers that go when cleared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.storage.counted import learn, lesson_of

import kato
from kato.memory.engines import Engines
from kato.storage.ledger.connection import SHARD

pytestmark = pytest.mark.servers_deep

PATTERNS = 5000


def keys_of(engines: Engines, number: int) -> list[bytes]:
    """All keys of a number, the totals too. Only a test may scan."""
    command = engines.connection.command
    found: list[bytes] = command("KEYS", f"{SHARD}:{number}:*")
    return [*found, *command("KEYS", f"{SHARD}:{number}")]


def number_of(engines: Engines, name: str) -> int:
    number = engines.counters.number(name)
    assert number is not None
    return number


class Filled:
    """A knowledge base of many patterns, and their names."""

    def __init__(self, engines: Engines, name: str) -> None:
        self.name = name
        self.names: list[bytes] = []
        for first in range(0, PATTERNS, 500):
            sequences = [[[str(i)], [str(i + 1)]] for i in range(first, first + 500)]
            packed = lesson_of(*sequences).names
            self.names += [packed[i : i + 20] for i in range(0, len(packed), 20)]
            learn(engines, name, *sequences)


@pytest.fixture(scope="module")
def filled(memory: kato.Memory) -> Iterator[Filled]:
    memory.flush()
    filled = Filled(memory._engines, "filled")
    yield filled
    memory.knowledge_base(filled.name).clear()


def test_every_pattern_is_found_however_often_its_bucket_was_split(
    engines: Engines, filled: Filled
) -> None:
    states = [engines.counters.state(filled.name, name) for name in filled.names]
    assert [state and (state.id, state.frequency) for state in states] == [
        (i, 1) for i in range(1, PATTERNS + 1)
    ]


def test_relearning_finds_every_pattern(engines: Engines, filled: Filled) -> None:
    sequences = [[[str(i)], [str(i + 1)]] for i in range(0, PATTERNS, 10)]
    learned = learn(engines, filled.name, *sequences)
    assert learned.ids == list(range(1, PATTERNS + 1, 10))


@pytest.mark.parametrize("part", ["name", "freq"])
def test_buckets_stay_compact(engines: Engines, filled: Filled, part: str) -> None:
    prefix = f"{SHARD}:{number_of(engines, filled.name)}:{part}:"
    buckets = engines.connection.command("KEYS", prefix + "*")
    encodings = {engines.connection.command("OBJECT", "ENCODING", key) for key in buckets}
    assert encodings == {b"listpack"}
    sizes = [engines.connection.command("HLEN", key) for key in buckets]
    assert sum(sizes) == PATTERNS
    assert len(buckets) > PATTERNS / 64


def test_clearing_gives_a_new_number_and_the_old_keys_go(
    engines: Engines, kb: kato.KnowledgeBase
) -> None:
    kb.learn_many(
        kato.Example([[str(i)], ["x"]], emotives={"joy": i}, metadata={"i": i}) for i in range(500)
    )
    old = number_of(engines, kb.name)
    kb.clear()
    new = number_of(engines, kb.name)
    assert new > old
    assert (kb.stats().patterns, list(kb.symbols()), len(kb.predict([["x"]]))) == (0, [], 0)
    assert len(keys_of(engines, old)) > 10
    rounds = 0
    while engines.counters.drop_some(4):
        rounds += 1
    assert keys_of(engines, old) == []
    assert rounds > 3
    assert len(keys_of(engines, new)) == 1


def test_dropping_touches_nothing_else(
    engines: Engines, memory: kato.Memory, kb: kato.KnowledgeBase
) -> None:
    other = memory.knowledge_base(kb.name + " other")
    for each in (kb, other):
        each.learn([["a"], ["b"]], emotives={"joy": 1})
    before = contents(engines, number_of(engines, other.name))
    kb.clear()
    while engines.counters.drop_some():
        pass
    assert contents(engines, number_of(engines, other.name)) == before


def test_a_cleared_number_is_never_given_again(engines: Engines, kb: kato.KnowledgeBase) -> None:
    numbers = []
    for _ in range(5):
        kb.learn([["a"], ["b"]])
        numbers.append(number_of(engines, kb.name))
        kb.clear()
        while engines.counters.drop_some():
            pass
    assert numbers == sorted(set(numbers))


def test_clearing_what_never_was_changes_nothing(engines: Engines, kb: kato.KnowledgeBase) -> None:
    kb.clear()
    assert engines.counters.number(kb.name) is None
    assert engines.journal.waiting() == 0


def contents(engines: Engines, number: int) -> dict[bytes, Any]:
    """Everything a number holds."""
    command = engines.connection.command
    return {key: command("HGETALL", key) for key in keys_of(engines, number)}
