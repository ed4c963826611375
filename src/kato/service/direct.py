"""A short way for requests that come by the thousand.

FastAPI resolves dependencies and checks a body against its model anew for each request; measured,
that was a third of the processor time of an observation. Where a body is exactly what is usual,
msgspec decodes it and it is answered at once. All else, and all that is refused, goes FastAPI's
way, which stays the one that says what is taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from kato.service.access import KEY
from kato.service.context import Context

Wanted = TypeVar("Wanted")
Answer = Callable[[str, Wanted, Context], Awaitable[Response]]
Short = Callable[[Request], Awaitable[Response | None]]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])

_SHORT = "_kato_short_way"
_OPERATION = b"idempotency-key"


def directly(kind: type[Wanted], answer: Answer[Wanted]) -> Callable[[_Endpoint], _Endpoint]:
    """Give an endpoint in a session a short way.

    Args:
        kind: What a usual body is decoded to; whatever it takes, the endpoint's model takes too.
        answer: Answers it as the endpoint would: of the session's id, the body, and the context.
    """
    decoder = msgspec.json.Decoder(kind)

    async def short(request: Request) -> Response | None:
        if not _is_plain(request.scope):
            return None
        try:
            wanted = decoder.decode(await request.body())
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ClientDisconnect):
            return None  # FastAPI says what is wrong with it, if anything is
        return await answer(request.path_params["session_id"], wanted, request.app.state.context)

    def given(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _SHORT, short)
        return endpoint

    return given


def short_way(endpoint: Callable[..., Any]) -> Short | None:
    """The short way of an endpoint, which answers None where a request is not usual."""
    found: Short | None = getattr(endpoint, _SHORT, None)
    return found


def _is_plain(scope: Scope) -> bool:
    """Whether it says it is JSON, and no right and no former answer has to be looked for."""
    headers = dict(scope["headers"])
    is_json = headers.get(b"content-type", b"") == b"application/json"
    return is_json and scope[KEY] is None and _OPERATION not in headers
