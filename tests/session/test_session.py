"""A session: its rules, its safety under concurrent steps, and its life."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference import ReferenceMemory, ReferenceSession
from tests.storage.counted import assert_counters_are
from tests.storage.stores import Backend

import kato
from kato.errors import InvalidConfig, InvalidInput, NothingToLearn, SessionNotFound

pytestmark = pytest.mark.servers_deep

SLOW_FIXTURES = [HealthCheck.function_scoped_fixture]


def rolled(kb: kato.KnowledgeBase, length: int, symbols: str, mode: str) -> list[str | None]:
    session = kato.Session(kb, max_pattern_length=length, stm_mode=mode)
    return [session.observe([symbol]).auto_learned_pattern for symbol in symbols]


def events_of(kb: kato.KnowledgeBase, name: str | None) -> str:
    return "".join(symbol for event in kb.get(name or "").events for symbol in event)


def test_rolling_learns_one_window_an_event(kb: kato.KnowledgeBase) -> None:
    names = rolled(kb, 3, "abcde", "ROLLING")
    assert names[:2] == [None, None]
    assert [events_of(kb, name) for name in names[2:]] == ["abc", "bcd", "cde"]


def test_clear_learns_every_so_many_events(kb: kato.KnowledgeBase) -> None:
    names = rolled(kb, 2, "abcd", "CLEAR")
    assert [name and events_of(kb, name) for name in names] == [None, "ab", None, "cd"]


@pytest.mark.parametrize("mode", ["CLEAR", "ROLLING"])
def test_a_length_of_one_keeps_nothing(kb: kato.KnowledgeBase, mode: str) -> None:
    # Q27: the original kept, and learned, an ever growing memory here.
    session = kato.Session(kb)
    session.observe(["a"])
    session.observe(["b"])
    session.configure(max_pattern_length=1, stm_mode=mode)
    assert events_of(kb, session.observe(["c"]).auto_learned_pattern) == "abc"
    assert session.events == []
    assert session.observe(["d"]).auto_learned_pattern is None
    assert events_of(kb, session.observe(["e", "f"]).auto_learned_pattern) == "ef"


def test_emotives_and_metadata_go_with_their_events(kb: kato.KnowledgeBase) -> None:
    # Q4, Q5: not with every later pattern, and with auto-learned ones too.
    session = kato.Session(kb, max_pattern_length=2, stm_mode="ROLLING")
    session.observe(emotives={"early": 1}, metadata={"k": "early"})
    session.observe(["a"], emotives={"a": 1})
    session.observe(emotives={"after a": 1})
    first = session.observe(["b"], emotives={"b": 1}).auto_learned_pattern
    second = session.observe(["c"]).auto_learned_pattern
    assert kb.get(first or "").emotives == [{"early": 1}, {"a": 1}, {"after a": 1}, {"b": 1}]
    assert kb.get(first or "").metadata == {"k": ["early"]}
    assert kb.get(second or "").emotives == [{"b": 1}]
    assert kb.get(second or "").metadata == {}


def test_a_learn_that_is_too_short_empties_all_the_same(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    session.observe(["a"], emotives={"joy": 1})
    assert session.learn() is None
    assert session.events == []
    session.observe(["b", "c"])
    assert kb.get(session.learn() or "").emotives == []


def test_clear_begins_anew_with_the_same_configuration(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, recall_threshold=0.7)
    session.observe(["b", "a"], metadata={"k": 1})
    assert session.percept["strings"] == ["a", "b"]
    session.clear()
    assert (session.events, session.time, session.percept) == ([], 0, {})
    assert session.config.recall_threshold == 0.7


def test_only_the_newest_thousand_events_are_kept(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    for number in range(1005):
        session.observe([str(number)])
    assert (len(session.events), session.events[0], session.time) == (1000, [["5"]][0], 1005)


def test_predict_changes_nothing(kb: kato.KnowledgeBase) -> None:
    kb.learn([["a"], ["b"], ["c"]])
    session = kato.Session(kb, max_predictions=1)
    session.observe(["a"])
    session.observe(["b"])
    assert session.predict()[0].future == [["c"]]
    assert len(session.predict(recall_threshold=1.0)) == 0
    assert session.events == [["a"], ["b"]]


step = st.tuples(
    st.lists(st.sampled_from("abc"), max_size=2),
    st.dictionaries(st.sampled_from(("joy", "fear")), st.integers(-3, 3), max_size=2),
    st.dictionaries(st.sampled_from(("k", "l")), st.integers(0, 2), max_size=1),
)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_FIXTURES)
@given(
    steps=st.lists(step | st.just(None), max_size=12),
    length=st.integers(0, 4),
    mode=st.sampled_from(("CLEAR", "ROLLING")),
)
def test_it_does_what_the_specification_does(
    kb: kato.KnowledgeBase, steps: list[Any], length: int, mode: str
) -> None:
    kb.clear()
    config: dict[str, Any] = {"max_pattern_length": length, "stm_mode": mode}
    session, reference = kato.Session(kb, **config), ReferenceSession(ReferenceMemory(), **config)
    for each in steps:
        if each is None:
            assert (session.learn() or "") == reference.learn()
            continue
        strings, emotives, metadata = each
        observed = session.observe(strings, emotives=emotives, metadata=metadata)
        assert observed.auto_learned_pattern == reference.observe(strings, emotives, metadata)
        assert session.events == reference.stm
    for name, pattern in reference.memory.patterns.items():
        assert msgspec.structs.asdict(kb.get(name)) == reference.memory.get(name), pattern


def test_parallel_steps_are_taken_one_after_the_other(kb: kato.KnowledgeBase) -> None:
    """100 observations through ten handles: all are there, and learned as some order of them."""
    session = kato.Session(kb, max_pattern_length=5)

    def observe(worker: int) -> None:
        handle = kato.Session(kb, session.id)
        for number in range(10):
            handle.observe([f"{worker}.{number}"], emotives={"joy": 1})

    workers = [threading.Thread(target=observe, args=(worker,)) for worker in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (session.time, session.events) == (100, [])
    assert kb.stats().patterns == 20
    symbols = {symbol.name: symbol for symbol in kb.symbols()}
    assert sorted(symbols) == sorted(f"{w}.{n}" for w in range(10) for n in range(10))
    assert all((s.frequency, s.affinity) == (1, {"joy": 1.0}) for s in symbols.values())


def together(tasks: list[Callable[[], object]]) -> None:
    """Do the tasks in threads that begin at the same time."""
    gate = threading.Barrier(len(tasks))
    failed: list[BaseException] = []

    def run(task: Callable[[], object]) -> None:
        gate.wait()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - a thread's errors are seen by nobody
            failed.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("shared", [True, False], ids=["one handle", "a handle each"])
def test_parallel_observations_equal_a_replay_in_their_order(
    kb: kato.KnowledgeBase, shared: bool
) -> None:
    session = kato.Session(kb, max_pattern_length=2, stm_mode="ROLLING")

    def observe(worker: int) -> None:
        handle = session if shared else kato.Session(kb, session.id)
        for number in range(20):
            handle.observe([f"{worker}.{number}"], emotives={"joy": number})

    together([partial(observe, worker) for worker in range(5)])
    assert session.time == 100
    # A window of two was learned at each observation but the first: they tell the order.
    reference = ReferenceSession(ReferenceMemory(), max_pattern_length=2, stm_mode="ROLLING")
    for symbol in order_of(kb):
        reference.observe([symbol], {"joy": int(symbol.partition(".")[2])})
    assert session.events == reference.stm
    assert_counters_are(kb, reference.memory)
    assert {pattern["frequency"] for pattern in reference.memory.patterns.values()} == {1}


def order_of(kb: kato.KnowledgeBase) -> list[str]:
    """The order of symbols of which each pair of neighbours was learned."""
    predictions = kb.predict([["no", "symbol"]], recall_threshold=0.0, max_predictions=1000)
    followers = {p.sequence[0][0]: p.sequence[1][0] for p in predictions}
    (symbol,) = followers.keys() - followers.values()
    order = [symbol]
    while symbol in followers:
        order.append(symbol := followers[symbol])
    return order


def test_a_session_that_many_open_at_once_is_one(kb: kato.KnowledgeBase) -> None:
    for attempt in range(5):
        name = f"{kb.name} {attempt}"
        together([partial(open_and_observe, kb, name, symbol) for symbol in "abcdefgh"])
        assert sorted(kato.Session(kb, name).events) == [[symbol] for symbol in "abcdefgh"]


def open_and_observe(kb: kato.KnowledgeBase, name: str, symbol: str) -> None:
    kato.Session(kb, name, max_predictions=7).observe([symbol])


def test_a_handle_of_a_deleted_session_follows_the_new_one(kb: kato.KnowledgeBase) -> None:
    old = kato.Session(kb, max_predictions=3)
    old.delete()
    new = kato.Session(kb, old.id, max_predictions=7)
    assert old.observe(["a"]).stm_length == 1
    assert (new.events, new.config.max_predictions) == ([["a"]], 7)


def test_it_survives_the_process_that_made_it(backend: Backend, memory: kato.Memory) -> None:
    kb = memory.knowledge_base("surviving")
    session = kato.Session(kb, "the session", recall_threshold=0.3)
    session.clear()
    session.observe(["é"], emotives={"joy": 1}, vectors=[[1.5, 2.5]])
    again = kato.Session(kb, "the session")
    assert (again.events, again.config) == (session.events, session.config)
    assert again.observe(["b"]).stm_length == 2
    assert session.observe(["c"]).stm_length == 3


def test_it_expires(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, ttl_seconds=1)
    session.observe(["a"])
    time.sleep(1.1)
    for call in (lambda: session.observe(["b"]), session.learn, session.predict, session.clear):
        with pytest.raises(SessionNotFound):
            call()
    assert kato.Session(kb, session.id).events == []


def test_it_ends_when_it_is_deleted(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    session.delete()
    with pytest.raises(SessionNotFound, match=session.id):
        session.observe(["a"])


def test_it_belongs_to_one_knowledge_base(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    with pytest.raises(SessionNotFound, match="is on knowledge base"):
        kato.Session(memory.knowledge_base("another"), session.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbols": "abc"},
        {"symbols": [1]},
        {"symbols": ["\ud800"]},
        {"symbols": ["a"], "emotives": {"joy": float("nan")}},
        {"symbols": ["a"], "emotives": {1: 1}},
        {"symbols": ["a"], "metadata": ["k"]},
        {"symbols": ["a"], "vectors": [[1.0, float("inf")]]},
        {"symbols": ["a"], "vectors": ["abc"]},
    ],
    ids=str,
)
def test_a_refused_observation_changes_nothing(
    kb: kato.KnowledgeBase, wrong: dict[str, Any]
) -> None:
    session = kato.Session(kb)
    session.observe(["a"])
    with pytest.raises(InvalidInput):
        session.observe(**wrong)
    assert (session.events, session.time) == ([["a"]], 1)


def test_a_refused_configuration_changes_nothing(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb)
    with pytest.raises(InvalidConfig) as refused:
        session.configure(recall_threshold=0.5, persistence=0, nonsense=1)
    assert set(refused.value.problems) == {"persistence", "nonsense"}
    assert session.config == kato.SessionConfig()
    with pytest.raises(InvalidConfig, match="ttl_seconds"):
        kato.Session(kb, ttl_seconds=0)


def test_events_are_sorted_as_the_session_says(kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, sort_symbols=False)
    session.observe(["b", "a"])
    session.observe(["z"])
    assert kb.get(session.learn() or "").events == [["b", "a"], ["z"]]


def test_what_is_refused_is_refused_of_the_newest_state(kb: kato.KnowledgeBase) -> None:
    """A handle that knows an older state must not refuse for it."""
    one, other = (kato.Session(kb, "two handles " + kb.name) for _ in range(2))
    one.observe(["a", "b"])
    assert other.learn_events().events == 1
    with pytest.raises(NothingToLearn):
        one.learn_events()
