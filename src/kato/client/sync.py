"""The client that waits for each answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import httpx

from kato.client.address import TIMEOUT_SECONDS, Address
from kato.client.call import Steps
from kato.client.knowledge_base import KnowledgeBaseCalls
from kato.client.memory import MemoryCalls
from kato.client.running import RETRIES, Outcome, Pause, Wish, run
from kato.client.session import SessionCalls
from kato.client.transport import Told, answer_of, loss_of, request_of, sent, timeouts

T = TypeVar("T")


def connect(
    url: str,
    api_key: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    *,
    retries: int = RETRIES,
) -> RemoteMemory:
    """The memory that a service serves; nothing is sent yet.

    Args:
        url: Where it is, as ``http://localhost:8000``.
        api_key: Its key, if it wants one.
        timeout: Seconds an answer may take.
        retries: How often a call is sent again where a connection is lost or the service is busy.

    Raises:
        InvalidInput: The address is none.

    >>> with connect("http://localhost:8000") as memory:
    ...     memory.knowledge_base("letters").name
    'letters'
    """
    return RemoteMemory(Connection(Address.of(url, api_key), timeout, retries))


class Connection:
    """Sends calls to a service. Safe for threads.

    Args:
        address: Where it is.
        timeout: Seconds an answer may take.
        retries: How often a call is sent again.
    """

    def __init__(self, address: Address, timeout: float, retries: int) -> None:
        self.address = address
        self._retries = retries
        self._client = httpx.Client(
            headers=address.headers(), timeout=timeouts(timeout), trust_env=not address.is_here
        )

    def run(self, steps: Steps[T]) -> T:
        """Run them to their end."""
        running = run(steps, self.address.url, self._retries)
        outcome: Outcome = None
        while True:
            try:
                wish = running.send(outcome)
            except StopIteration as done:
                answer: T = done.value
                return answer
            outcome = self._fulfilled(wish)

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def _fulfilled(self, wish: Wish) -> Outcome:
        if isinstance(wish, Pause):
            time.sleep(wish.seconds)
            return None
        try:
            return answer_of(self._client.send(request_of(self._client, self.address, wish)))
        except (httpx.TransportError, httpx.DecodingError) as error:
            return loss_of(error)


class RemoteMemory:
    """A memory behind a service: knowledge bases and sessions. Safe for threads.

    :func:`connect` makes one; it is a context manager. What a :class:`kato.Memory` answers it
    answers too, so code moves between the two by one line::

        with kato.client.connect("http://localhost:8000") as memory:
            kb = memory.knowledge_base("letters")
            kb.learn([["a"], ["b"], ["c"]])
            kb.predict([["a"], ["b"]])[0].future  # [['c']]
    """

    def __init__(self, link: Connection) -> None:
        self._link = link
        self._calls = MemoryCalls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._link.address.url

    def knowledge_base(self, name: str = "default") -> RemoteKnowledgeBase:
        """The knowledge base of that name: any text; it comes to be with its first pattern.

        Raises:
            InvalidSymbol: The name is no text of Unicode scalar values.
        """
        return RemoteKnowledgeBase(self._link, name)

    def session(
        self,
        kb: str | RemoteKnowledgeBase,
        session_id: str | None = None,
        *,
        ttl_seconds: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> RemoteSession:
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
        opened = self._link.run(
            self._calls.open_session(
                name, session_id, ttl_seconds=ttl_seconds, metadata=metadata, **config
            )
        )
        return RemoteSession(self._link, opened.session_id, name)

    knowledge_bases = sent(MemoryCalls.knowledge_bases)
    forget_knowledge_base = sent(MemoryCalls.forget_knowledge_base)
    mark = sent(MemoryCalls.mark)
    is_disposable = sent(MemoryCalls.is_disposable)
    undo = sent(MemoryCalls.undo)
    undoable = sent(MemoryCalls.undoable)
    stats = sent(MemoryCalls.stats)
    ready = sent(MemoryCalls.ready)

    def close(self) -> None:
        """Let go of the connections; the service goes on."""
        self._link.close()


class RemoteKnowledgeBase:
    """Patterns under one name; :meth:`RemoteMemory.knowledge_base` gives it.

    Attributes:
        name: Its name.
    """

    def __init__(self, link: Connection, name: str) -> None:
        self._link = link
        self._calls = KnowledgeBaseCalls(name)
        self.name = name

    learn = sent(KnowledgeBaseCalls.learn)
    learn_many = sent(KnowledgeBaseCalls.learn_many)
    predict = sent(KnowledgeBaseCalls.predict)
    explain = sent(KnowledgeBaseCalls.explain)
    get = sent(KnowledgeBaseCalls.get)
    patterns = sent(KnowledgeBaseCalls.patterns)
    count = sent(KnowledgeBaseCalls.count)
    edit = sent(KnowledgeBaseCalls.edit)
    forget = sent(KnowledgeBaseCalls.forget)
    clear = sent(KnowledgeBaseCalls.clear)
    undo = sent(KnowledgeBaseCalls.undo)
    undoable = sent(KnowledgeBaseCalls.undoable)
    stats = sent(KnowledgeBaseCalls.stats)
    symbols = sent(KnowledgeBaseCalls.symbols)
    affinity = sent(KnowledgeBaseCalls.affinity)


class RemoteSession:
    """A short-term memory on a knowledge base; :meth:`RemoteMemory.session` opens it.

    It lives in the service. One that expired or was deleted is :class:`kato.errors.SessionNotFound`
    at the next call: what it had in mind is lost, so none is made in its place unasked.

    Attributes:
        id: Its id.
        knowledge_base: The knowledge base it learns into and predicts from.
    """

    def __init__(self, link: Connection, session_id: str, kb: str) -> None:
        self._link = link
        self._calls = SessionCalls(session_id)
        self.id = session_id
        self.knowledge_base = RemoteKnowledgeBase(link, kb)

    events = Told(sent(SessionCalls.events))
    time = Told(sent(SessionCalls.time))
    config = Told(sent(SessionCalls.config))
    percept = Told(sent(SessionCalls.percept))
    info = sent(SessionCalls.info)
    extend = sent(SessionCalls.extend)
    configure = sent(SessionCalls.configure)
    observe = sent(SessionCalls.observe)
    observe_many = sent(SessionCalls.observe_many)
    learn = sent(SessionCalls.learn)
    predict = sent(SessionCalls.predict)
    explain = sent(SessionCalls.explain)
    clear = sent(SessionCalls.clear)
    clear_all = sent(SessionCalls.clear_all)
    delete = sent(SessionCalls.delete)
