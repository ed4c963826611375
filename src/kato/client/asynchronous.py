"""The client that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import httpx

from kato.client.address import TIMEOUT_SECONDS, Address
from kato.client.call import Steps
from kato.client.knowledge_base import KnowledgeBaseCalls
from kato.client.memory import MemoryCalls
from kato.client.running import RETRIES, Outcome, Pause, Wish, run
from kato.client.session import SessionCalls
from kato.client.transport import Told, answer_of, loss_of, request_of, sent_async, timeouts

T = TypeVar("T")


def connect_async(
    url: str,
    api_key: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    *,
    retries: int = RETRIES,
) -> AsyncRemoteMemory:
    """The memory that a service serves, for one event loop; nothing is sent yet.

    Args:
        url: Where it is, as ``http://localhost:8000``.
        api_key: Its key, if it wants one.
        timeout: Seconds an answer may take.
        retries: How often a call is sent again where a connection is lost or the service is busy.

    Raises:
        InvalidInput: The address is none.

    >>> connect_async("http://localhost:8000").knowledge_base("letters").name
    'letters'
    """
    return AsyncRemoteMemory(AsyncConnection(Address.of(url, api_key), timeout, retries))


class AsyncConnection:
    """Sends calls to a service, from one event loop.

    Args:
        address: Where it is.
        timeout: Seconds an answer may take.
        retries: How often a call is sent again.
    """

    def __init__(self, address: Address, timeout: float, retries: int) -> None:
        self.address = address
        self._retries = retries
        self._client = httpx.AsyncClient(
            headers=address.headers(), timeout=timeouts(timeout), trust_env=not address.is_here
        )

    async def run(self, steps: Steps[T]) -> T:
        """Run them to their end."""
        running = run(steps, self.address.url, self._retries)
        outcome: Outcome = None
        while True:
            try:
                wish = running.send(outcome)
            except StopIteration as done:
                answer: T = done.value
                return answer
            outcome = await self._fulfilled(wish)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _fulfilled(self, wish: Wish) -> Outcome:
        if isinstance(wish, Pause):
            await asyncio.sleep(wish.seconds)
            return None
        try:
            request = request_of(self._client, self.address, wish)
            return answer_of(await self._client.send(request))
        except (httpx.TransportError, httpx.DecodingError) as error:
            return loss_of(error)


class AsyncRemoteMemory:
    """A memory behind a service: knowledge bases and sessions, their methods awaited.

    :func:`connect_async` makes one; it is an asynchronous context manager::

        async with kato.client.connect_async("http://localhost:8000") as memory:
            kb = memory.knowledge_base("letters")
            await kb.learn([["a"], ["b"], ["c"]])
            (await kb.predict([["a"], ["b"]]))[0].future  # [['c']]
    """

    def __init__(self, link: AsyncConnection) -> None:
        self._link = link
        self._calls = MemoryCalls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._link.address.url

    def knowledge_base(self, name: str = "default") -> AsyncRemoteKnowledgeBase:
        """The knowledge base of that name: any text; it comes to be with its first pattern.

        Raises:
            InvalidSymbol: The name is no text of Unicode scalar values.
        """
        return AsyncRemoteKnowledgeBase(self._link, name)

    async def session(
        self,
        kb: str | AsyncRemoteKnowledgeBase,
        session_id: str | None = None,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> AsyncRemoteSession:
        """Open a session on a knowledge base: a new one, or that of an id.

        Args:
            kb: The knowledge base, or its name.
            session_id: Opens that session; it must be there.
            ttl_seconds: Seconds after which a new one is gone if it is not used; the service
                decides if None.
            metadata: Anything about a new one.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidConfig: A configuration value cannot be used.
            SessionNotFound: There is no session of that id on the knowledge base.
        """
        name = kb if isinstance(kb, str) else kb.name
        opened = await self._link.run(
            self._calls.open_session(
                name, session_id, ttl_seconds=ttl_seconds, metadata=metadata, **config
            )
        )
        return AsyncRemoteSession(self._link, opened.session_id, name)

    knowledge_bases = sent_async(MemoryCalls.knowledge_bases)
    forget_knowledge_base = sent_async(MemoryCalls.forget_knowledge_base)
    mark = sent_async(MemoryCalls.mark)
    is_disposable = sent_async(MemoryCalls.is_disposable)
    undo = sent_async(MemoryCalls.undo)
    undoable = sent_async(MemoryCalls.undoable)
    stats = sent_async(MemoryCalls.stats)
    ready = sent_async(MemoryCalls.ready)

    async def close(self) -> None:
        """Let go of the connections; the service goes on."""
        await self._link.close()


class AsyncRemoteKnowledgeBase:
    """Patterns under one name; :meth:`AsyncRemoteMemory.knowledge_base` gives it.

    Attributes:
        name: Its name.
    """

    def __init__(self, link: AsyncConnection, name: str) -> None:
        self._link = link
        self._calls = KnowledgeBaseCalls(name)
        self.name = name

    learn = sent_async(KnowledgeBaseCalls.learn)
    learn_many = sent_async(KnowledgeBaseCalls.learn_many)
    predict = sent_async(KnowledgeBaseCalls.predict)
    explain = sent_async(KnowledgeBaseCalls.explain)
    get = sent_async(KnowledgeBaseCalls.get)
    patterns = sent_async(KnowledgeBaseCalls.patterns)
    count = sent_async(KnowledgeBaseCalls.count)
    edit = sent_async(KnowledgeBaseCalls.edit)
    forget = sent_async(KnowledgeBaseCalls.forget)
    clear = sent_async(KnowledgeBaseCalls.clear)
    undo = sent_async(KnowledgeBaseCalls.undo)
    undoable = sent_async(KnowledgeBaseCalls.undoable)
    stats = sent_async(KnowledgeBaseCalls.stats)
    symbols = sent_async(KnowledgeBaseCalls.symbols)
    affinity = sent_async(KnowledgeBaseCalls.affinity)


class AsyncRemoteSession:
    """A short-term memory on a knowledge base; :meth:`AsyncRemoteMemory.session` opens it.

    Its properties are awaited too: ``await session.events``.

    It lives in the service. One that expired or was deleted is :class:`kato.errors.SessionNotFound`
    at the next call: what it had in mind is lost, so none is made in its place unasked.

    Attributes:
        id: Its id.
        knowledge_base: The knowledge base it learns into and predicts from.
    """

    def __init__(self, link: AsyncConnection, session_id: str, kb: str) -> None:
        self._link = link
        self._calls = SessionCalls(session_id)
        self.id = session_id
        self.knowledge_base = AsyncRemoteKnowledgeBase(link, kb)

    events = Told(sent_async(SessionCalls.events))
    time = Told(sent_async(SessionCalls.time))
    config = Told(sent_async(SessionCalls.config))
    percept = Told(sent_async(SessionCalls.percept))
    info = sent_async(SessionCalls.info)
    extend = sent_async(SessionCalls.extend)
    configure = sent_async(SessionCalls.configure)
    observe = sent_async(SessionCalls.observe)
    observe_many = sent_async(SessionCalls.observe_many)
    learn = sent_async(SessionCalls.learn)
    predict = sent_async(SessionCalls.predict)
    explain = sent_async(SessionCalls.explain)
    clear = sent_async(SessionCalls.clear)
    clear_all = sent_async(SessionCalls.clear_all)
    delete = sent_async(SessionCalls.delete)
