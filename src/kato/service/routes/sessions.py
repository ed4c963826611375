"""The life of sessions."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response

from kato.errors import Conflict, InvalidConfig, SessionNotFound
from kato.service.config import beginning_config, changes_of, wire_config
from kato.service.context import Context, context_of
from kato.service.json import StrictRoute, answered
from kato.service.operations import operation_of
from kato.service.times import instant
from kato.service.wire.errors import BODY, IN_SESSION, INVALID, NOT_FOUND, STORE
from kato.service.wire.sessions import (
    ConfigAnswer,
    ConfigChanged,
    SessionAnswer,
    SessionCount,
    SessionDeleted,
    SessionExists,
    SessionExtended,
    SessionWanted,
)
from kato.session import Session, SessionInfo
from kato.session.opening import Beginning, begin
from kato.storage.ledger.operations import Operation

router = APIRouter(tags=["sessions"], route_class=StrictRoute)

Ours = Annotated[Context, Depends(context_of)]
Once = Annotated[Operation, Depends(operation_of)]

LONGEST_TTL = 2**31
"""Seconds, 68 years."""


@router.post("/sessions", response_model=SessionAnswer, responses={**BODY, **STORE})
async def create_session(wanted: SessionWanted, context: Ours, operation: Once) -> Response:
    """Open a session on a node, which comes to be with the first pattern."""
    settings = context.settings
    beginning = Beginning(
        beginning_config(wanted.config),
        wanted.ttl_seconds or settings.session_ttl,
        wanted.metadata or {},
        settings.session_auto_extend,
    )

    def opened() -> SessionInfo:
        kb = context.memory.knowledge_base(wanted.node_id)
        session_id = begin(kb, new_id(), beginning, operation)
        try:
            return Session(kb, session_id, slides=beginning.slides, must_exist=True).info()
        except SessionNotFound as error:  # sent again when it is gone: there is nothing to tell
            raise Conflict(
                f"session {session_id}, which this request opened, expired or was deleted",
                remedy="open another with another Idempotency-Key",
            ) from error

    info = await context.call(opened)
    context.events.session_created(info)
    return answered(session_answer(info))


@router.get("/sessions/count", response_model=SessionCount, responses=STORE)
async def count_sessions(context: Ours) -> Response:
    """How many sessions are alive."""
    return answered({"active_session_count": await context.call(context.memory.sessions.count)})


@router.get(
    "/sessions/{session_id}",
    response_model=SessionAnswer,
    responses={**NOT_FOUND, **STORE, **INVALID},
)
async def read_session(session_id: str, context: Ours) -> Response:
    """What there is to know about a session."""
    session = await context.session(session_id)
    return answered(session_answer(await context.call(session.info)))


@router.get(
    "/sessions/{session_id}/exists", response_model=SessionExists, responses={**STORE, **INVALID}
)
async def session_exists(session_id: str, context: Ours) -> Response:
    """Whether a session is there; it lives on no longer for being asked."""
    exists = await context.call(context.memory.sessions.exists, session_id)
    return answered({"exists": exists, "expired": False, "session_id": session_id})


@router.delete(
    "/sessions/{session_id}", response_model=SessionDeleted, responses={**IN_SESSION, **INVALID}
)
async def delete_session(session_id: str, context: Ours, operation: Once) -> Response:
    """End a session; what it learned stays."""
    telling = operation.telling(session_id)
    told = await context.call(context.memory.sessions.remove, session_id, telling)
    if told is None:
        raise SessionNotFound(f"Session {session_id} not found or expired")
    deleted = telling.answer(told, str) if telling.is_repeatable else session_id
    context.handles.forget(deleted)
    context.events.session_destroyed(deleted, "explicit_delete")
    return answered({"status": "deleted", "session_id": deleted})


@router.post(
    "/sessions/{session_id}/extend",
    response_model=SessionExtended,
    responses={**IN_SESSION, **BODY},
)
async def extend_session(
    session_id: str,
    context: Ours,
    operation: Once,
    ttl_seconds: Annotated[int, Query(ge=1, le=LONGEST_TTL)] = 3600,
) -> Response:
    """Let a session live so many seconds, from now and from each use on."""
    async with context.stepping(session_id) as session:
        seconds = await context.call(session.extend, ttl_seconds, operation=operation)
    return answered({"status": "extended", "session_id": session_id, "ttl_seconds": seconds})


@router.get(
    "/sessions/{session_id}/config",
    response_model=ConfigAnswer,
    responses={**IN_SESSION, **INVALID},
)
async def read_config(session_id: str, context: Ours) -> Response:
    """The session's configuration, all keys."""
    session = await context.session(session_id)
    state = await context.call(session.read)
    return answered({"session_id": session_id, "config": wire_config(state.config)})


@router.post(
    "/sessions/{session_id}/config",
    response_model=ConfigChanged,
    responses={**IN_SESSION, **BODY},
)
async def change_config(
    session_id: str,
    context: Ours,
    operation: Once,
    given: Annotated[
        dict[str, Any],
        Body(
            description="Configuration keys, or a `config` that holds them.",
            examples=[{"config": {"recall_threshold": 0.5}}],
        ),
    ],
) -> Response:
    """Change keys of the session's configuration; all of them, or none if one cannot be used."""
    inner = given.get("config", given)
    changes = changes_of(checked_config(inner))
    async with context.stepping(session_id) as session:
        await context.call(session.configure, operation=operation, **changes)
    message = "Configuration updated"
    return answered({"status": "okay", "message": message, "session_id": session_id})


def checked_config(given: Any) -> dict[str, Any]:
    """The configuration, if it is an object."""
    if not isinstance(given, dict):
        raise InvalidConfig({"config": "Must be an object"})
    return given


def session_answer(info: SessionInfo) -> dict[str, Any]:
    """A session as it is told."""
    remaining = (info.expires_ms - int(time.time() * 1000)) // 1000
    return {
        "session_id": info.id,
        "node_id": info.knowledge_base,
        "created_at": instant(info.created_ms),
        "expires_at": instant(info.expires_ms),
        "ttl_seconds": max(0, remaining),
        "metadata": info.metadata,
        "session_config": wire_config(info.config),
    }


def new_id() -> str:
    """A new session's id."""
    return f"session-{secrets.token_hex(16)}-{int(time.time() * 1000)}"
