"""What a session is given, and what it answers, in this process or from a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kato.model.config import SessionConfig


class Observation(msgspec.Struct, frozen=True):
    """What is observed at once.

    Attributes:
        symbols: The event's symbols; without any, the rest belongs to the event before.
        vectors: Vectors seen with them.
        emotives: Numbers by name.
        metadata: Anything by name; values are kept as text.
        unique_id: A name for the observation; it is given one if None.
    """

    symbols: Sequence[str] = ()
    vectors: Sequence[Sequence[float]] = ()
    emotives: Mapping[str, float] | None = None
    metadata: Mapping[str, Any] | None = None
    unique_id: str | None = None


class Observed(msgspec.Struct, frozen=True):
    """What one observation did.

    Attributes:
        stm_length: Events in short-term memory, after what was learned.
        time: Observations so far.
        auto_learned_pattern: Name of the pattern that was learned by itself, if one was.
        unique_id: The observation's name.
    """

    stm_length: int
    time: int
    auto_learned_pattern: str | None
    unique_id: str = ""


class ObservedMany(msgspec.Struct, frozen=True):
    """What many observations did.

    Attributes:
        results: What each did.
        learned: Patterns that were learned, in order; None where there were fewer than two symbols.
        initial_stm_length: Events before.
        final_stm_length: Events after.
        learned_at_end: Whether the last of ``learned`` was learned because it was the end.
    """

    results: list[Observed]
    learned: list[str | None]
    initial_stm_length: int
    final_stm_length: int
    learned_at_end: bool


class Learned(msgspec.Struct, frozen=True):
    """What a learn did.

    Attributes:
        pattern: The pattern's name; None if there were fewer than two symbols.
        events: Events that were in short-term memory.
    """

    pattern: str | None
    events: int


class SessionInfo(msgspec.Struct, frozen=True):
    """A session's life.

    Attributes:
        id: Its id.
        knowledge_base: The name of its knowledge base.
        created_ms: When it began, ms since 1970.
        expires_ms: When it expires if it is not used, ms since 1970.
        ttl_seconds: How long it lives on after it was used.
        metadata: What was said about it when it began.
        config: Its configuration.
    """

    id: str
    knowledge_base: str
    created_ms: int
    expires_ms: int
    ttl_seconds: int
    metadata: dict[str, Any]
    config: SessionConfig
