"""A knowledge base through the service answers what one of the library answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import kato
from kato.client import RemoteKnowledgeBase, RemoteMemory, knowledge_base
from kato.errors import (
    InvalidConfig,
    InvalidEvent,
    InvalidInput,
    InvalidSearch,
    InvalidSymbol,
    KnowledgeBaseNotFound,
    NotDisposable,
    PatternNotFound,
)
from kato.model.naming import pattern_name
from kato.model.statistics import LearnReport

ODD = 'it\'s "a" \\ \0 \n / %2F .. ☃ 🙂 {x:String} \x1b[2J'
NAMES = [".", "..", "a/b", "a%2Fb", "a/patterns/count", "count", ODD, "?x=1#y", " "]


def steps(kb: Any) -> Iterator[Any]:
    """What a knowledge base answers to a walk through its methods."""
    yield kb.stats()
    yield kb.learn([["b", "a"], ["c"]], emotives={"joy": 1}, metadata={"n": [1, 2], "t": None})
    yield kb.learn([["b", "a"], ["c"]], emotives={"joy": 2, "fear": -1})
    yield kb.learn([["alone"]])
    yield kb.learn([])
    yield kb.learn_many([[["a"], ["b"]], [["a"], ["b"]], [["x"]], [[ODD], [ODD, "z"], []]])
    yield kb.learn_many([])
    yield kb.stats()
    yield list(kb.symbols())
    yield kb.affinity("a")
    yield kb.affinity("never / seen")
    name = pattern_name([["a", "b"], ["c"]])
    yield kb.get(name)
    yield kb.get(f"PTRN|{name}")
    yield kb.predict([["a"]])
    yield kb.predict([["c"], ["a"]], recall_threshold=0, max_predictions=2)
    yield kb.predict([["b", "a"]], use_token_matching=False, sort_symbols=False)
    yield kb.predict([])
    yield kb.explain([["a"]], name).verdict
    yield kb.explain([["a"]], name, filter_pipeline=["length"], length_min_ratio=1.0).verdict
    yield kb.explain([["a"]]).verdict
    yield kb.predict([["a"]], explain=True).explanation.ensemble
    first = kb.patterns(limit=2)
    yield first.patterns
    yield kb.patterns(after=first.next).patterns
    yield kb.patterns(symbol=ODD).patterns
    yield kb.patterns(prefix=f"PTRN|{name[:5]}", metadata={"n": [1, 2]}).patterns
    yield kb.count(), kb.count(symbol="b"), kb.count(metadata={"t": None})
    yield kb.edit(name, frequency=7, emotives=[{"joy": 3}], metadata={"new": [1, "x"]})
    kb.forget(name)
    yield kb.stats()
    yield list(kb.symbols())
    kb.clear()
    yield kb.stats()


def test_it_answers_what_the_library_answers(
    memory: kato.Memory, remote: RemoteMemory, kb_name: str
) -> None:
    ours = memory.knowledge_base(kb_name + " library")
    theirs = remote.knowledge_base(kb_name + " service")
    for mine, other in zip(steps(ours), steps(theirs), strict=True):
        assert mine == other


def test_what_is_learned_in_the_library_is_there(
    kb: kato.KnowledgeBase, remote_kb: RemoteKnowledgeBase, remote: RemoteMemory
) -> None:
    name = kb.learn([["a"], ["b"]])
    assert name is not None
    assert remote_kb.get(name) == kb.get(name)
    assert kb.name in remote.knowledge_bases()
    assert remote.stats().knowledge_bases == len(remote.knowledge_bases())
    assert remote.ready()


@pytest.mark.parametrize("name", NAMES)
def test_any_text_names_a_knowledge_base(
    name: str, memory: kato.Memory, remote: RemoteMemory, kb_name: str
) -> None:
    whole = name if len(name) < 3 else name + kb_name  # dots alone are a way through paths
    kb = remote.knowledge_base(whole)
    kb.clear()
    learned = kb.learn([["a"], [whole]])
    assert learned is not None
    assert memory.knowledge_base(whole).get(learned).events[1] == [whole]
    assert whole in remote.knowledge_bases()
    assert kb.affinity(name) == {}
    assert [each.name for each in kb.patterns(symbol="a").patterns] == [learned]
    kb.forget(learned)
    with pytest.raises(NotDisposable, match="mark"):
        remote.forget_knowledge_base(whole)
    remote.mark(whole, disposable=True)
    assert remote.is_disposable(whole)
    remote.forget_knowledge_base(whole)
    assert whole not in remote.knowledge_bases()
    with pytest.raises(KnowledgeBaseNotFound):
        remote.forget_knowledge_base(whole)


def test_a_pattern_that_is_not_there(remote_kb: RemoteKnowledgeBase) -> None:
    for name in ("0" * 40, "no name/.. ☃"):
        with pytest.raises(PatternNotFound):
            remote_kb.get(name)
        with pytest.raises(PatternNotFound):
            remote_kb.forget(name)
        with pytest.raises(PatternNotFound):
            remote_kb.edit(name, frequency=2)


def test_a_service_has_no_knowledge_base_without_a_name(remote: RemoteMemory) -> None:
    with pytest.raises(InvalidInput, match="name"):
        remote.knowledge_base("")


WRONG: list[tuple[Any, type[Exception]]] = [
    (lambda kb: kb.learn("abc"), InvalidEvent),
    (lambda kb: kb.learn([["\ud800"], ["b"]]), InvalidSymbol),
    (lambda kb: kb.learn([["a"] * 20_000]), InvalidInput),
    (lambda kb: kb.predict(["a"]), InvalidEvent),
    (lambda kb: kb.predict([["a"]], nothing=1), InvalidConfig),
    (lambda kb: kb.predict([["a"]], filter_pipeline=["none"]), InvalidConfig),
    (lambda kb: kb.patterns(limit=0), InvalidInput),
    (lambda kb: kb.patterns(after="nowhere"), InvalidInput),
    (lambda kb: kb.patterns(metadata={"a": 1, "b": 2}), InvalidSearch),
    (lambda kb: kb.edit("0" * 40), InvalidSearch),
    (lambda kb: kb.affinity("\ud800"), InvalidSymbol),
]


@pytest.mark.parametrize(("call", "error"), WRONG)
def test_what_cannot_be_used(
    call: Any, error: type[Exception], remote_kb: RemoteKnowledgeBase
) -> None:
    with pytest.raises(error):
        call(remote_kb)
    assert remote_kb.stats().patterns == 0


def test_many_are_learned_in_calls_of_some(
    remote_kb: RemoteKnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge_base, "BATCH_SEQUENCES", 7)
    sequences = [[[f"s{i % 20}"], [f"t{i % 20}"]] for i in range(50)]
    assert remote_kb.learn_many(iter(sequences)) == LearnReport(50, 20, 30, 0)
    monkeypatch.setattr(knowledge_base, "BATCH_BYTES", 100)
    assert remote_kb.learn_many(sequences) == LearnReport(50, 0, 50, 0)


def test_a_sequence_that_cannot_be_used_ends_it(remote_kb: RemoteKnowledgeBase) -> None:
    good = [[[f"s{i}"], ["t"]] for i in range(3)]
    with pytest.raises(InvalidEvent):
        remote_kb.learn_many([*good, "bad", [["never"], ["learned"]]])
    assert remote_kb.stats().patterns == 3
