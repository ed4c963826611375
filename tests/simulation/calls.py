"""What clients of KATO do in a simulation, and what each of it does to the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import msgspec
import redis
from tests.reference import ReferenceMemory, ReferenceSession
from tests.simulation.processes import Process
from tests.simulation.scheduler import Task

import kato
from kato.errors import NothingToLearn, PatternNotFound
from kato.model.answers import Observation, Observed
from kato.model.naming import pattern_name
from kato.storage.ledger.connection import SHARD
from kato.storage.ledger.operations import Operation

SESSIONS: dict[str, dict[str, Any]] = {
    "rolling": {"max_pattern_length": 3, "stm_mode": "ROLLING"},
    "plain": {},
}
SYMBOLS = "abc"
SEQUENCES = ([["a"], ["b"]], [["b"], ["c"]], [["a", "b"], ["c"]], [["a"], ["b"], ["c"]])
NAMES = [pattern_name(sequence) for sequence in SEQUENCES]
EMOTIVES: tuple[dict[str, float], ...] = ({}, {"joy": 1.0}, {"joy": -0.5, "fear": 2.0})
EVERYTHING: dict[str, Any] = {"recall_threshold": 0.0, "max_predictions": 100}


class Call(msgspec.Struct, eq=False):
    """One thing that a client does.

    Attributes:
        number: Which of a schedule.
        kind: One of :data:`KINDS`.
        arguments: What is said with it.
        carried_out: Whether its effect was seen in the ledger.
        expected: What the reference answered then.
    """

    number: int
    kind: str
    arguments: tuple[Any, ...] = ()
    carried_out: bool = False
    expected: Any = None

    def __str__(self) -> str:
        return f"{self.number}: {self.kind}{self.arguments}"

    @property
    def operation(self) -> Operation:
        """The same for every attempt."""
        return Operation.repeatable(f"call {self.number}", self.kind)


OPENING = Call(0, "open a session")
"""In whose name sessions are opened: it changes nothing of what they hold."""


class Model(msgspec.Struct):
    """What the calls that were carried out come to.

    Attributes:
        memory: The knowledge base.
        sessions: The sessions, by name.
    """

    memory: ReferenceMemory
    sessions: dict[str, ReferenceSession]

    @classmethod
    def empty(cls) -> Model:
        memory = ReferenceMemory()
        return cls(memory, {n: ReferenceSession(memory, **c) for n, c in SESSIONS.items()})


class Kind(NamedTuple):
    """A kind of call.

    Attributes:
        do: Does it in a process.
        model: Does it to the reference, and answers what it must answer; None if it only reads.
        draw: Draws arguments.
        share: How often it is drawn.
        is_repeatable: Whether it may be asked for again under its operation id.
        void: What it raises where there is nothing to do it to.
    """

    do: Callable[[Process, Call, Task], Any]
    model: Callable[[Model, Call], Any] | None
    draw: Callable[[Random], tuple[Any, ...]]
    share: int
    is_repeatable: bool = True
    void: type[Exception] | None = None


def drawn(random: Random, count: int) -> list[Call]:
    """So many calls."""
    kinds = random.choices(list(KINDS), [kind.share for kind in KINDS.values()], k=count)
    return [Call(i, kind, KINDS[kind].draw(random)) for i, kind in enumerate(kinds, 1)]


@contextmanager
def _in_the_name_of(task: Task, call: Call) -> Iterator[None]:
    before, task.operation = task.operation, call
    try:
        yield
    finally:
        task.operation = before


def _session(process: Process, call: Call, task: Task) -> kato.Session:
    name = call.arguments[0]
    with _in_the_name_of(task, OPENING):
        return process.session(name, SESSIONS[name])


def _told(observed: Observed) -> tuple[str | None, int, int]:
    return observed.auto_learned_pattern, observed.stm_length, observed.time


def _observe(process: Process, call: Call, task: Task) -> Any:
    session = _session(process, call, task)
    return _told(session.observe([call.arguments[1]], operation=call.operation))


def _observe_as_proposed(process: Process, call: Call, task: Task) -> Any:
    """As the service does for the usual: see :meth:`kato.Session.propose`."""
    _session(process, call, task)
    session = kato.Session(process.kb, call.arguments[0], must_exist=True)
    proposal = session.propose(Observation([call.arguments[1]]))
    assert proposal is not None
    learn = process.connection._scripts["learn"]
    try:
        learn(keys=[SHARD], args=proposal.arguments)
    except redis.RedisError:
        return _told(session.settle(proposal))
    return _told(session.accept(proposal))


def _observed(model: Model, call: Call) -> Any:
    session = model.sessions[call.arguments[0]]
    return session.observe([call.arguments[1]]), len(session.stm), session.time


def _observe_many(process: Process, call: Call, task: Task) -> Any:
    observations = [Observation([symbol]) for symbol in call.arguments[1]]
    session = _session(process, call, task)
    answer = session.observe_many(observations, learn_at_end=True, operation=call.operation)
    return [_told(observed) for observed in answer.results]


def _observed_many(model: Model, call: Call) -> Any:
    session = model.sessions[call.arguments[0]]
    told = [(session.observe([s]), len(session.stm), session.time) for s in call.arguments[1]]
    if session.stm:
        session.learn()
    return told


def _clear_session(model: Model, call: Call) -> None:
    model.sessions[call.arguments[0]].clear_stm()


def _clear_all(model: Model, call: Call) -> None:
    _clear_session(model, call)
    model.memory.clear()


def _edited(model: Model, call: Call) -> int:
    model.memory.edit(call.arguments[0], frequency=call.arguments[1])
    return int(call.arguments[1])


def _learn_many(process: Process, call: Call, task: Task) -> Any:
    return process.kb.learn_many(call.arguments[0]).sequences


def _learned_many(model: Model, call: Call) -> int:
    for sequence in call.arguments[0]:
        model.memory.learn(sequence)
    return len(call.arguments[0])


def _draw_session(random: Random) -> tuple[Any, ...]:
    return (random.choice(list(SESSIONS)),)


def _draw_observation(random: Random) -> tuple[Any, ...]:
    return (*_draw_session(random), random.choice(SYMBOLS))


def _draw_name(random: Random) -> tuple[Any, ...]:
    return (random.choice(NAMES),)


KINDS = {
    "observe": Kind(_observe, _observed, _draw_observation, 5),
    "observe as proposed": Kind(
        _observe_as_proposed, _observed, _draw_observation, 2, is_repeatable=False
    ),
    "observe many": Kind(
        _observe_many,
        _observed_many,
        lambda random: (*_draw_session(random), random.choices(SYMBOLS, k=3)),
        2,
    ),
    "learn": Kind(
        lambda p, c, t: _session(p, c, t).learn_events(operation=c.operation).pattern,
        lambda model, c: model.sessions[c.arguments[0]].learn() or None,
        _draw_session,
        2,
        void=NothingToLearn,
    ),
    "learn unnamed": Kind(
        lambda p, c, t: _session(p, c, t).learn(),
        lambda model, c: model.sessions[c.arguments[0]].learn() or None,
        _draw_session,
        1,
        is_repeatable=False,
    ),
    "clear": Kind(
        lambda p, c, t: _session(p, c, t).clear(operation=c.operation),
        _clear_session,
        _draw_session,
        1,
    ),
    "clear all": Kind(
        lambda p, c, t: _session(p, c, t).clear_all(operation=c.operation),
        _clear_all,
        _draw_session,
        1,
    ),
    "teach": Kind(
        lambda p, c, _: p.kb.learn(c.arguments[0], emotives=c.arguments[1], operation=c.operation),
        lambda model, c: model.memory.learn(c.arguments[0], c.arguments[1]),
        lambda random: (random.choice(SEQUENCES), random.choice(EMOTIVES)),
        5,
    ),
    "teach many": Kind(
        _learn_many,
        _learned_many,
        lambda random: (random.choices(SEQUENCES, k=2),),
        1,
        is_repeatable=False,
    ),
    "forget": Kind(
        lambda p, c, _: p.kb.forget(c.arguments[0], operation=c.operation),
        lambda model, c: None if model.memory.forget(c.arguments[0]) else "nothing to forget",
        _draw_name,
        2,
        void=PatternNotFound,
    ),
    "edit": Kind(
        lambda p, c, _: (
            p.kb.edit(c.arguments[0], frequency=c.arguments[1], operation=c.operation).frequency
        ),
        _edited,
        lambda random: (*_draw_name(random), random.randint(1, 5)),
        2,
        void=PatternNotFound,
    ),
    "empty": Kind(
        lambda p, c, _: p.kb.clear(operation=c.operation),
        lambda model, _: model.memory.clear(),
        lambda _: (),
        1,
    ),
    "predict": Kind(
        lambda p, *_: p.kb.predict([["a"], ["b"], ["c"]], **EVERYTHING),
        None,
        lambda _: (),
        5,
    ),
    "get": Kind(
        lambda p, c, _: p.kb.get(c.arguments[0]).frequency,
        None,
        _draw_name,
        2,
        void=PatternNotFound,
    ),
}
