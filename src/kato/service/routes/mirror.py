"""What the library can be asked, and old clients cannot ask: so that new ones answer the same."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from kato.service.config import changes_of
from kato.service.context import Context, context_of
from kato.service.json import StrictRoute, answered
from kato.service.wire.errors import BODY, IN_SESSION, INVALID, STORE
from kato.service.wire.mirror import (
    ExplanationAnswer,
    ExplanationWanted,
    StateAnswer,
    StoresAnswer,
)
from kato.session import Session, SessionInfo
from kato.session.short_term_memory import ShortTermMemory

router = APIRouter(route_class=StrictRoute)

Ours = Annotated[Context, Depends(context_of)]


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


@router.get("/stores", response_model=StoresAnswer, responses=STORE, tags=["service"])
async def read_stores(context: Ours) -> Response:
    """How much the stores hold."""
    return answered(await context.call(context.memory.stats))


def _told(session: Session) -> tuple[SessionInfo, ShortTermMemory]:
    return session.info(), session.read()
