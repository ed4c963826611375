"""Times on the wire."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(milliseconds: int) -> str:
    """A moment, in ms since 1970, with microseconds and ``Z``.

    >>> instant(1795188666909)
    '2026-11-20T15:31:06.909000Z'
    """
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> str:
    """This moment, with its offset."""
    return datetime.now(UTC).isoformat()
