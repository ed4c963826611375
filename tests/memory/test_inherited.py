"""Affinity that came with a move: beside the shares of patterns, kept like them."""

from __future__ import annotations

import pytest
from tests.storage.tables import rows_of

import kato
from kato.errors import InvalidEmotives
from kato.memory.engines import Engines
from kato.storage.ledger.operations import Operation


def inherited(engines: Engines, kb: kato.KnowledgeBase) -> list[dict[str, float]]:
    """What ClickHouse says is inherited, by symbol id."""
    number = engines.counters.number(kb.name)
    assert number is not None
    return [row[3] for row in rows_of(engines, "inherited", number)]


def test_it_is_added_to_the_sums(kb: kato.KnowledgeBase, engines: Engines) -> None:
    kb.learn([["a"], ["b"]], emotives={"joy": 1})
    assert kb.inherit_affinity({"a": {"joy": 2, "fear": -0.5}, "strange": {"joy": 1}}) == [
        "strange"
    ]
    kb.inherit_affinity({"a": {"joy": 0.25}})
    assert kb.affinity("a") == {"fear": -0.5, "joy": 3.25}
    assert (kb.affinity("b"), kb.affinity("strange")) == ({"joy": 1.0}, {})
    engines.flush()
    assert inherited(engines, kb) == [{"fear": -0.5, "joy": 2.25}]
    number = engines.counters.number(kb.name)
    assert [row[3] for row in rows_of(engines, "affinities", number or 0)] == [
        {"fear": -0.5, "joy": 3.25},
        {"joy": 1.0},
    ]


def test_a_repeat_adds_nothing(kb: kato.KnowledgeBase) -> None:
    kb.learn([["a"], ["b"]])
    operation = Operation()
    for _ in range(2):
        assert kb.inherit_affinity({"a": {"joy": 1}, "c": {}}, operation=operation) == ["c"]
    assert kb.affinity("a") == {"joy": 1.0}


def test_it_goes_with_the_last_pattern_of_its_symbol(
    kb: kato.KnowledgeBase, engines: Engines
) -> None:
    one, other = kb.learn([["a"], ["b"]], emotives={"joy": 1}), kb.learn([["a"], ["c"]])
    assert one is not None
    assert other is not None
    kb.inherit_affinity({"a": {"joy": 2}, "b": {"joy": 2}})
    kb.forget(one)
    assert (kb.affinity("a"), kb.affinity("b")) == ({"joy": 2.0}, {})
    kb.forget(other)
    kb.learn([["a"], ["b"]])
    assert kb.affinity("a") == {}
    engines.flush()
    assert inherited(engines, kb) == [{}, {}]


def test_nothing_is_known_of_an_empty_knowledge_base(kb: kato.KnowledgeBase) -> None:
    assert kb.inherit_affinity({"a": {"joy": 2}}) == ["a"]
    kb.learn([["a"], ["b"]])
    kb.clear()
    assert kb.inherit_affinity({"a": {"joy": 2}}) == ["a"]


def test_what_is_no_number_is_refused(kb: kato.KnowledgeBase) -> None:
    kb.learn([["a"], ["b"]])
    with pytest.raises(InvalidEmotives):
        kb.inherit_affinity({"a": {"joy": 1}, "b": {"joy": float("nan")}})
    assert kb.affinity("a") == {}
