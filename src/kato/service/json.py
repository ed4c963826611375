"""JSON in and out: strict in what is taken, fast in what is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from kato.service.direct import short_way

_DECODER = msgspec.json.Decoder()


def answered(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer, of anything msgspec can encode."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


class StrictRequest(Request):
    """A request whose body is JSON as the standard has it.

    Python's parser takes ``NaN`` and lone surrogates, and cannot say where it lost its way in an
    integer of many digits.
    """

    async def json(self) -> Any:
        """The body.

        Raises:
            json.JSONDecodeError: It is no JSON.
        """
        body = await self.body()
        try:
            return _DECODER.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class StrictRoute(APIRoute):
    """A route whose requests are :class:`StrictRequest`; it takes the short way if there is one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI asks for."""
        handler, short = super().get_route_handler(), short_way(self.endpoint)

        async def strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            answer = await short(strict) if short is not None else None
            return answer or await handler(strict)

        return strictly
