"""The sessions that this process used last, so that a step need not load what it made itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from kato.errors import SessionNotFound
from kato.memory import Memory
from kato.session import Session

KEPT = 10_000
"""Handles that are kept; a step through a new one loads the session first."""

Call = Callable[[Callable[[], Session]], Awaitable[Session]]


class _Handle:
    def __init__(self) -> None:
        self.session: Session | None = None
        self.lock = asyncio.Lock()
        self.users = 0


class Handles:
    """Handles by session id, used on one event loop.

    Args:
        memory: Where sessions are kept.
        slides: Whether use lets them live on.
    """

    def __init__(self, memory: Memory, *, slides: bool) -> None:
        self._memory = memory
        self._slides = slides
        self._handles: OrderedDict[str, _Handle] = OrderedDict()

    @asynccontextmanager
    async def using(self, session_id: str, call: Call) -> AsyncIterator[Session]:
        """The session, for one step at a time: others of this process wait, in order.

        Steps through other processes are told apart by the session's version.

        Args:
            session_id: Its id.
            call: Runs a call to the stores beside the event loop.

        Raises:
            SessionNotFound: It never was, expired, or was deleted.
        """
        handle = self._handle(session_id)
        handle.users += 1
        try:
            async with handle.lock:
                if handle.session is None:
                    handle.session = await call(partial(self._found, session_id))
                yield handle.session
        except SessionNotFound:
            handle.session = None
            raise
        finally:
            handle.users -= 1
            self._trim()

    async def reading(self, session_id: str, call: Call) -> Session:
        """The session, to be read beside others."""
        handle = self._handle(session_id)
        session = handle.session
        if session is None:
            handle.session = session = await call(partial(self._found, session_id))
            self._trim()
        return session

    def forget(self, session_id: str) -> None:
        """Keep no handle of a session that is gone."""
        handle = self._handles.get(session_id)
        if handle is not None:
            handle.session = None

    def _found(self, session_id: str) -> Session:
        kept = self._memory.sessions.visit(session_id, slides=self._slides)
        if kept is None:
            raise SessionNotFound(f"Session {session_id} not found or expired")
        kb = self._memory.knowledge_base(kept.kb)
        return Session(kb, session_id, slides=self._slides, must_exist=True)

    def _handle(self, session_id: str) -> _Handle:
        handle = self._handles.setdefault(session_id, _Handle())
        self._handles.move_to_end(session_id)
        return handle

    def _trim(self) -> None:
        if len(self._handles) <= KEPT:
            return
        oldest = next((i for i, handle in self._handles.items() if not handle.users), None)
        if oldest is not None:
            del self._handles[oldest]
