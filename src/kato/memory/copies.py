"""Patterns with all they carry: what is taken out of a knowledge base, and put into one."""

from __future__ import annotations

from typing import Any

import msgspec

from kato.errors import InvalidInput, InvalidSearch, shown
from kato.memory.editing import check_frequency, checked_records, checked_values, summed
from kato.memory.learning import Material
from kato.model.emotive import Emotives, checked_emotives
from kato.model.event import checked_events
from kato.model.naming import bare_name, pattern_name
from kato.model.pattern import Pattern
from kato.model.vector import checked_vectors


class PatternCopy(msgspec.Struct, frozen=True):
    """A pattern with all it carries.

    Attributes:
        events: Its events, in stored order where its name is given.
        name: Its name, which must be that of the events; None if they are put in stored order.
        frequency: How often it was learned.
        emotives: Its records, oldest first.
        metadata: By key, the distinct values.
        affinity: By emotive, its share of its symbols' affinity sums; the sums of its records if
            None.
        vectors: By symbol, the vectors that its symbols stand for.
    """

    events: list[list[str]]
    name: str | None = None
    frequency: int = 1
    emotives: list[dict[str, float]] = []
    metadata: dict[str, list[Any]] = {}
    affinity: dict[str, float] | None = None
    vectors: dict[str, list[float]] = {}

    @classmethod
    def of(
        cls, pattern: Pattern, affinity: Emotives, vectors: dict[str, list[float]]
    ) -> PatternCopy:
        """A copy of a pattern, its share of its symbols' affinity sums, and its vectors."""
        return cls(
            pattern.events,
            pattern.name,
            pattern.frequency,
            pattern.emotives,
            dict(pattern.metadata),
            affinity,
            vectors,
        )


class Placed(msgspec.Struct, frozen=True):
    """What became of one of several sequences or copies.

    Attributes:
        name: The pattern's name; None if there were fewer than two symbols, or it cannot be used.
        new: Whether the pattern was not known.
        error: Why it cannot be used.
    """

    name: str | None
    new: bool = False
    error: InvalidInput | None = None


def material_of(copy: PatternCopy) -> Material:
    """What is to be learned so that a pattern that is not known becomes the copy.

    Raises:
        InvalidInput: The copy cannot be used.
    """
    events = checked_events(copy.events, sort=copy.name is None)
    events = [event for event in events if event]
    if copy.name is not None and bare_name(copy.name) != pattern_name(events):
        raise InvalidSearch(
            f"{shown(copy.name)} is not the name of these events: that is {pattern_name(events)}",
            remedy="leave the name out if the events are not in stored order",
        )
    check_frequency(copy.frequency)
    records = checked_records(copy.emotives)
    affinity = summed(records) if copy.affinity is None else checked_emotives(copy.affinity)
    return Material(
        events,
        records,
        checked_values(copy.metadata),
        checked_vectors(copy.vectors),
        affinity=affinity,
        times=copy.frequency,
    )
