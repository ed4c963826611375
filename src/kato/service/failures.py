"""Errors as answers: each with its status, and what to do about it."""

from __future__ import annotations

import json
import math
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from kato.errors import (
    Conflict,
    FilterFailed,
    InvalidConfig,
    InvalidInput,
    KatoError,
    NotDisposable,
    NotFound,
    NothingToLearn,
    OperationReused,
    SessionNotFound,
    StoreError,
    StoreFull,
)
from kato.service.context import context_of

STATUSES: tuple[tuple[type[KatoError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (NotDisposable, 423),
    (NothingToLearn, 400),
    (InvalidConfig, 400),
    (OperationReused, 422),
    (InvalidInput, 422),
    (FilterFailed, 500),
    (StoreFull, 507),
    (StoreError, 503),
    (KatoError, 500),
)
"""The status of each error: that of the first class it is one of."""

RETRY_SECONDS = "2"


def add_handlers(app: FastAPI) -> None:
    """Let errors be answered."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(KatoError, _failed)
    app.add_exception_handler(Exception, _crashed)


def status_of(error: KatoError) -> int:
    """The status that an error is answered with.

    >>> status_of(NothingToLearn("there is nothing"))
    400
    """
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def detail_of(error: KatoError) -> Any:
    """What an error says in the ``detail`` of its answer."""
    if isinstance(error, InvalidConfig):
        return {
            "error": "Configuration validation failed",
            "validation_errors": error.problems,
        }
    return str(error)


def session_not_found(session_id: str) -> Response:
    """There is no such session, as ``/sessions/{id}/...`` says it."""
    message = f"Session {session_id} not found or expired"
    error = {"code": "SESSION_NOT_FOUND", "message": message, "session_id": session_id}
    return _answered({"error": error}, 404)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, KatoError)  # noqa: S101 - for the type checker
    session = _session_of(request)
    if isinstance(error, SessionNotFound) and session is not None:
        return session_not_found(session)
    status = status_of(error)
    headers = {"Retry-After": RETRY_SECONDS} if status in (503, 507) else None
    return _answered({"detail": detail_of(error)}, status, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    if (gone := await _gone(request)) is not None:
        return gone
    kept = ("type", "loc", "msg", "input", "ctx")
    problems = [{key: each[key] for key in kept if key in each} for each in error.errors()]
    return _answered({"detail": problems}, 422)


async def _refused(request: Request, error: Exception) -> Response:
    """An unknown path, a method it does not have, or a refusal by a route."""
    assert isinstance(error, (HTTPException, StarletteHTTPException))  # noqa: S101
    if (gone := await _gone(request)) is not None:
        return gone
    return _answered({"detail": error.detail}, error.status_code, dict(error.headers or {}))


async def _crashed(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("request failed", path=request.url.path, exc_info=error)
    return _answered({"detail": "Internal Server Error"}, 500)


async def _gone(request: Request) -> Response | None:
    """That the session of the path is not there, which is said before anything else about it."""
    session = _session_of(request)
    if session is None:
        return None
    context = await context_of(request)
    try:
        exists = await context.call(context.memory.sessions.exists, session)
    except KatoError as failure:
        return await _failed(request, failure)
    return None if exists else session_not_found(session)


def _session_of(request: Request) -> str | None:
    """The id in a path below ``/sessions/{id}/``, or of one to be deleted."""
    parts = request.url.path.split("/")
    if parts[1:2] != ["sessions"] or parts[-1] == "exists":
        return None
    if len(parts) > 3:
        return parts[2]
    return parts[2] if len(parts) == 3 and request.method == "DELETE" else None


def _answered(value: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    # What was sent is told again, and may hold what is no JSON.
    body = json.dumps(_tellable(value), default=str).encode("ascii")
    return Response(body, status, headers, "application/json")


def _tellable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _tellable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tellable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
