"""Steps asked for from an event loop end as those that are waited for, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from tests.reference import ReferenceMemory, ReferenceSession

import kato
from kato.errors import InvalidInput, SessionNotFound
from kato.memory.engines import Engines
from kato.session import Observation, Observed, Session
from kato.storage.ledger import pipeline as pipelines
from kato.storage.ledger.pipeline import Pipeline

Step = Callable[[Pipeline], Awaitable[Any]]


def piped(memory: kato.Memory, step: Step) -> Any:
    """What a coroutine answers that is given a pipeline."""

    async def run() -> Any:
        pipeline = Pipeline(memory.ledger())
        try:
            return await step(pipeline)
        finally:
            await pipeline.close()

    return asyncio.run(run())


async def observe(pipeline: Pipeline, session: Session, *symbols: str) -> tuple[bool, Observed]:
    """Observe as a service does; whether the pipeline answered, and what was observed."""
    proposal = session.propose(Observation(symbols))
    assert proposal is not None
    if await pipeline.run("learn", *proposal.arguments) is not None:
        return True, session.accept(proposal)
    return False, await asyncio.to_thread(session.settle, proposal)


def test_many_under_way_at_once(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    """Fifty sessions that learn by themselves end as one after the other in the reference."""
    sessions = [Session(kb, max_pattern_length=4) for _ in range(50)]
    reference, expected = ReferenceMemory(), []

    async def member(pipeline: Pipeline, number: int) -> None:
        chance = Random(number)
        for _ in range(23):
            answered, _ = await observe(pipeline, sessions[number], f"s{chance.randrange(9)}")
            assert answered

    async def all_of_them(pipeline: Pipeline) -> None:
        await asyncio.gather(*(member(pipeline, number) for number in range(50)))

    piped(memory, all_of_them)
    for number, session in enumerate(sessions):
        chance, alone = Random(number), ReferenceSession(reference, max_pattern_length=4)
        for _ in range(23):
            alone.observe([f"s{chance.randrange(9)}"])
        expected.append(alone.stm)
        assert (session.events, session.time) == (alone.stm, 23)
    assert kb.stats().patterns == len(reference.patterns)
    assert any(expected)


def test_what_breaks_is_asked_for_again_and_done_once(
    memory: kato.Memory, engines: Engines, kb: kato.KnowledgeBase
) -> None:
    session = Session(kb)

    async def step(pipeline: Pipeline) -> list[bool]:
        ways = []
        for number in range(6):
            if number % 2:
                engines.connection.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            way, observed = await observe(pipeline, session, f"s{number}")
            assert observed.time == number + 1
            ways.append(way)
        return ways

    ways = piped(memory, step)
    assert ways[0]
    assert not all(ways)
    assert session.events == [[f"s{number}"] for number in range(6)]


def test_an_answer_that_is_lost_was_an_answer(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(kb)

    async def step(pipeline: Pipeline) -> tuple[bool, Observed]:
        await observe(pipeline, session, "a")

        def lost(self: Any, answer: Any) -> None:  # it was carried out, and nobody hears of it
            self._waiting.popleft().set_exception(ConnectionResetError())

        monkeypatch.setattr(pipelines._Open, "_settle", lost)
        return await observe(pipeline, session, "b")

    answered, observed = piped(memory, step)
    assert (answered, observed.time, session.events) == (False, 2, [["a"], ["b"]])


def test_an_answer_that_takes_too_long_is_waited_for_elsewhere(
    memory: kato.Memory, engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "ANSWER_SECONDS", 0.1)
    session = Session(kb)

    async def step(pipeline: Pipeline) -> tuple[bool, Observed]:
        await observe(pipeline, session, "a")
        engines.connection.command("CLIENT", "PAUSE", 400, "WRITE")
        return await observe(pipeline, session, "b")

    answered, observed = piped(memory, step)
    assert (answered, observed.time, session.events) == (False, 2, [["a"], ["b"]])


def test_a_server_that_falls_silent_under_a_crowd(
    memory: kato.Memory, engines: Engines, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that wait, are sent and begin while the connection is closed end well, each once."""
    monkeypatch.setattr(pipelines, "ANSWER_SECONDS", 0.05)
    sessions = [Session(kb) for _ in range(30)]

    async def member(pipeline: Pipeline, session: Session) -> None:
        for number in range(10):
            await observe(pipeline, session, f"s{number}")

    async def silence() -> None:
        for _ in range(3):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(engines.connection.command, "CLIENT", "PAUSE", 200, "ALL")

    async def all_of_them(pipeline: Pipeline) -> None:
        members = (member(pipeline, session) for session in sessions)
        await asyncio.gather(*members, silence())

    piped(memory, all_of_them)
    expected = [[f"s{number}"] for number in range(10)]
    assert [session.events for session in sessions] == [expected] * 30


def test_what_broke_does_not_close_what_was_opened_since(
    memory: kato.Memory, kb: kato.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Session(kb), Session(kb)

    async def step(pipeline: Pipeline) -> tuple[bool, bool]:
        await observe(pipeline, first, "a")
        broken = pipeline._open
        assert broken is not None
        slow = asyncio.create_task(observe(pipeline, first, "b"))
        # Its answer is lost, and nobody hears of it.
        monkeypatch.setattr(broken, "_settle", lambda _: broken._waiting.popleft())
        await asyncio.sleep(0.05)
        pipeline._open = None
        assert (await observe(pipeline, second, "c"))[0]
        opened = pipeline._open
        answered, _ = await slow
        await broken.close()
        return answered, pipeline._open is opened

    monkeypatch.setattr(pipelines, "ANSWER_SECONDS", 0.3)
    assert piped(memory, step) == (False, True)
    assert (first.events, second.events) == ([["a"], ["b"]], [["c"]])


def test_another_handle_took_a_step(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    session = Session(kb)
    Session(kb, session.id).observe(["first"])
    answered, observed = piped(memory, lambda pipeline: observe(pipeline, session, "second"))
    assert (answered, observed.time) == (False, 2)
    assert session.events == [["first"], ["second"]]


def test_a_session_that_is_gone(memory: kato.Memory, kb: kato.KnowledgeBase) -> None:
    session = Session(kb)
    Session(kb, session.id).delete()
    with pytest.raises(SessionNotFound):
        piped(memory, lambda pipeline: observe(pipeline, session, "a"))


def test_what_takes_other_stores_or_time_is_not_proposed(kb: kato.KnowledgeBase) -> None:
    session = Session(kb)
    assert session.propose(Observation(vectors=[[1.0, 2.0]])) is None
    with pytest.raises(InvalidInput):
        session.propose(Observation(["a"], emotives={"joy": float("nan")}))
    session.observe_many([Observation(["a"])] * 201)
    assert session.propose(Observation(["a"])) is None
