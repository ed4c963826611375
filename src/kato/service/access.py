"""Who may do what: keys, their rights by node, and how many requests are taken.

Keys and limits stand before anything of the request is read; rights stand behind the routing, which
says what a request is about. A route that does not say of which node it is needs all of them.
"""

from __future__ import annotations

import json
from typing import NoReturn

from fastapi import HTTPException, WebSocketException
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kato.errors import InvalidConfig
from kato.service.context import Context
from kato.service.keys import Key, KeyFile, Right
from kato.service.limits import Limits, retry_after
from kato.service.measuring import route_of
from kato.service.nodes import node_of
from kato.settings import Settings

OPEN = ("/", "/health", "/ready", "/docs", "/openapi.json")
"""Paths that need no key and count for no limit."""

POLICY_VIOLATION = 1008

_ASKING = ("/predictions", "/explanation")
"""Endings of routes that are posted to and change nothing."""

KEY = "kato.key"
"""Where the scope of a request has its key, None if none is asked for."""


class Refusal(Exception):
    """A request that is not taken.

    Attributes:
        status: The status of the answer.
        reason: What to do about it.
        headers: Headers of the answer.
    """

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


def keys_of(settings: Settings) -> KeyFile | None:
    """The keys that the settings ask for.

    Raises:
        InvalidConfig: Their file cannot be read.
    """
    if settings.api_keys_file is None:
        return None
    keys = KeyFile(settings.api_keys_file)
    keys.refresh()
    return keys


class Access:
    """Takes requests that have a key, where keys are asked for, and that are not too many.

    Args:
        app: What answers them.
        keys: Those it knows; None if it asks for none.
        rate: Requests a second of a key that does not say otherwise; 0 is no limit.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, rate: float) -> None:
        self._app = app
        self._keys = keys
        self._rate = rate
        self._limits = Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the beginning of a WebSocket."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            scope[KEY] = self._taken(scope)
        except Refusal as refusal:
            await _refuse(scope, send, refusal)
            return
        await self._app(scope, receive, send)

    def _taken(self, scope: Scope) -> Key | None:
        """The key of a request that is taken; None if none is asked for."""
        key = self._key(scope)
        self._count(scope, key)
        if key is None and self._keys is not None:
            raise Refusal(
                401,
                "a key is needed that the service knows; send it as Authorization: Bearer KEY or "
                "as X-API-Key",
                {"WWW-Authenticate": "Bearer"},
            )
        return key

    def _key(self, scope: Scope) -> Key | None:
        if self._keys is None:
            return None
        secret = secret_of(scope)
        try:
            return self._keys.find(secret)
        except InvalidConfig as error:
            raise Refusal(503, str(error), {"Retry-After": "2"}) from error

    def _count(self, scope: Scope, key: Key | None) -> None:
        rate = self._rate
        if key is not None and key.requests_per_second is not None:
            rate = key.requests_per_second
        wait = self._limits.take(_who(scope, key), rate)
        if wait:
            reason = f"more than {rate:g} requests a second; wait {wait:.2f} s"
            raise Refusal(429, reason, {"Retry-After": retry_after(wait)})


async def authorised(connection: HTTPConnection) -> None:
    """Refuse what the request's key does not open.

    Raises:
        HTTPException: 403.
        WebSocketException: The same of a WebSocket.
    """
    key: Key | None = connection.scope.get(KEY)
    if key is None:  # none is asked for here
        return
    right = right_of(connection.scope)
    if is_about_service(connection.scope) and right == "read" and "metrics" in key.rights:
        return
    try:
        node = await _node_of(connection)
    except _NobodysError:
        return
    if not key.opens(node, right):
        where = "all nodes" if node is None else f"node {node!a}"
        _forbid(connection, f"the key {key.name!a} has no right to {right} {where}")


def secret_of(scope: Scope) -> str:
    """The key that a request brings; empty if it brings none."""
    headers = Headers(scope=scope)
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    if given := headers.get("x-api-key", ""):
        return given
    if scope["type"] == "websocket":  # pages of browsers can send no header with it
        return HTTPConnection(scope).query_params.get("token", "")
    return ""


def right_of(scope: Scope) -> Right:
    """The right that a request needs: reads are GET, and predictions."""
    if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return "read"
    predicts = scope["method"] == "POST" and route_of(scope).endswith(_ASKING)
    return "read" if predicts else "write"


def is_about_service(scope: Scope) -> bool:
    """Whether a request asks for measures of the service."""
    return "monitoring" in getattr(scope.get("route"), "tags", ())


class _NobodysError(Exception):
    """A session that is not there: the route says so."""


async def _node_of(connection: HTTPConnection) -> str | None:
    """The node that a request is about; None if that may be any of them."""
    context: Context = connection.app.state.context
    path = connection.path_params
    if "session_id" in path:
        sessions = context.memory.sessions
        node = await context.call(sessions.knowledge_base, path["session_id"])
        if node is None:
            raise _NobodysError
        return node
    if "node" in path:
        return str(path["node"])
    if _asks_for_node(connection.scope):
        query, headers = connection.query_params, connection.headers
        given = (query.get("node_id"), headers.get("x-test-id"), headers.get("x-node-id"))
        return await node_of(*given)
    if isinstance(connection, Request) and route_of(connection.scope) == "/sessions":
        return await _node_in_body(connection)
    return None


def _asks_for_node(scope: Scope) -> bool:
    dependant = getattr(scope.get("route"), "dependant", None)
    return dependant is not None and any(each.call is node_of for each in dependant.dependencies)


async def _node_in_body(request: Request) -> str | None:
    try:
        body = await request.json()
    except ValueError:  # no JSON, which the route refuses
        return None
    node = body.get("node_id") if isinstance(body, dict) else None
    return node if isinstance(node, str) else None


def _forbid(connection: HTTPConnection, reason: str) -> NoReturn:
    if connection.scope["type"] == "websocket":
        raise WebSocketException(POLICY_VIOLATION, reason)
    raise HTTPException(403, reason)


def _who(scope: Scope, key: Key | None) -> str:
    if key is not None:
        return f"key {key.name}"
    client = scope.get("client")
    return f"address {client[0] if client else ''}"


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    body = json.dumps({"detail": refusal.reason}).encode("ascii")
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    told = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
