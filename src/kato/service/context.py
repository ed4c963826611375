"""What every route needs: the memory, the settings, and the sessions that are in use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter
from fastapi import Request

from kato.memory import Memory
from kato.recall.trace import hearing
from kato.service.events import Events
from kato.service.handles import Handles
from kato.service.layers import Layers
from kato.service.measures import Measures
from kato.service.measuring import Flight
from kato.service.nodes import label_of
from kato.service.watching import Watch
from kato.session import Observation, Observed, Session
from kato.settings import Settings
from kato.storage.ledger.operations import Operation

BACKLOG = 2048
"""Connections that may wait to be accepted."""

CALLS_AT_ONCE = 64
"""Short calls to the stores that run at the same time."""

P = ParamSpec("P")
T = TypeVar("T")


class Context:
    """One for each process that serves.

    Args:
        memory: Where everything is kept.
        settings: The limits, and how sessions live.

    Attributes:
        memory: As given.
        settings: As given.
        handles: The sessions that were used last.
        events: What happens, for those who listen.
        started: When it began, s since 1970.
        measures: What is counted.
        flight: How many requests are worked on.
        watch: Looks after the stores and the process.
        layers: Those of the market.
    """

    def __init__(self, memory: Memory, settings: Settings) -> None:
        self.memory = memory
        self.settings = settings
        self.handles = Handles(memory, slides=settings.session_auto_extend)
        self.started = time.time()
        self.measures = Measures()
        self.flight = Flight()
        self.watch = Watch(memory, self.measures, settings.data_dir)
        self.events = Events(memory.channel, memory.sessions, self.measures)
        self.layers = Layers(memory)
        self._pipeline = memory.pipeline()
        self._calls = CapacityLimiter(CALLS_AT_ONCE)
        # More predictions at once than cores make each of them slower, and none faster.
        self._predictions = CapacityLimiter(max(2, os.cpu_count() or 1))

    @property
    def uptime(self) -> float:
        """Seconds since it began."""
        return time.time() - self.started

    def label(self, node: str) -> str:
        """What answers about a node call it."""
        return label_of(node, self.settings.service_name)

    def stepping(self, session_id: str) -> AbstractAsyncContextManager[Session]:
        """The session, to take a step: one at a time in this process, in the order of arrival."""
        return self.handles.using(session_id, self.call)

    async def session(self, session_id: str) -> Session:
        """The session, to be read."""
        return await self.handles.reading(session_id, self.call)

    async def observe(
        self, session: Session, observation: Observation, operation: Operation | None
    ) -> Observed:
        """Let a session observe; what needs the ledger alone is asked of it from here."""
        pipeline = self._pipeline if operation is None else None
        proposal = None if pipeline is None else session.propose(observation)
        if pipeline is None or proposal is None:
            return await self.call(
                session.observe,
                observation.symbols,
                vectors=observation.vectors,
                emotives=observation.emotives,
                metadata=observation.metadata,
                operation=operation,
            )
        if await pipeline.run("learn", *proposal.arguments) is not None:
            return session.accept(proposal)
        return await self.call(session.settle, proposal)

    async def aclose(self) -> None:
        """Close what was opened here."""
        if self._pipeline is not None:
            await self._pipeline.close()
        await self.call(self.layers.close)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short call to the stores beside the event loop."""
        wanted = partial(function, *args, **kwargs)
        return await anyio.to_thread.run_sync(wanted, limiter=self._calls)

    async def predict(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a prediction, or what takes as long, beside the event loop."""
        wanted = partial(function, *args, **kwargs)
        with hearing(self.measures.predicted):
            return await anyio.to_thread.run_sync(wanted, limiter=self._predictions)


async def context_of(request: Request) -> Context:
    """The context of the process."""
    # Asynchronous, else FastAPI asks a thread for it at each request.
    context: Context = request.app.state.context
    return context
