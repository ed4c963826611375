"""The awaited client answers what the waiting one answers, from the same core."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from kato.client import (
    AsyncRemoteKnowledgeBase,
    AsyncRemoteMemory,
    AsyncRemoteSession,
    Observation,
    RemoteKnowledgeBase,
    RemoteMemory,
    RemoteSession,
    connect_async,
)
from kato.client.transport import Told
from kato.errors import SessionNotFound
from kato.memory import KnowledgeBase
from kato.session import Session


def test_sessions_beside_each_other(url: str, kb_name: str) -> None:
    async def one(memory: AsyncRemoteMemory, number: int) -> list[Any]:
        session = await memory.session(kb_name, recall_threshold=0.2)
        await session.observe([f"s{number}"])
        await session.observe_many([Observation(["x"]), Observation(["y"])])
        assert await session.events == [[f"s{number}"], ["x"], ["y"]]
        assert (await session.config).recall_threshold == 0.2
        name = await session.learn()
        await session.observe([f"s{number}"])
        best = (await session.predict())[0]
        assert await session.delete()
        with pytest.raises(SessionNotFound):
            await session.time
        return [name, best.name, best.future]

    async def all_of_them() -> None:
        async with connect_async(url) as memory:
            told = await asyncio.gather(*(one(memory, number) for number in range(20)))
            assert all(name == best for name, best, _ in told)
            kb = memory.knowledge_base(kb_name)
            assert (await kb.stats()).patterns == 20
            assert len(list(await kb.symbols())) == 22
            report = await kb.learn_many([[["a"], [f"b{i}"]] for i in range(5)])
            assert report.new == 5

    asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("waiting", "awaited"),
    [
        (RemoteMemory, AsyncRemoteMemory),
        (RemoteKnowledgeBase, AsyncRemoteKnowledgeBase),
        (RemoteSession, AsyncRemoteSession),
    ],
)
def test_both_have_the_same_methods(waiting: type, awaited: type) -> None:
    methods = _methods(waiting)
    assert methods.keys() == _methods(awaited).keys()
    for name, signature in methods.items():
        ours = {each: one.default for each, one in signature.parameters.items()}
        theirs = _methods(awaited)[name].parameters
        assert ours == {each: one.default for each, one in theirs.items()}


ONLY_HERE = {
    "KnowledgeBase": {
        *("explain_with", "predict_with", "learn_lesson", "clear_with", "nearest_vectors"),
        *("learn_each", "put", "sessions", "lesson_arguments", "inherit_affinity"),
    },
    "Session": {
        "read",
        "learn_events",
        "knowledge_base",
        "propose",
        "accept",
        "settle",
        "follow",
        "position",
    },
}
"""What other parts of the library call; and ``knowledge_base``, an attribute there."""


@pytest.mark.parametrize(
    ("library", "remote"), [(KnowledgeBase, RemoteKnowledgeBase), (Session, RemoteSession)]
)
def test_the_library_s_methods_are_there(library: type, remote: type) -> None:
    there = _methods(remote)
    for name, signature in _methods(library).items():
        if name in ONLY_HERE[library.__name__]:
            continue
        assert name in there
        wanted = [each for each in signature.parameters if each not in ("operation", "self")]
        assert [each for each in there[name].parameters if each != "self"] == wanted, name


def test_methods_are_documented_and_say_what_they_answer() -> None:
    for kind in (RemoteKnowledgeBase, RemoteSession, AsyncRemoteSession):
        for name, signature in _methods(kind).items():
            assert getattr(kind, name).__doc__, name
            assert "Steps" not in str(signature)
    assert str(inspect.signature(RemoteKnowledgeBase.get)).endswith("-> 'Pattern'")
    assert str(inspect.signature(AsyncRemoteKnowledgeBase.get)).endswith("-> 'Awaitable[Pattern]'")


def _methods(kind: type) -> dict[str, inspect.Signature]:
    found = {}
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if isinstance(value, (Told, property)):
            found[name] = inspect.Signature()
        elif callable(value) and not name.startswith("_"):
            found[name] = inspect.signature(value)
    return found
