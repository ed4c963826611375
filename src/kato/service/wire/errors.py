"""Errors on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from kato.service.wire.examples import SESSION


class Detail(BaseModel):
    """What went wrong, and what to do about it."""

    detail: str | dict[str, Any] | list[Any] = Field(
        examples=["the embedded Valkey does not run; open the memory again"]
    )


class SessionError(BaseModel):
    """What went wrong with a session."""

    code: str = Field(examples=["SESSION_NOT_FOUND"])
    message: str
    session_id: str = Field(examples=[SESSION])


class NoSession(BaseModel):
    """There is no such session."""

    error: SessionError


Responses = dict[int | str, dict[str, Any]]

STORE: Responses = {
    503: {"model": Detail, "description": "A store does not answer."},
    507: {"model": Detail, "description": "A store is full."},
}
INVALID: Responses = {422: {"model": Detail, "description": "The request cannot be used."}}
BODY: Responses = {
    **INVALID,
    400: {"model": Detail, "description": "What was asked for cannot be done."},
    409: {"model": Detail, "description": "The state moved on."},
    413: {"model": Detail, "description": "The body is too large."},
}
NOT_FOUND: Responses = {404: {"model": Detail, "description": "It is not there."}}
REFUSED: Responses = {
    401: {
        "model": Detail,
        "description": "No key, or one that is not known, where keys are asked for.",
    },
    403: {"model": Detail, "description": "The key does not give this right to this node."},
    429: {"model": Detail, "description": "Too many requests; `Retry-After` says when to go on."},
}
"""What every route may answer, where keys or limits are set."""
IN_SESSION: Responses = {404: {"model": NoSession, "description": "No such session."}, **STORE}
"""What every route below ``/sessions/{id}/`` may answer."""
NO_NODE: Responses = {404: {"model": Detail, "description": "No such node."}}
NOT_DISPOSABLE: Responses = {
    423: {"model": Detail, "description": "The node is not marked disposable."}
}
NO_PATTERN: Responses = {404: {"model": Detail, "description": "No such pattern."}}
