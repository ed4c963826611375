"""What the library can be asked, and old clients cannot ask: so that new ones answer the same."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from kato.model.config import SessionConfig
from kato.service.config import changes_of
from kato.service.context import Context, context_of
from kato.service.json import StrictRoute, answered
from kato.service.operations import operation_of
from kato.service.raw_paths import RawPathRoute
from kato.service.routes.limits import check_events
from kato.service.wire.errors import BODY, IN_SESSION, INVALID, STORE
from kato.service.wire.mirror import (
    EventsExplanationWanted,
    ExplanationAnswer,
    ExplanationWanted,
    NodeCleared,
    StateAnswer,
    StoresAnswer,
)
from kato.session import Session, SessionInfo
from kato.session.short_term_memory import ShortTermMemory
from kato.storage.ledger.operations import Operation

router = APIRouter(route_class=StrictRoute)
nodes = APIRouter(tags=["nodes"], route_class=RawPathRoute, responses={**STORE, **INVALID})

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]


@router.get(
    "/sessions/{session_id}/state",
    response_model=StateAnswer,
    responses={**IN_SESSION, **INVALID},
    tags=["sessions"],
)
async def read_state(session_id: str, context: Ours) -> Response:
    """All of a session at one moment: what it observed, its configuration, and its life."""
    session = await context.session(session_id)
    info, state = await context.call(_told, session)
    return answered(
        {
            "session_id": session_id,
            "node_id": info.knowledge_base,
            "events": state.events,
            "time": state.time,
            "percept": state.percept,
            "config": info.config,
            "metadata": info.metadata,
            "created_ms": info.created_ms,
            "expires_ms": info.expires_ms,
            "lifetime_seconds": info.ttl_seconds,
        }
    )


@router.post(
    "/sessions/{session_id}/explanation",
    response_model=ExplanationAnswer,
    responses={**IN_SESSION, **BODY},
    tags=["predictions"],
)
async def explain(session_id: str, wanted: ExplanationWanted, context: Ours) -> Response:
    """How predictions are found, and why a pattern is among them or not."""
    session = await context.session(session_id)
    overrides = changes_of(wanted.config)
    return answered(await context.predict(session.explain, wanted.pattern, **overrides))


@nodes.post("/nodes/{node}/explanation", response_model=ExplanationAnswer, responses=BODY)
async def explain_events(node: str, wanted: EventsExplanationWanted, context: Ours) -> Response:
    """How predictions from the events are found, and why a pattern is among them or not."""
    check_events(wanted.events, context)
    kb = context.memory.knowledge_base(node)
    config = SessionConfig().updated(**changes_of(wanted.config))
    found = await context.predict(kb.explain_with, wanted.events, config, wanted.pattern)
    return answered(found)


@nodes.post("/nodes/{node}/clear", response_model=NodeCleared, responses=BODY)
async def clear(node: str, context: Ours, operation: Once) -> Response:
    """Forget all that a node holds, for everyone; the node stays."""
    kb = context.memory.knowledge_base(node)
    await context.call(kb.clear, operation=operation)
    return answered({"status": "cleared", "node_id": node})


@router.get("/stores", response_model=StoresAnswer, responses=STORE, tags=["service"])
async def read_stores(context: Ours) -> Response:
    """How much the stores hold."""
    return answered(await context.call(context.memory.stats))


def _told(session: Session) -> tuple[SessionInfo, ShortTermMemory]:
    return session.info(), session.read()


router.include_router(nodes)
