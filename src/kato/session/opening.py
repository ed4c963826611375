"""Begin a session, or find one again."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from kato.errors import InvalidConfig, SessionNotFound
from kato.memory import KnowledgeBase
from kato.memory.learning import LessonBuilder
from kato.model.config import SessionConfig
from kato.session.short_term_memory import ShortTermMemory
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.sessions import SessionStep

DEFAULT_TTL_SECONDS = 3600

NOTHING = LessonBuilder().lesson()
"""A lesson of no patterns, for steps that learn none."""

_VERSION_BITS = 48
"""Versions stay exact as the floating-point numbers that scripts count with."""


class About(msgspec.Struct, frozen=True):
    """What is said about a session when it begins."""

    metadata: dict[str, Any] = {}


class Beginning(msgspec.Struct, frozen=True):
    """How a session begins.

    Attributes:
        config: Its configuration.
        ttl_seconds: Seconds after which it is gone if it is not used, 1 or more.
        metadata: Anything about it, as JSON can hold it.
        slides: Whether use lets it live on. If not, it is gone so many seconds after it began.
    """

    config: SessionConfig = SessionConfig()
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    metadata: dict[str, Any] = {}
    slides: bool = True


def begin(
    kb: KnowledgeBase, session_id: str, beginning: Beginning, operation: Operation | None = None
) -> str:
    """Begin a session under an id that none has; answers the id.

    Raises:
        InvalidConfig: The time to live is no time.
        Conflict: There is a session of that id.
    """
    check_ttl(beginning.ttl_seconds)
    # Each life of a session begins at a version of its own: a handle that knows it as it was before
    # it was deleted cannot take the new one for it.
    step = SessionStep(
        session_id,
        0,
        secrets.randbits(_VERSION_BITS) + 1,
        msgspec.json.encode(ShortTermMemory(beginning.config)),
        beginning.ttl_seconds,
        msgspec.json.encode(About(beginning.metadata)),
        beginning.slides,
    )
    operation = (operation or Operation()).telling(session_id)
    told = kb.learn_lesson(NOTHING, beginning.config, step, operation)
    return operation.answer(told, str) if operation.is_repeatable else session_id


def check_ttl(seconds: int) -> None:
    """Refuse a time to live that is none."""
    if seconds < 1:
        raise InvalidConfig({"ttl_seconds": f"Must be 1 or more, got {seconds}"})


def gone(session_id: str) -> SessionNotFound:
    """The session is not there."""
    return SessionNotFound(
        f"session {session_id[:60]!a} expired or was deleted", remedy="open a new one"
    )
