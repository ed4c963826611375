"""What is safe to send again is sent again, once its connection or an answer is lost; no more."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.client.flaky import FlakyProxy, flaky, told

import kato
from kato.client import KATOClient, RemoteMemory, connect, connect_async
from kato.client.call import Call, changing, nothing, reading
from kato.client.failures import Answer, Lost
from kato.client.running import LONGEST_PAUSE, pause_before_next
from kato.errors import (
    AccessDenied,
    Conflict,
    InvalidConfig,
    InvalidInput,
    KatoError,
    ServiceUnavailable,
    SessionNotFound,
    StoreFull,
    StoreUnavailable,
    TooManyRequests,
)
from kato.model.answers import Observation

BUSY = told("503 Service Unavailable", '{"detail": "the ledger is gone"}', "Retry-After: 0")


@pytest.fixture
def proxy(url: str) -> Iterator[FlakyProxy]:
    with flaky(url) as proxy:
        yield proxy


@pytest.fixture
def far(proxy: FlakyProxy) -> Iterator[RemoteMemory]:
    """The memory through a proxy that may lose something."""
    with connect(proxy.url) as memory:
        yield memory


CHANGES: dict[str, Callable[[Any], Any]] = {
    "observe": lambda session: session.observe(["a"]),
    "observe_many": lambda session: session.observe_many(
        [Observation(["x"]), Observation(["y"])], learn_at_end=True
    ),
    "learn": lambda session: session.learn(),
    "configure": lambda session: session.configure(recall_threshold=0.5),
    "extend": lambda session: session.extend(50),
    "clear": lambda session: session.clear(),
    "learn in a knowledge base": lambda session: session.knowledge_base.learn([["x"], ["y"]]),
    "learn many": lambda session: session.knowledge_base.learn_many([[["p"], ["q"]]] * 3),
    "edit": lambda session: session.knowledge_base.edit(NAME, frequency=5),
    "forget": lambda session: session.knowledge_base.forget(NAME),
    "clear a knowledge base": lambda session: session.knowledge_base.clear(),
    "delete": lambda session: session.delete(),
}
NAME = "76d7efca2e96cb5eeddf4e06ac96a0f424630135"  # of a, b


def state(session: Any) -> list[Any]:
    """What a session and its knowledge base hold."""
    try:
        held = [session.events, session.time, session.config]
    except SessionNotFound:
        held = ["gone"]
    kb = session.knowledge_base
    patterns = [(each.name, each.frequency) for each in kb.patterns().patterns]
    return [*held, kb.stats(), patterns]


@pytest.mark.parametrize("fault", ["request", "answer", BUSY])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_made_once(  # noqa: PLR0917 - fixtures
    change: Callable[[Any], Any],
    fault: str | bytes,
    proxy: FlakyProxy,
    far: RemoteMemory,
    remote: RemoteMemory,
    kb_name: str,
) -> None:
    sessions = [remote.session(kb_name + " well"), far.session(kb_name + " lost")]
    for session in sessions:
        session.knowledge_base.learn([["a"], ["b"]])
        session.observe(["before"])
        session.observe(["it"])
    expected = change(sessions[0])
    proxy.faults = [fault, fault]
    proxy.seen.clear()
    answer = change(sessions[1])
    assert not proxy.faults
    assert _without_ids(answer) == _without_ids(expected)
    assert state(sessions[1]) == state(sessions[0])
    first, second, third = proxy.keys()[:3]
    assert first == second == third


def _without_ids(answer: Any) -> str:
    return repr(answer).split("unique_id")[0]


def test_a_session_is_opened_once(
    proxy: FlakyProxy, far: RemoteMemory, memory: kato.Memory, kb_name: str
) -> None:
    before = memory.sessions.count()
    proxy.faults = ["answer", "answer", "answer"]
    far.session(kb_name)
    assert memory.sessions.count() == before + 1


def test_reading_is_repeated(proxy: FlakyProxy, far: RemoteMemory, kb_name: str) -> None:
    far.knowledge_base(kb_name).learn([["a"], ["b"]])
    proxy.faults = ["answer", "request", BUSY]
    assert len(far.knowledge_base(kb_name).predict([["a"]])) == 1


def test_it_gives_up(proxy: FlakyProxy, far: RemoteMemory, kb_name: str) -> None:
    proxy.faults = ["request"] * 20
    with pytest.raises(ServiceUnavailable, match="kato serve"):
        far.knowledge_base(kb_name).stats()
    assert len(proxy.seen) == 5
    proxy.faults = [BUSY] * 20
    with pytest.raises(StoreUnavailable, match="the ledger is gone"):
        far.knowledge_base(kb_name).stats()
    assert len(proxy.seen) == 10


ANSWERS: list[tuple[bytes, type[KatoError]]] = [
    (told("401 Unauthorized", '{"detail": "no key"}'), AccessDenied),
    (told("403 Forbidden", '{"detail": "not yours"}'), AccessDenied),
    (told("404 Not Found", '{"detail": "Session x not found or expired"}'), SessionNotFound),
    (told("409 Conflict", '{"detail": "moved on"}'), Conflict),
    (told("413 Too Large", '{"detail": "less"}'), InvalidInput),
    (told("422 Unprocessable", '{"detail": [{"loc": ["body"], "msg": "bad"}]}'), InvalidInput),
    (told("429 Slow", '{"detail": "slow"}', "Retry-After: 600"), TooManyRequests),
    (told("500 Oops", "Internal Server Error"), KatoError),
    (told("507 Full", '{"detail": "full"}', "Retry-After: 600"), StoreFull),
    (told("200 OK", "<html>hello</html>"), ServiceUnavailable),
    (told("302 Found", "", "Location: /elsewhere"), KatoError),
]


@pytest.mark.parametrize(("answer", "error"), ANSWERS, ids=[a[:20].decode() for a, _ in ANSWERS])
def test_failures_are_errors_and_not_repeated(
    answer: bytes, error: type[KatoError], proxy: FlakyProxy, far: RemoteMemory, kb_name: str
) -> None:
    session = far.session(kb_name)
    proxy.seen.clear()
    proxy.faults = [answer]
    with pytest.raises(error) as told_error:
        session.observe(["a"])
    assert type(told_error.value) is error
    assert len(proxy.seen) == 1
    assert session.events == []


def test_asking_too_often_is_repeated_after_what_the_service_says(
    proxy: FlakyProxy, far: RemoteMemory, kb_name: str
) -> None:
    session = far.session(kb_name)
    proxy.faults = [told("429 Slow", "{}", "Retry-After: 1")]
    began = time.monotonic()
    session.observe(["a"])
    assert time.monotonic() - began >= 1
    assert session.events == [["a"]]


def test_no_service() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with connect(closed, retries=1) as memory, pytest.raises(ServiceUnavailable):
            memory.knowledge_bases()
        with pytest.raises(ServiceUnavailable):
            asyncio.run(_ask(closed))


async def _ask(url: str) -> None:
    async with connect_async(url, retries=0) as memory:
        await memory.knowledge_bases()


def test_a_service_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silence = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with (
            connect(silence, timeout=0.3) as memory,
            pytest.raises(ServiceUnavailable, match="in time"),
        ):
            memory.knowledge_base("a").learn([["a"], ["b"]])
        assert time.monotonic() - began < 2  # it may be at work: it is not asked once more


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://", "http://[", 5])
def test_an_address_that_is_none(url: Any) -> None:
    with pytest.raises(InvalidInput):
        connect(url)
    with pytest.raises(InvalidInput):
        connect("http://localhost", api_key="\n")


READING = reading("/x", nothing)
KEYED = changing("POST", "/x", nothing)
BARE: Call[None] = Call("POST", "/x", nothing)


@pytest.mark.parametrize(
    ("call", "outcome", "again"),
    [
        (READING, Lost("reset"), True),
        (KEYED, Lost("reset"), True),
        (BARE, Lost("reset"), False),
        (KEYED, Lost("slow", timed_out=True), False),
        (BARE, Answer(503, b""), False),
        *((KEYED, Answer(status, b""), True) for status in (429, 502, 503, 504)),
        *((KEYED, Answer(status, b""), False) for status in (400, 404, 409, 422, 500)),
        (KEYED, Answer(429, b"", {"retry-after": str(int(LONGEST_PAUSE) + 1)}), False),
    ],
)
def test_what_is_sent_again(call: Call[None], outcome: Answer | Lost, again: bool) -> None:
    pause = pause_before_next(call, outcome, 0)
    assert (pause is not None) is again


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [pause_before_next(KEYED, Lost("reset"), attempt) for attempt in range(60)]
    assert all(pause is not None and 0.05 <= pause <= 2 for pause in pauses)
    wished = pause_before_next(KEYED, Answer(503, b"", {"retry-after": "3"}), 0)
    assert wished == 3


def test_problems_are_told_by_key(proxy: FlakyProxy, far: RemoteMemory, kb_name: str) -> None:
    body = '{"detail": {"error": "bad", "validation_errors": {"persistence": "Must be"}}}'
    session = far.session(kb_name)
    proxy.faults = [told("400 Bad", body)]
    with pytest.raises(InvalidConfig) as problem:
        session.configure(persistence=3)
    assert problem.value.problems == {"persistence": "Must be"}


def test_the_client_of_before_recovers_too(proxy: FlakyProxy, kb_name: str) -> None:
    with KATOClient(proxy.url, kb_name) as client:
        proxy.faults = ["answer", "request", BUSY]
        client.observe(["a"])
        assert client.get_stm()["stm"] == [["a"]]
