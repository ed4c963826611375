"""The service itself: what it is, whether it lives, whether it can do its work."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from kato.errors import KatoError
from kato.service.context import Context, context_of
from kato.service.json import answered
from kato.service.times import now
from kato.service.version import VERSION
from kato.service.wire.errors import STORE

router = APIRouter(tags=["service"])

Ours = Annotated[Context, Depends(context_of)]

READY_SECONDS = 2.0
"""How long a store may take to answer before it counts as gone."""


class Banner(BaseModel):
    """What this is."""

    service: str
    version: str
    description: str
    docs: str
    health: str
    status: Literal["running"]
    uptime_seconds: float
    architecture: str
    session_support: bool


class Health(BaseModel):
    """The process lives."""

    status: Literal["healthy", "degraded", "unhealthy"]
    processor_status: Literal["healthy", "unhealthy", "unknown"]
    service_name: str
    uptime_seconds: float
    issues: list[str]
    metrics_collected: int
    last_collection: float
    active_sessions: int | None
    timestamp: str


class StoreState(BaseModel):
    """Whether a store answers."""

    ready: bool
    milliseconds: float | None = None
    reason: str | None = None


class Readiness(BaseModel):
    """Whether both stores answer."""

    ready: bool
    stores: dict[str, StoreState]


class Status(BaseModel):
    """Sessions and nodes."""

    status: Literal["healthy"]
    base_processor_id: str
    uptime_seconds: float
    sessions: dict[str, Any]
    processors: dict[str, Any]
    version: str


@router.get("/")
async def read_banner(context: Ours) -> Banner:
    """What this is."""
    return Banner(
        service="KATO API",
        version=VERSION,
        description="A deterministic memory for sequences",
        docs="/docs",
        health="/health",
        status="running",
        uptime_seconds=context.uptime,
        architecture="modular",
        session_support=True,
    )


@router.get("/health")
async def read_health(context: Ours) -> Health:
    """That the process lives, and whether it is short of something; `/ready` asks the stores."""
    sessions, condition = await _sessions_if_told(context), context.watch.condition()
    return Health(
        status=condition.status,
        processor_status="healthy" if sessions is not None else "unknown",
        service_name=context.settings.service_name,
        uptime_seconds=context.uptime,
        issues=condition.issues,
        metrics_collected=len(context.watch.series),
        last_collection=context.started,
        active_sessions=sessions,
        timestamp=now(),
    )


@router.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def read_readiness(context: Ours) -> Response:
    """Whether both stores answer in time."""
    states: dict[str, StoreState] = {}

    async def ask(store: str) -> None:
        states[store] = await _asked(context, store)

    async with anyio.create_task_group() as asking:
        for store in context.memory.stores():
            asking.start_soon(ask, store)
    ready = all(state.ready for state in states.values())
    told = {store: state.model_dump() for store, state in sorted(states.items())}
    return answered({"ready": ready, "stores": told}, 200 if ready else 503)


@router.get("/status", response_model=Status, responses=STORE)
async def read_status(context: Ours) -> Response:
    """Sessions and nodes."""
    sessions = await context.call(context.memory.sessions.count)
    nodes = len(await context.call(context.memory.knowledge_bases))
    return answered(
        {
            "status": "healthy",
            "base_processor_id": context.settings.service_name,
            "uptime_seconds": context.uptime,
            "sessions": {
                "total_sessions": sessions,
                "active_sessions": sessions,
                "expired_sessions": 0,
                "backend": "redis",
            },
            "processors": processors(nodes, context.settings.session_ttl),
            "version": VERSION,
        }
    )


def processors(nodes: int, ttl: int) -> dict[str, Any]:
    """Nodes, as old clients know them: none is ever put out."""
    return {
        "total_processors": nodes,
        "max_processors": nodes,
        "eviction_ttl_seconds": ttl,
        "processors": [],
    }


async def _asked(context: Context, store: str) -> StoreState:
    began = anyio.current_time()
    with anyio.move_on_after(READY_SECONDS):
        try:
            await anyio.to_thread.run_sync(context.memory.ask, store, abandon_on_cancel=True)
        except KatoError as error:
            return StoreState(ready=False, reason=str(error))
        return StoreState(ready=True, milliseconds=round((anyio.current_time() - began) * 1000, 3))
    return StoreState(ready=False, reason=f"no answer within {READY_SECONDS:.0f} s")


async def _sessions_if_told(context: Context) -> int | None:
    """How many sessions there are; a store that is down must not make the process seem dead."""
    with anyio.move_on_after(READY_SECONDS):
        try:
            counting = context.memory.sessions.count
            return await anyio.to_thread.run_sync(counting, abandon_on_cancel=True)
        except KatoError:
            return None
    return None
