"""A learned pattern as callers see it."""

from __future__ import annotations

import msgspec

from kato.model.emotive import Emotives, Metadata
from kato.model.event import Event

MIN_LENGTH = 2
"""Fewer symbols than this are no pattern."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen copy of a short-term memory, with what was counted about it.

    Attributes:
        name: 40 hexadecimal digits, see :func:`kato.model.naming.pattern_name`.
        events: The events in order.
        length: Number of symbols in all events, repeats included; 2 or more.
        frequency: How often exactly this was learned; 1 or more.
        emotives: The newest records, oldest first, at most ``persistence`` of them.
        metadata: By key, the distinct values, sorted.
    """

    name: str
    events: list[Event]
    length: int
    frequency: int
    emotives: list[Emotives]
    metadata: Metadata
