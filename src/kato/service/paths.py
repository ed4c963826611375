"""Path parameters that may hold any text, line breaks and slashes too."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor


class _Text(PathConvertor):
    regex = "(?s:.*)"  # Starlette's own stops at a line break


def register() -> None:
    """Let paths say ``{name:text}``."""
    register_url_convertor("text", _Text())
