"""Around every request: a trace id, and bounds on what a client may send and how slowly."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kato.model.identity import new_id
from kato.settings import Settings

BODY_SECONDS = 30.0
"""How long a client may take between two parts of its body."""

_IMPORT = re.compile(rb"/nodes/[^/]+/import")

_CLOSE = {"Connection": "close"}

LONGEST_TRACE = 200
"""Characters of a trace id that is told back."""


class Tracing:
    """Gives each answer the request's ``X-Trace-ID``, or a new one; logs carry it too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = headers.get("x-trace-id", "")[:LONGEST_TRACE] or f"kato-{new_id()}"
        session = _session_told(scope["path"], headers)

        async def traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["X-Trace-ID"] = trace
                if session:
                    answer["X-Session-ID"] = session
            await send(message)

        with structlog.contextvars.bound_contextvars(trace_id=trace):
            await self._app(scope, receive, traced)


def _session_told(path: str, headers: Headers) -> str:
    """The session that an answer names in its headers."""
    parts = path.split("/")
    if parts[1:2] == ["sessions"]:
        in_session = len(parts) > 3 and parts[3] != "exists"
        # It may hold what no header may.
        return parts[2] if in_session and parts[2].isascii() and parts[2].isprintable() else ""
    return headers.get("x-session-id", "")


class Bounds:
    """Refuses bodies that are too large, or come too slowly; imports may be of any size."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._most = settings.max_body_mb << 20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _IMPORT.fullmatch(scope.get("raw_path") or b""):
            await self._app(scope, _Bounded(receive, None).receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told) > self._most:
            await _refuse(send, 413, f"a body has at most {self._most} bytes, this one {told}")
            return
        await self._app(scope, _Bounded(receive, self._most).receive, send)


class _Bounded:
    """A request whose body is counted and timed."""

    def __init__(self, receive: Receive, most: int | None) -> None:
        self._receive = receive
        self._most = most
        self._bytes = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:  # waits for the client to leave, as long as it takes
            return await self._receive()
        message = await self._in_time(self._receive)
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._most is not None and self._bytes > self._most:
            raise HTTPException(413, f"a body has at most {self._most} bytes", _CLOSE)
        return message

    @staticmethod
    async def _in_time(receive: Callable[[], Awaitable[Message]]) -> Message:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await receive()
        except TimeoutError:
            reason = f"no part of the body came for {BODY_SECONDS:.0f} s"
            raise HTTPException(408, reason, _CLOSE) from None


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"detail": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
