"""Texts that are kept in the process."""

from __future__ import annotations

import numpy as np
import pytest

import kato
from kato.errors import Conflict
from kato.memory.engines import Engines
from kato.memory.vocabulary import FEW, Vocabulary
from kato.storage.ledger.tail import TailView

NO_TAIL = TailView([], set(), {}, {})


def of(*ids: int) -> np.ndarray:
    return np.array(ids, np.uint32)


def test_texts_of_the_tail_and_of_clickhouse(engines: Engines, kb: kato.KnowledgeBase) -> None:
    kb.learn([[f"s{number}"] for number in range(3 * FEW)])
    number = engines.counters.number(kb.name)
    assert number is not None
    vocabulary = Vocabulary(engines.tables)
    look = engines.counters.look(kb.name, ["s0"], 0)
    assert look is not None
    tail = TailView([], set(), look.entries[-1].texts, {})
    assert vocabulary.texts(number, of(1, 2), tail)[[1, 2]].tolist() == ["s0", "s1"]


def test_few_texts_and_many(memory: kato.Memory, engines: Engines, kb: kato.KnowledgeBase) -> None:
    kb.learn([[f"s{number}"] for number in range(3 * FEW)])
    memory.flush()
    number = engines.counters.number(kb.name)
    assert number is not None
    vocabulary = Vocabulary(engines.tables)
    for ids in (of(), of(2), of(3, 1, 3), np.arange(1, 3 * FEW + 1, dtype=np.uint32)):
        texts = vocabulary.texts(number, ids, NO_TAIL)
        assert texts[ids].tolist() == [f"s{i - 1}" for i in ids.tolist()]


def test_a_symbol_without_a_text(engines: Engines, kb: kato.KnowledgeBase) -> None:
    with pytest.raises(Conflict, match="symbol 7 was cleared meanwhile"):
        Vocabulary(engines.tables).texts(123_456_789, of(7), NO_TAIL)
