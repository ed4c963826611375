"""What happens in the service, told to the WebSockets of every worker."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog

from kato.errors import StoreError
from kato.service.measures import Measures
from kato.service.times import instant, now
from kato.session import SessionInfo
from kato.storage.ledger.channel import Channel
from kato.storage.ledger.sessions import Sessions

SWEEP_SECONDS = 1.0
"""How often sessions that expired are looked for."""

WAITING = 1000
"""Lists of events that wait for a slow listener; then it is let go, as others must not wait."""

KINDS = ("session.created", "session.destroyed", "session.expired", "pattern.learned")
"""What can be listened to."""


class Events:
    """Tells events to all workers, and hands those of all workers to the listeners of this one.

    Used on one event loop.

    Args:
        channel: Between the workers.
        sessions: Asked for those that expired.
        measures: Where what happens is counted.
    """

    def __init__(self, channel: Channel, sessions: Sessions, measures: Measures) -> None:
        self._measures = measures
        self._channel = channel
        self._sessions = sessions
        self._untold: list[dict[str, Any]] = []
        self._telling: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._stop = threading.Event()

    def session_created(self, info: SessionInfo) -> None:
        """A session began."""
        self._measures.sessions_created.inc()
        self._tell(
            "session.created",
            session_id=info.id,
            node_id=info.knowledge_base,
            created_at=instant(info.created_ms),
        )

    def session_destroyed(self, session_id: str, reason: str) -> None:
        """A session was ended."""
        self._measures.sessions_deleted.inc()
        self._tell("session.destroyed", session_id=session_id, destroyed_at=now(), reason=reason)

    def patterns_learned(self, node: str, names: Iterable[str | None]) -> None:
        """Patterns were learned; those without a name were too short."""
        for name in names:
            if name is not None:
                self._measures.patterns_learned.inc()
                self._tell("pattern.learned", node_id=node, pattern_name=f"PTRN|{name}")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[bytes | None]]:
        """Lists of events from now on, encoded; None ends them for a listener that lags."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear what other workers tell, and look for sessions that expired."""
        hearing = asyncio.create_task(self._hear())
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            self._stop.set()
            sweeping.cancel()
            if self._telling is not None:
                await self._telling
            await asyncio.gather(hearing, sweeping, return_exceptions=True)

    def _tell(self, kind: str, **data: Any) -> None:
        self._untold.append({"event_type": kind, "timestamp": now(), "data": data})
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        """Tell what there is, and what comes while that is told."""
        while self._untold:
            events, self._untold = self._untold, []
            try:
                await asyncio.to_thread(self._channel.tell, msgspec.json.encode(events).decode())
            except StoreError as error:
                # What happened is kept; only who listens misses it.
                structlog.get_logger().warning("events not told", reason=str(error))
        self._telling = None

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()

        def heard(events: str) -> None:
            loop.call_soon_threadsafe(self._hand_over, events.encode())

        while not self._stop.is_set():
            try:
                await asyncio.to_thread(self._channel.listen, heard, lambda: None, self._stop)
            except StoreError:
                await asyncio.sleep(SWEEP_SECONDS)

    def _hand_over(self, events: bytes) -> None:
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(events)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            with contextlib.suppress(StoreError):  # requests say so; here it is tried again
                for session in await asyncio.to_thread(self._sessions.expired):
                    self._measures.sessions_expired.inc()
                    self._tell("session.expired", session_id=session, expired_at=now())
