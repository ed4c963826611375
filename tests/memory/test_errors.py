"""Errors: one tree, each naming the value and the remedy, with nothing half-written behind it."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.storage import stores
from tests.storage.ledger.test_operations import everything
from tests.support.clickhouse_http import ClickHouseHttpServer

import kato
from kato import errors
from kato.errors import (
    Conflict,
    InvalidConfig,
    InvalidEmotives,
    InvalidEvent,
    InvalidMetadata,
    InvalidSymbol,
    KatoError,
    PatternNotFound,
    SessionNotFound,
    StoreFull,
    StoreUnavailable,
)
from kato.memory.engines import Engines

pytestmark = pytest.mark.servers_deep

GOOD = [["a"], ["b"]]
EVENTS: list[tuple[Any, type[KatoError], str]] = [
    ("ab", InvalidEvent, "must be a list of lists of symbols, got 'ab'"),
    (b"ab", InvalidEvent, "got b'ab'"),
    (None, InvalidEvent, "got None"),
    (7, InvalidEvent, "got 7"),
    (["ab", "c"], InvalidEvent, "an event must be a list of symbols, got 'ab'"),
    ([["a"], {"b"}], InvalidEvent, "got {'b'}"),
    ([["a"], None], InvalidEvent, "got None"),
    ([["a"], [1]], InvalidSymbol, "a symbol must be a string, got 1; convert it"),
    ([["a"], [None]], InvalidSymbol, "got None"),
    ([["a"], [b"b"]], InvalidSymbol, "got b'b'"),
    ([["a"], [["b"]]], InvalidSymbol, "got ['b']"),
    ([["a"], ["b\ud800"]], InvalidSymbol, r"lone surrogate at position 1: 'b\ud800'; decode"),
    ([["\ud83d"], ["\ude00"]], InvalidSymbol, "lone surrogate at position 0"),
    ([["a"], ["\udfff" * 1000]], InvalidSymbol, "..."),
]
EMOTIVES: list[tuple[Any, type[KatoError], str]] = [
    ({"joy": "much"}, InvalidEmotives, "emotive 'joy' must be a number, got 'much'"),
    ({"joy": math.nan}, InvalidEmotives, "must be a finite number within 1e100 of zero, got nan"),
    ({"joy": -math.inf}, InvalidEmotives, "got -inf"),
    ({"joy": 10**400}, InvalidEmotives, "must be a finite number"),
    ({"joy": True}, InvalidEmotives, "got True"),
    ({"joy": None}, InvalidEmotives, "got None"),
    ({1: 1.0}, InvalidEmotives, "an emotive's name must be a string, got 1"),
    ({"\ud800": 1.0}, InvalidSymbol, "an emotive's name holds a lone surrogate"),
    ([1.0], InvalidEmotives, "must map names to numbers, got [1.0]"),
]
METADATA: list[tuple[Any, type[KatoError], str]] = [
    ([1], InvalidMetadata, "must be a mapping, got [1]"),
    ({1: 2}, InvalidMetadata, "a metadata key must be a string, got 1"),
    ({"\ud800": 2}, InvalidSymbol, "a metadata key holds a lone surrogate"),
    ({"k": "\ud800"}, InvalidSymbol, "a metadata value holds a lone surrogate"),
]
CONFIG: list[tuple[str, Any]] = [
    ("recall_threshold", 1.5),
    ("recall_threshold", math.nan),
    ("max_predictions", 0),
    ("max_predictions", True),
    ("rank_sort_algo", "best"),
    ("rank_sort_algo", "weighted_snr"),
    ("filter_pipeline", "length"),
    ("filter_pipeline", ["hope"]),
    ("affinity_emotive", "\ud800"),
    ("no_such_key", 1),
]
Change = Callable[[kato.KnowledgeBase], Any]


def named(cases: list[tuple[Any, type[KatoError], str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("value", "kind", "message"), cases, ids=[ascii(case[0])[:30] for case in cases]
    )


@pytest.fixture
def unchanged(engines: Engines, kb: kato.KnowledgeBase) -> Iterator[None]:
    """At the end the ledger is what it was, but for sessions the test opened."""
    kb.learn(GOOD, emotives={"joy": 1}, metadata={"k": "v"})
    before = without_sessions(engines, kb.name)
    yield
    assert without_sessions(engines, kb.name) == before
    assert kb.predict([["a"]])[0].future == [["b"]]


def without_sessions(engines: Engines, kb: str) -> dict[bytes, Any]:
    held = everything(engines, kb)
    return {key: value for key, value in held.items() if b":session:" not in key}


def assert_refused(kind: type[KatoError], message: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(kind) as caught:
        ask()
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500
    str(caught.value).encode()


@named(EVENTS)
def test_what_is_no_sequence_is_not_learned(
    unchanged: None, kb: kato.KnowledgeBase, value: Any, kind: type[KatoError], message: str
) -> None:
    assert_refused(kind, message, lambda: kb.learn(value))
    assert_refused(kind, message, lambda: kb.learn_many([value]))


@named(EVENTS)
def test_what_is_no_sequence_is_not_predicted_from(
    unchanged: None, kb: kato.KnowledgeBase, value: Any, kind: type[KatoError], message: str
) -> None:
    assert_refused(kind, message, lambda: kb.predict(value))


@pytest.mark.parametrize("symbols", ["ab", [1], ["\ud800"], [None], [["a"]]], ids=ascii)
def test_what_is_no_event_is_not_observed(
    unchanged: None, kb: kato.KnowledgeBase, symbols: Any
) -> None:
    session = kato.Session(kb, max_pattern_length=2)
    session.observe(["a"])
    with pytest.raises((InvalidEvent, InvalidSymbol)):
        session.observe(symbols)
    assert (session.events, session.time) == ([["a"]], 1)


@named(EMOTIVES)
def test_what_are_no_emotives(
    unchanged: None, kb: kato.KnowledgeBase, value: Any, kind: type[KatoError], message: str
) -> None:
    session = kato.Session(kb)
    assert_refused(kind, message, lambda: kb.learn(GOOD, emotives=value))
    assert_refused(kind, message, lambda: session.observe(["a"], emotives=value))
    assert session.events == []


@named(METADATA)
def test_what_is_no_metadata(
    unchanged: None, kb: kato.KnowledgeBase, value: Any, kind: type[KatoError], message: str
) -> None:
    session = kato.Session(kb)
    assert_refused(kind, message, lambda: kb.learn(GOOD, metadata=value))
    assert_refused(kind, message, lambda: session.observe(["a"], metadata=value))
    assert session.events == []


@pytest.mark.parametrize(("key", "value"), CONFIG, ids=ascii)
def test_what_is_no_configuration(
    unchanged: None, kb: kato.KnowledgeBase, key: str, value: Any
) -> None:
    session = kato.Session(kb)
    before = session.config
    for ask in (kb.predict, lambda _, **config: session.configure(**config)):
        with pytest.raises(InvalidConfig, match=key) as caught:
            ask(GOOD, **{key: value})
        assert list(caught.value.problems) == [key]
    assert session.config == before


@pytest.mark.parametrize("name", [1, None, b"kb", "\ud800"], ids=ascii)
def test_what_is_no_name(memory: kato.Memory, name: Any) -> None:
    with pytest.raises(InvalidSymbol, match="a knowledge base's name"):
        memory.knowledge_base(name)


@pytest.mark.parametrize(
    "name", ["", "PTRN|", "x" * 40, "0" * 40, "0" * 39, "☃", "\ud800", "A" * 40]
)
def test_a_pattern_that_is_not_there(unchanged: None, kb: kato.KnowledgeBase, name: str) -> None:
    asks: list[Change] = [lambda kb: kb.get(name), lambda kb: kb.forget(name)]
    for ask in asks:
        with pytest.raises(PatternNotFound, match="40 hexadecimal digits"):
            ask(kb)


def test_a_knowledge_base_that_is_not_there(kb: kato.KnowledgeBase) -> None:
    assert len(kb.predict(GOOD)) == 0
    assert (kb.stats().patterns, list(kb.symbols())) == (0, [])
    with pytest.raises(PatternNotFound):
        kb.get("0" * 40)


def test_sequences_before_a_bad_one_are_learned(kb: kato.KnowledgeBase) -> None:
    def sequences() -> Iterator[Any]:
        for i in range(700):
            yield [["a"], [str(i)]]
        yield [["a"], [1]]
        raise AssertionError("asked for more")

    with pytest.raises(InvalidSymbol):
        kb.learn_many(sequences())
    assert kb.stats().patterns == 700


def test_sequences_before_an_error_of_their_source_are_learned(kb: kato.KnowledgeBase) -> None:
    def sequences() -> Iterator[Any]:
        yield GOOD
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        kb.learn_many(sequences())
    assert kb.stats().patterns == 1


def test_a_session_of_another_knowledge_base(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    other = memory.knowledge_base(kb.name + " other")
    with pytest.raises(SessionNotFound, match="is on knowledge base"):
        kato.Session(other, session.id)


def test_a_session_that_was_deleted(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    session.observe(["a"])
    session.delete()
    asks: list[Callable[[], Any]] = [
        session.learn,
        session.predict,
        session.clear,
        lambda: session.observe(["b"]),
        lambda: session.events,
    ]
    for ask in asks:
        with pytest.raises(SessionNotFound, match="expired or was deleted; open a new one"):
            ask()
    assert kb.stats().patterns == 0


def test_a_pattern_that_keeps_changing(
    kb: kato.KnowledgeBase, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kb.learn(GOOD) or ""
    monkeypatch.setattr(engines.counters, "forget", lambda *_: None)
    with pytest.raises(Conflict, match="keeps changing; try again"):
        kb.forget(name)


def test_the_tree_is_drawn_whole() -> None:
    drawn = errors.__doc__ or ""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(kind, KatoError) for kind in kinds)
    assert [kind.__name__ for kind in kinds if kind.__name__ not in drawn] == []


class Own:
    """A memory on servers of its own, which a test may kill."""

    def __init__(self, folder: Path) -> None:
        self.clickhouse = ClickHouseHttpServer(folder / "clickhouse").start()
        (folder / "valkey").mkdir()
        self.valkey = stores.TcpValkey(folder / "valkey")
        settings = stores.settings(folder, clickhouse=self.clickhouse.url, redis=self.valkey.url)
        self.memory = stores.Backend("servers", settings).open()
        self.kb = self.memory.knowledge_base("kb")

    def close(self) -> None:
        self.memory.close()
        self.valkey.stop()
        self.clickhouse.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    own = Own(tmp_path)
    yield own
    own.close()


def test_clickhouse_goes_away_and_comes_back(own: Own) -> None:
    """Learning goes on until the journal is full; predictions say so at once."""
    kb = own.kb
    kb.learn(GOOD)
    own.memory.flush()
    own.clickhouse.kill()
    began = time.monotonic()
    name = kb.learn([["a"], ["c"]]) or ""
    asks: list[Callable[[], Any]] = [
        lambda: kb.predict([["a"]]),
        own.memory.flush,
        lambda: list(kb.symbols()),
        own.memory.stats,
    ]
    for ask in asks:
        with pytest.raises(StoreUnavailable, match=r"ClickHouse failed.*see whether it runs"):
            ask()
    assert time.monotonic() - began < 4
    own.clickhouse.start()
    assert {prediction.name for prediction in kb.predict([["a"]])} > {name}
    own.memory.flush()
    assert len(kb.predict([["a"]])) == 2
    assert own.memory.stats().journal_entries == 0


def test_learning_many_while_clickhouse_is_away(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.clickhouse.kill()
    own.memory._engines.writer.failure = StoreUnavailable("away")
    monkeypatch.setattr(own.memory._engines.counters, "_journal_limit", 3000)
    began = time.monotonic()
    with pytest.raises(StoreFull, match="the journal is full: ClickHouse does not take"):
        own.kb.learn_many([["a"], [str(i)]] for i in range(3000))
    assert time.monotonic() - began < 3
    # Steps are learned wholly or not at all.
    patterns = own.kb.stats().patterns
    assert patterns in range(500, 3000, 500)


def test_the_ledger_goes_away(own: Own) -> None:
    own.kb.learn(GOOD)
    own.valkey.stop()
    began = time.monotonic()
    asks: list[Callable[[], Any]] = [
        lambda: own.kb.learn(GOOD),
        lambda: own.kb.predict([["a"]]),
        own.kb.stats,
        own.memory.flush,
    ]
    for ask in asks:
        with pytest.raises(StoreUnavailable, match=r"the ledger failed.*Redis or Valkey"):
            ask()
    assert time.monotonic() - began < 4
