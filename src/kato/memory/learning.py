"""From sequences to lessons the ledger can take in one step."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from itertools import accumulate

import msgspec
import numpy as np

from kato.model.emotive import Emotives, Metadata, average_emotives
from kato.model.event import Event, flattened
from kato.model.naming import text_form
from kato.model.pattern import MIN_LENGTH
from kato.storage.ledger.counters import Brought, Lesson
from kato.storage.ledger.journal import Batch

LESSON_PATTERNS = 500
"""Patterns in one step: few enough that others wait a few milliseconds at the most."""


class Material(msgspec.Struct, frozen=True):
    """One sequence to learn, checked, events in stored order and not empty.

    Attributes:
        events: Its events.
        emotives: Records observed with them, oldest first.
        metadata: By key, the values observed with them.
        vectors: By symbol text, vectors observed with them.
        affinity: By emotive, what is added to the sums of its symbols; the mean of ``emotives`` if
            None.
        times: How often it is learned.
    """

    events: list[Event]
    emotives: list[Emotives] = []
    metadata: Metadata = {}
    vectors: dict[str, list[float]] = {}
    affinity: Emotives | None = None
    times: int = 1


class LessonBuilder:
    """Gathers sequences into a lesson.

    >>> builder = LessonBuilder()
    >>> builder.add(Material([["a"], ["a", "b"]]))
    '0c9c789111fdc87799898d2e8aff1a79e7d2b9ae'
    >>> builder.lesson().texts
    ['a', 'b']
    """

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._lengths: list[int] = []
        self._times: list[int] = []
        self._symbols: list[int] = []
        self._end_counts: list[int] = []
        self._ends: list[int] = []
        self._numbering = _Numbering()
        self._brought: dict[int, Brought] = {}
        self._vectors: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, material: Material) -> str | None:
        """Add a sequence; answers its name, or None if it is too short to be a pattern."""
        symbols = flattened(material.events)
        if len(symbols) < MIN_LENGTH:
            return None
        digest = sha1(text_form(material.events).encode(), usedforsecurity=False)
        self._names.append(digest.digest())
        self._lengths.append(len(symbols))
        self._times.append(material.times)
        self._symbols.extend(map(self._numbering.__getitem__, symbols))
        self._add_ends(material.events, len(symbols))
        self._add_brought(material)
        return digest.hexdigest()

    def lesson(self) -> Lesson:
        """The sequences added so far, as one lesson."""
        often = np.repeat(np.array(self._times, np.int64), self._lengths)
        counts = np.bincount(self._symbols, often, minlength=len(self._numbering))
        batch = Batch(
            list(accumulate(self._lengths, initial=0)),
            self._symbols,
            list(accumulate(self._end_counts, initial=0)),
            self._ends,
        )
        return Lesson(
            b"".join(self._names),
            batch,
            list(self._numbering),
            counts.astype(np.int64).tolist(),
            self._brought,
            self._vectors,
            self._times if max(self._times, default=1) > 1 else [],
        )

    def _add_ends(self, events: Sequence[Event], length: int) -> None:
        # Most sequences have one symbol an event; then no ends are kept.
        ends = [] if len(events) == length else list(accumulate(map(len, events)))
        self._end_counts.append(len(ends))
        self._ends.extend(ends)

    def _add_brought(self, material: Material) -> None:
        self._vectors.update(material.vectors)
        if not material.emotives and not material.metadata:
            return
        records = [msgspec.json.encode(record).decode() for record in material.emotives]
        means = material.affinity
        if means is None:
            means = average_emotives(material.emotives)
        self._brought[len(self._names)] = (records, means, material.metadata)


class _Numbering(dict[str, int]):
    """Numbers texts from 0 in the order they first occur."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number
