"""Paths whose parts may hold anything: slashes too, where they are percent-encoded."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from starlette.routing import Match
from starlette.types import Scope

from kato.service.json import StrictRoute


class RawPathRoute(StrictRoute):
    """A route that is found by the path as it was sent, and whose parts are decoded then.

    Servers decode a path before it is matched, so ``a%2Fpatterns`` would be two parts: one node
    would answer for another. What is no UTF-8 becomes a lone surrogate, which is refused as such.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is this route's, and its parts."""
        raw = scope.get("raw_path")
        if scope["type"] != "http" or raw is None:
            return super().matches(scope)
        match, found = super().matches({**scope, "path": raw.decode("ascii", "surrogateescape")})
        if match != Match.NONE:
            parts: dict[str, Any] = found["path_params"]
            found["path_params"] = {
                name: unquote(part, errors="surrogateescape") for name, part in parts.items()
            }
        return match, found
