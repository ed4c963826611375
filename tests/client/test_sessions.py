"""A session through the service answers what one of the library answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import kato
from kato.client import RemoteKnowledgeBase, RemoteMemory
from kato.errors import (
    InvalidConfig,
    InvalidEmotives,
    InvalidEvent,
    InvalidInput,
    InvalidMetadata,
    InvalidSymbol,
    InvalidVector,
    SessionNotFound,
)
from kato.model.answers import Observation
from kato.model.naming import pattern_name

ODD = 'it\'s "a" \\ \0 \n ☃ 🙂 {x:String} \x1b[2J'


def twins(
    memory: kato.Memory, remote: RemoteMemory, name: str, **config: Any
) -> tuple[kato.Session, Any]:
    """A session of the library and one of the service, each on a knowledge base of its own."""
    own = memory.knowledge_base(name + " library")
    return kato.Session(own, **config), remote.session(name + " service", **config)


def steps(session: Any) -> list[Any]:
    """What a session answers to a walk through its methods."""
    answers: list[Any] = []

    def said(observed: Any) -> None:
        answers.append((observed.stm_length, observed.time, observed.auto_learned_pattern))

    said(session.observe(["b", "a", ODD], emotives={"joy": 1}, metadata={"n": [1], "t": True}))
    said(session.observe([], emotives={"joy": 0.5}))
    said(session.observe(["c"], vectors=[np.arange(3.0)]))
    answers.extend([session.events, session.time, session.percept["strings"]])
    many = session.observe_many(
        [Observation(["x"], unique_id="mine"), Observation(["y", "z"]), Observation()],
        learn_at_end=True,
    )
    answers.append((many.learned, many.initial_stm_length, many.final_stm_length))
    answers.extend([many.learned_at_end, many.results[0].unique_id])
    each = session.observe_many(
        [Observation(["x"]), Observation(["y", "z"])], learn_after_each=True, clear_between=True
    )
    answers.extend([each.learned, each.learned_at_end])
    answers.append(session.learn())
    session.observe(["a"])
    session.observe(["b"])
    answers.append(session.predict())
    answers.append(session.predict(recall_threshold=0.9, max_predictions=1))
    answers.append(session.configure(recall_threshold=0.3, filter_pipeline=["length"]))
    answers.append(session.configure(use_token_matching=False))
    answers.append(session.predict(use_token_matching=True))
    answers.append(session.config)
    answers.append(session.learn())
    session.observe(["a"])
    session.clear()
    answers.extend([session.events, session.time])
    answers.append(session.extend(100))
    answers.append(session.info().ttl_seconds)
    session.clear_all()
    answers.append(session.knowledge_base.stats())
    answers.extend([session.delete(), session.delete()])
    return answers


def test_it_answers_what_the_library_answers(
    memory: kato.Memory, remote: RemoteMemory, kb_name: str
) -> None:
    ours, theirs = twins(memory, remote, kb_name)
    for mine, other in zip(steps(ours), steps(theirs), strict=True):
        assert mine == other


def test_automatic_learning(memory: kato.Memory, remote: RemoteMemory, kb_name: str) -> None:
    for session in twins(memory, remote, kb_name, max_pattern_length=2, stm_mode="ROLLING"):
        assert session.observe(["a"]).auto_learned_pattern is None
        learned = session.observe(["b"])
        assert learned.auto_learned_pattern == pattern_name([["a"], ["b"]])
        assert learned.stm_length == 1


def test_explanations(memory: kato.Memory, remote: RemoteMemory, kb_name: str) -> None:
    session: Any
    for session in twins(memory, remote, kb_name):
        session.observe(["a"])
        session.observe(["b"])
        name = session.learn()
        session.observe(["a"])
        verdict = session.explain(name).verdict
        assert (verdict.pattern, verdict.reason, verdict.place) == (name, "answered", 1)
        assert session.explain().verdict is None
        assert session.predict().explanation is None
        assert session.predict(explain=True).explanation.ensemble == 1
        assert session.explain("0" * 40).verdict.reason == "not learned"


def test_nothing_to_learn_is_no_pattern(remote: RemoteMemory, kb_name: str) -> None:
    session = remote.session(kb_name)
    assert session.learn() is None
    session.observe(["alone"])
    assert session.learn() is None
    assert session.events == []


def test_a_session_is_found_again(
    remote: RemoteMemory, remote_kb: RemoteKnowledgeBase, kb_name: str
) -> None:
    first = remote.session(remote_kb, ttl_seconds=600, metadata={"who": ["me", 1]})
    first.observe(["a"])
    again = remote.session(kb_name, first.id, recall_threshold=0.7)
    assert (again.events, again.config.recall_threshold) == ([["a"]], 0.7)
    info = again.info()
    assert (info.id, info.knowledge_base) == (first.id, kb_name)
    assert (info.ttl_seconds, info.metadata) == (600, {"who": ["me", 1]})
    assert info.expires_ms - info.created_ms >= 600_000


def test_a_session_of_another_knowledge_base_is_not_found(
    remote: RemoteMemory, kb_name: str
) -> None:
    session = remote.session(kb_name)
    with pytest.raises(SessionNotFound, match="is on knowledge base"):
        remote.session("another", session.id)
    with pytest.raises(SessionNotFound):
        remote.session(kb_name, "never was ../..\n☃")


CALLS = {
    "observe": lambda session: session.observe(["a"]),
    "observe_many": lambda session: session.observe_many([Observation(["a"])]),
    "learn": lambda session: session.learn(),
    "predict": lambda session: session.predict(),
    "explain": lambda session: session.explain(),
    "clear": lambda session: session.clear(),
    "clear_all": lambda session: session.clear_all(),
    "configure": lambda session: session.configure(persistence=3),
    "config": lambda session: session.config,
    "events": lambda session: session.events,
    "time": lambda session: session.time,
    "info": lambda session: session.info(),
    "extend": lambda session: session.extend(5),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_session_that_is_gone_stays_gone(call: Any, remote: RemoteMemory, kb_name: str) -> None:
    session = remote.session(kb_name)
    assert session.delete()
    with pytest.raises(SessionNotFound, match="open a new session"):
        call(session)


WRONG = [
    (lambda session: session.observe("abc"), InvalidEvent),
    (lambda session: session.observe(["\ud800"]), InvalidSymbol),
    (lambda session: session.observe([1]), InvalidSymbol),
    (lambda session: session.observe(["a"], emotives={"joy": math.nan}), InvalidEmotives),
    (lambda session: session.observe(["a"], metadata={1: "x"}), InvalidMetadata),
    (lambda session: session.observe(["a"], vectors=[[math.inf]]), InvalidVector),
    (lambda session: session.observe(["a"] * 20_000), InvalidInput),
    (
        lambda session: session.observe_many([Observation(["a"]), Observation(["\ud800"])]),
        InvalidSymbol,
    ),
    (lambda session: session.configure(no_such=1), InvalidConfig),
    (lambda session: session.configure(recall_threshold=2), InvalidConfig),
    (lambda session: session.configure(filter_pipeline=["no such"]), InvalidConfig),
    (lambda session: session.configure(rank_sort_algo="weighted_snr"), InvalidConfig),
    (lambda session: session.configure(affinity_emotive="\ud800"), InvalidConfig),
    (lambda session: session.predict(max_predictions=0), InvalidConfig),
    (lambda session: session.extend(0), InvalidConfig),
]


@pytest.mark.parametrize(("call", "error"), WRONG)
def test_what_cannot_be_used_changes_nothing(
    call: Any, error: type[Exception], remote: RemoteMemory, kb_name: str
) -> None:
    session = remote.session(kb_name)
    session.observe(["before"])
    with pytest.raises(error):
        call(session)
    assert (session.events, session.time) == ([["before"]], 1)
    assert session.config == kato.SessionConfig()


def test_problems_of_a_configuration_are_by_key(remote: RemoteMemory, kb_name: str) -> None:
    session = remote.session(kb_name)
    with pytest.raises(InvalidConfig) as told:
        session.configure(persistence=0, filter_pipeline=["no such"], nothing=1)
    assert set(told.value.problems) == {"persistence", "nothing"}
    with pytest.raises(InvalidConfig) as told:
        session.configure(filter_pipeline=["no such"])
    assert set(told.value.problems) == {"filter_pipeline"}
    with pytest.raises(InvalidConfig):
        remote.session(kb_name, ttl_seconds=0)


def test_what_a_service_says_cannot_be_set(remote: RemoteMemory, kb_name: str) -> None:
    with pytest.raises(AttributeError):
        remote.session(kb_name).events = []
