"""What answers look like, and reading them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from kato.client.call import Steps, ask, reading
from kato.model.answers import Observed, ObservedMany
from kato.model.config import SessionConfig
from kato.model.emotive import Emotives
from kato.model.event import Event
from kato.model.naming import bare_name
from kato.model.pattern import Pattern
from kato.model.undoable import Kind, Undoable

T = TypeVar("T")


def reader(kind: type[T]) -> Callable[[bytes], T]:
    """Reads answers of a kind; what else is in them is passed over."""
    return msgspec.json.Decoder(kind).decode


class Opened(msgspec.Struct, frozen=True):
    """A session that is there."""

    session_id: str
    node_id: str


class State(msgspec.Struct, frozen=True):
    """All of a session at one moment."""

    session_id: str
    node_id: str
    events: list[Event]
    time: int
    percept: dict[str, Any]
    config: SessionConfig
    metadata: dict[str, Any]
    created_ms: int
    expires_ms: int
    lifetime_seconds: int


class Change(msgspec.Struct, frozen=True):
    """A change that can be undone, or was."""

    kind: Kind
    node_id: str
    pattern: str | None
    patterns: int
    at: float
    until: float

    def undoable(self) -> Undoable:
        """As the library says it."""
        return Undoable(self.kind, self.node_id, self.pattern, self.patterns, self.at, self.until)


class Changes(msgspec.Struct, frozen=True):
    """Changes that can be undone."""

    changes: list[Change]


class Extended(msgspec.Struct, frozen=True):
    """Seconds that a session lives on."""

    ttl_seconds: int


class LearnedName(msgspec.Struct, frozen=True):
    """The name of what was learned; empty if it was too short."""

    pattern_name: str


class Affinity(msgspec.Struct, frozen=True):
    """What was felt with a symbol."""

    affinity: Emotives


class Affinities(msgspec.Struct, frozen=True):
    """What was felt with each symbol."""

    affinities: dict[str, Emotives]


class SymbolCounts(msgspec.Struct, frozen=True):
    """How often a symbol was learned, and in how many patterns it is."""

    frequency: int
    pattern_member_frequency: int


class Symbols(msgspec.Struct, frozen=True):
    """Every symbol's counts."""

    symbols: dict[str, SymbolCounts]


class PatternPage(msgspec.Struct, frozen=True):
    """Some of the patterns that were searched for, in the order they were first learned.

    Attributes:
        patterns: The patterns; fewer than asked for where some were forgotten meanwhile.
        next: Where the next page begins; None if this is the last one.
    """

    patterns: list[Pattern]
    next: str | None


class _Sequence(msgspec.Struct, frozen=True):
    results: list[Observed]
    auto_learned_patterns: list[str]
    final_learned_pattern: str | None
    initial_stm_length: int
    final_stm_length: int


_read_observed = reader(Observed)
_read_sequence = reader(_Sequence)


def name_or_none(name: str | None) -> str | None:
    """A pattern's name as the library has it; None for what was too short to be one.

    >>> name_or_none("PTRN|76d7efca"), name_or_none("")
    ('76d7efca', None)
    """
    return bare_name(name) if name else None


def read_observed(body: bytes) -> Observed:
    """What one observation did."""
    return _bare(_read_observed(body))


def read_observed_many(body: bytes) -> ObservedMany:
    """What many observations did."""
    told = _read_sequence(body)
    return ObservedMany(
        [_bare(each) for each in told.results],
        [name_or_none(name) for name in told.auto_learned_patterns],
        told.initial_stm_length,
        told.final_stm_length,
        told.final_learned_pattern is not None,
    )


def _bare(observed: Observed) -> Observed:
    name = name_or_none(observed.auto_learned_pattern)
    return msgspec.structs.replace(observed, auto_learned_pattern=name)


def read_changes(path: str) -> Steps[list[Undoable]]:
    """Ask what can be undone."""
    found = yield from ask(reading(path, reader(Changes)))
    return [change.undoable() for change in found.changes]
