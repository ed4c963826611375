"""Around every request: count it, and how long its answer took."""

from __future__ import annotations

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kato.service.measures import Measures

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods that are told apart; a client may send any text."""

NO_ROUTE = "none"
"""The route of requests that reached none: of unknown paths, or refused before."""


class Flight:
    """How many requests are worked on; used on one event loop.

    Attributes:
        now: At this moment.
        peak: The most there were at once.
    """

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0

    def begin(self) -> None:
        """One more."""
        self.now += 1
        self.peak = max(self.peak, self.now)

    def end(self) -> None:
        """One less."""
        self.now -= 1


class Measuring:
    """Counts requests by the template of their route, their method, and the status answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = scope["app"].state.context
        measures: Measures = context.measures
        flight: Flight = context.flight
        status = 500  # of a request that is answered with nothing

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        flight.begin()
        measures.in_progress.inc()
        try:
            await self._app(scope, receive, noted)
        finally:
            flight.end()
            measures.in_progress.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            measures.answered(route_of(scope), method, status, perf_counter() - began)


def route_of(scope: Scope) -> str:
    """The template of the path that was asked for: never what a client made of it."""
    return getattr(scope.get("route"), "path", NO_ROUTE)
