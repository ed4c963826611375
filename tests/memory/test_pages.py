"""Pages and counts of patterns: what the reference finds, wherever a pattern is just now."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.memory.changing import fresh, histories, pages, searches, taken
from tests.service.payloads import PAYLOADS

import kato
from kato.errors import Conflict, InvalidSearch, InvalidSymbol, KnowledgeBaseNotFound
from kato.memory import searching

pytestmark = pytest.mark.servers_deep


@settings(max_examples=40, deadline=None)
@given(
    history=histories,
    asked=st.lists(searches, min_size=1, max_size=4),
    limit=st.sampled_from((1, 2, 3, 1000)),
)
def test_pages_are_what_the_reference_finds(
    memory: kato.Memory, history: list[Any], asked: list[dict[str, Any]], limit: int
) -> None:
    kb = fresh(memory)
    reference = taken(memory, kb, history)
    for search in [{}, *asked]:
        expected = reference.search(**search)
        found = list(pages(kb, limit, **search))
        assert [msgspec.structs.asdict(p) for page in found for p in page] == expected
        assert kb.count(**search) == len(expected)
        assert all(len(page) == limit for page in found[:-1])
        assert len(found) == max(1, -(-len(expected) // limit))


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.deep
def test_any_text_is_data(memory: kato.Memory, kb: kato.KnowledgeBase, flushed: bool) -> None:
    for number, text in enumerate(PAYLOADS):
        kb.learn([[text], [f"number {number}"]], metadata={text: text, "all": "same"})
    if flushed:
        memory.flush()
    for number, text in enumerate(PAYLOADS):
        for search in ({"symbol": text}, {"metadata": {text: text}}):
            (found,) = kb.patterns(**search).patterns
            assert found.events == [[text], [f"number {number}"]]
            assert kb.count(**search) == 1
        assert kb.count(prefix=text) == (len(PAYLOADS) if text == "" else 0)
    assert kb.count(metadata={"all": "same"}) == len(PAYLOADS)


@pytest.mark.parametrize("after", ["", "1", "-1", "1-", "1--2", "x-1", "1-1 OR 1=1", "¹-1", 3])
def test_what_is_no_cursor(kb: kato.KnowledgeBase, after: Any) -> None:
    with pytest.raises(InvalidSearch, match="is not where a page begins"):
        kb.patterns(after=after)


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**30, True, "5", None])
def test_what_is_no_limit(kb: kato.KnowledgeBase, limit: Any) -> None:
    with pytest.raises(InvalidSearch, match="1 to 1000 patterns"):
        kb.patterns(limit=limit)


@pytest.mark.parametrize(
    "search", [{"symbol": "\ud800"}, {"prefix": 1}, {"metadata": {"k": "\udfff"}}]
)
def test_what_is_no_search(kb: kato.KnowledgeBase, search: dict[str, Any]) -> None:
    for ask in (kb.patterns, kb.count):
        with pytest.raises(InvalidSymbol):
            ask(**search)


def test_a_cursor_of_what_was_cleared(kb: kato.KnowledgeBase) -> None:
    for symbol in "abc":
        kb.learn([["x"], [symbol]])
    following = kb.patterns(limit=1).next
    kb.clear()
    kb.learn([["x"], ["d"]])
    with pytest.raises(Conflict, match="begin with the first page"):
        kb.patterns(after=following)


def test_a_page_goes_on_behind_what_was_forgotten(kb: kato.KnowledgeBase) -> None:
    names = [kb.learn([["x"], [symbol]]) or "" for symbol in "abcd"]
    following = kb.patterns(limit=2).next
    kb.forget(names[1])
    kb.forget(names[2])
    assert [p.name for p in kb.patterns(after=following).patterns] == names[3:]


def test_a_long_tail_is_written_first(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "IDS_AT_ONCE", 3)
    names = [kb.learn([["x"], [str(i)]]) or "" for i in range(9)]
    memory.flush()
    for name in names[:5]:
        kb.forget(name)
    assert (kb.count(symbol="x"), memory.stats().journal_entries) == (4, 0)


def test_a_knowledge_base_that_is_forgotten(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    kb.learn([["a"], ["b"]])
    memory.flush()
    memory.forget_knowledge_base(kb.name)
    assert kb.name not in memory.knowledge_bases()
    assert (kb.patterns().patterns, kb.count(), kb.count(symbol="a")) == ([], 0, 0)
    assert len(kb.predict([["a"]])) == 0
    with pytest.raises(KnowledgeBaseNotFound, match="no knowledge base"):
        memory.forget_knowledge_base(kb.name)
    memory.flush()
    rows = memory._engines._clickhouse.rows(
        "SELECT cleared FROM knowledge_bases FINAL WHERE name = {name:String}", {"name": kb.name}
    )
    assert rows == [(1,)]
    kb.learn([["a"], ["c"]])
    assert [p.events for p in kb.patterns().patterns] == [[["a"], ["c"]]]
