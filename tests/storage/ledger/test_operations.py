"""Steps that are asked for twice, refused, or overtaken: each happens once or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from tests.storage.counted import learn, lesson_of
from tests.storage.ledger.test_layout import keys_of

import kato
from kato.errors import Conflict, NothingToLearn, PatternNotFound, StoreFull, StoreUnavailable
from kato.memory.engines import Engines
from kato.model.identity import new_id
from kato.storage.ledger.connection import SHARD, Connection
from kato.storage.ledger.counters import Counters
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.sessions import SessionStep

LESSON = lesson_of([["a"], ["b"]], [["b"], ["c", "a"]])
FULL = 0
"""A journal of no bytes is always full."""


def everything(engines: Engines, kb: str) -> dict[bytes, Any]:
    """All the ledger holds of a knowledge base, and of what all of them share."""
    command = engines.connection.command
    shared = ("names", "numbers", "journal", "journal:state", "dropped")
    keys = [f"{SHARD}:{name}".encode() for name in shared]
    sessions = command("KEYS", f"{SHARD}:session:*")
    keys += [key for key in sessions if command("HGET", key, "kb") == kb.encode()]
    keys += keys_of(engines, engines.counters.number(kb) or 0)
    return {key: content(command, key) for key in keys}


def content(command: Callable[..., Any], key: bytes) -> Any:
    """What a key holds; a hash may be dumped in another order after it was only read."""
    if command("TYPE", key) == b"hash":
        return command("HGETALL", key)
    return command("DUMP", key)


class LosesAnswers:
    """A script whose first answers get lost on the way back, after it ran."""

    def __init__(self, script: Callable[..., Any], lost: int) -> None:
        self._script = script
        self._lost = lost
        self.runs = 0

    def __call__(self, **arguments: Any) -> Any:
        answer = self._script(**arguments)
        self.runs += 1
        if self.runs <= self._lost:
            raise redis.ConnectionError("the answer got lost")
        return answer


def test_a_repeated_learn_answers_as_the_first(engines: Engines, kb: kato.KnowledgeBase) -> None:
    operation = Operation()
    first, second = (
        engines.counters.learn(kb.name, LESSON, persistence=5, operation=operation)
        for _ in range(2)
    )
    assert first == second
    assert kb.stats().pattern_frequencies == 2
    assert engines.journal.waiting() == 1


def test_a_learn_repeated_at_the_same_time_is_done_once(
    engines: Engines, kb: kato.KnowledgeBase
) -> None:
    operation = Operation()

    def ask(_: int) -> Any:
        return engines.counters.learn(kb.name, LESSON, persistence=5, operation=operation)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(32)))
    assert all(answer == answers[0] for answer in answers)
    assert kb.stats().pattern_frequencies == 2
    assert engines.journal.waiting() == 1


def test_other_operations_are_not_taken_for_repeats(
    engines: Engines, kb: kato.KnowledgeBase
) -> None:
    for _ in range(3):
        engines.counters.learn(kb.name, LESSON, persistence=5)
    assert kb.stats().pattern_frequencies == 6


@pytest.mark.parametrize("script", ["learn", "forget", "clear"])
def test_a_lost_answer_is_asked_for_again(
    engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    name = kb.learn([["a"], ["b"]]) or ""
    kb.learn([["x"], ["y"]])
    before = engines.journal.waiting()
    loses = LosesAnswers(engines.connection._scripts[script], lost=2)
    monkeypatch.setitem(engines.connection._scripts, script, loses)
    changes: dict[str, Callable[[], Any]] = {
        "learn": lambda: kb.learn([["a"], ["b"]]),
        "forget": lambda: kb.forget(name),
        "clear": kb.clear,
    }
    changes[script]()
    assert loses.runs == 3
    assert engines.journal.waiting() == before + 1
    frequencies = {"learn": 3, "forget": 1, "clear": 0}
    assert kb.stats().pattern_frequencies == frequencies[script]


def test_a_server_that_stays_away_is_unavailable(
    engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    loses = LosesAnswers(engines.connection._scripts["learn"], lost=100)
    monkeypatch.setitem(engines.connection._scripts, "learn", loses)
    with pytest.raises(StoreUnavailable):
        kb.learn([["a"], ["b"]])
    assert kb.stats().pattern_frequencies == 1


def test_nobody_listens() -> None:
    with pytest.raises(StoreUnavailable, match="see whether the Redis or Valkey server runs"):
        Connection.to_url("redis://127.0.0.1:1/0")


@pytest.mark.parametrize("change", ["learn new", "learn known", "forget", "clear", "step"])
def test_a_full_journal_refuses_and_nothing_changes(
    engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    session = kato.Session(kb)
    for symbol in "xy":
        session.observe([symbol])
    name = kb.learn([["a"], ["b"]]) or ""
    changes: dict[str, Callable[[], Any]] = {
        "learn new": lambda: kb.learn([["c"], ["d"]]),
        "learn known": lambda: kb.learn([["a"], ["b"]]),
        "forget": lambda: kb.forget(name),
        "clear": kb.clear,
        "step": session.learn,
    }
    before = everything(engines, kb.name)
    with monkeypatch.context() as context:
        context.setattr(engines.counters, "_journal_limit", FULL)
        with pytest.raises(StoreFull, match="KATO_JOURNAL_LIMIT_MB"):
            changes[change]()
    assert everything(engines, kb.name) == before
    changes[change]()
    assert everything(engines, kb.name) != before


def test_a_full_journal_lets_sessions_observe(
    engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not learned needs no journal."""
    monkeypatch.setattr(engines.counters, "_journal_limit", FULL)
    session = kato.Session(kb)
    session.observe(["a"])
    assert session.events == [["a"]]


def test_the_journals_bound_is_of_what_waits(engines: Engines, kb_name: str) -> None:
    bounded = Counters(engines.connection, Limits(journal=2000))
    accepted = 0

    def learn_on() -> None:
        nonlocal accepted
        while accepted < 1000:
            bounded.learn(kb_name, lesson_of([[str(accepted)], ["b"]]), persistence=5)
            accepted += 1

    with pytest.raises(StoreFull):
        learn_on()
    assert 2 < accepted < 100
    engines.flush()
    bounded.learn(kb_name, LESSON, persistence=5)


def test_a_step_on_an_old_state_changes_nothing(engines: Engines, kb_name: str) -> None:
    session = new_id()

    def step(version: int) -> None:
        next_state = SessionStep(
            session, version, version + 1, b"%d" % version, None if version else 60
        )
        engines.counters.learn(kb_name, LESSON, persistence=5, step=next_state)

    step(0)
    step(1)
    before = everything(engines, kb_name)
    for version in (0, 1, 3):
        with pytest.raises(Conflict):
            step(version)
    assert everything(engines, kb_name) == before
    kept = engines.sessions.visit(session)
    assert kept is not None
    assert (kept.version, kept.kb, kept.state) == (2, kb_name, b"1")


def test_a_repeated_step_is_no_conflict(engines: Engines, kb_name: str) -> None:
    operation, step = Operation(), SessionStep(new_id(), 0, 1, b"state", 60)
    answers = [
        engines.counters.learn(kb_name, LESSON, persistence=5, step=step, operation=operation)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


def test_a_removed_session_takes_no_step(engines: Engines, kb_name: str) -> None:
    session = new_id()
    engines.counters.learn(kb_name, LESSON, persistence=5, step=SessionStep(session, 0, 1, b"", 60))
    assert engines.sessions.remove(session, Operation()) is not None
    assert engines.sessions.remove(session, Operation()) is None
    with pytest.raises(Conflict):
        engines.counters.learn(kb_name, LESSON, persistence=5, step=SessionStep(session, 1, 2, b""))
    assert engines.sessions.visit(session) is None


def test_a_session_expires(engines: Engines, kb_name: str) -> None:
    session = new_id()
    step = SessionStep(session, 0, 1, b"", 1234)
    engines.counters.learn(kb_name, LESSON, persistence=5, step=step)
    assert 1200 < engines.connection.command("TTL", f"{SHARD}:session:{session}") <= 1234


def test_steps_through_several_handles_are_all_kept(kb: kato.KnowledgeBase) -> None:
    sessions = [kato.Session(kb, "shared " + kb.name) for _ in range(4)]

    def observe(session: kato.Session) -> None:
        for i in range(10):
            session.observe([str(i)])

    with ThreadPoolExecutor(len(sessions)) as threads:
        list(threads.map(observe, sessions))
    assert sessions[0].time == 40
    assert sorted(symbol for [symbol] in sessions[0].events) == sorted(
        str(i) for i in range(10) for _ in sessions
    )


def test_steps_of_several_handles_learn_each_event_once(kb: kato.KnowledgeBase) -> None:
    sessions = [kato.Session(kb, "learns " + kb.name, max_pattern_length=5) for _ in range(4)]

    def observe(session: kato.Session) -> None:
        for _ in range(10):
            session.observe(["a"])

    with ThreadPoolExecutor(len(sessions)) as threads:
        list(threads.map(observe, sessions))
    assert kb.stats().total_symbols == 40
    assert kb.stats().pattern_frequencies == 8


def test_ids_of_operations_end(engines: Engines, kb_name: str) -> None:
    operation = Operation()
    engines.counters.learn(kb_name, LESSON, persistence=5, operation=operation)
    assert 0 < engines.connection.command("PTTL", f"{SHARD}:op:{operation.id}") <= 60_000


def test_learning_is_answered_from_the_knowledge_bases_number(
    engines: Engines, kb: kato.KnowledgeBase
) -> None:
    first = learn(engines, kb.name, [["a"], ["b"]])
    kb.clear()
    second = learn(engines, kb.name, [["a"], ["b"]])
    assert second.kb > first.kb
    assert second.ids == [1]


def test_a_forget_that_its_first_attempt_overtakes_is_told_the_same(
    kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kb.learn([["a"], ["b"]])
    assert name is not None
    operation = Operation.repeatable(new_id(), "forget")
    comes_late(monkeypatch, kb._counters, "state", lambda: kb.forget(name, operation=operation))
    kb.forget(name, operation=operation)
    with pytest.raises(PatternNotFound):
        kb.forget(name)


def test_an_edit_that_its_first_attempt_overtakes_is_told_the_same(
    kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kb.learn([["a"], ["b"]])
    assert name is not None
    operation = Operation.repeatable(new_id(), "edit")
    told = []

    def attempt() -> None:
        told.append(kb.edit(name, frequency=3, operation=operation))
        kb.forget(name)

    comes_late(monkeypatch, kb._counters, "state", attempt)
    assert [kb.edit(name, frequency=3, operation=operation)] == told


def test_a_learn_that_its_first_attempt_overtakes_is_told_the_same(
    kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = kato.Session(kb)
    for symbol in "ab":
        session.observe([symbol])
    elsewhere = kato.Session(kb, session.id, must_exist=True)
    elsewhere.observe(["c"])
    operation = Operation.repeatable(new_id(), "learn")
    told = []

    def attempt() -> None:
        told.append(elsewhere.learn_events(operation=operation))

    comes_late(monkeypatch, kb.sessions, "visit", attempt)
    assert [session.learn_events(operation=operation)] == told
    with pytest.raises(NothingToLearn):
        session.learn_events()


def test_a_repeat_knows_what_its_first_attempt_kept(
    kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = kato.Session(kb)
    elsewhere = kato.Session(kb, session.id, must_exist=True)
    operation = Operation.repeatable(new_id(), "observe")

    def attempt() -> None:
        other = kato.Session(kb)
        other.observe(["x"], vectors=[[1.0, 0.0]])
        other.learn()
        elsewhere.observe(vectors=[[1.0, 0.1]], operation=operation)

    comes_late(monkeypatch, kb._counters, "learn", attempt)
    session.observe(vectors=[[1.0, 0.1]], operation=operation)
    assert len(elsewhere.events[0]) == 2, "the vector, and the one that is near it by then"
    assert session.events == elsewhere.events


def comes_late(
    monkeypatch: pytest.MonkeyPatch, asked: Any, question: str, attempt: Callable[[], None]
) -> None:
    """Let an attempt come just before something is asked for the first time."""
    ask = getattr(asked, question)

    def ask_after(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        attempt()
        return ask(*arguments, **named)

    monkeypatch.setattr(asked, question, ask_after)
