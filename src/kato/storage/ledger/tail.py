"""The journal's tail, decoded: what ClickHouse may not have yet."""

from __future__ import annotations

import threading

import msgspec

from kato.storage.ledger.counters import Look
from kato.storage.ledger.journal import Entry, Sequences, State


class TailView(msgspec.Struct, frozen=True):
    """What the tail says of one knowledge base at one moment; readers share it.

    Attributes:
        sequences: New patterns, ids ascending from part to part.
        forgotten: Ids of forgotten patterns.
        restored: Ids of patterns that were given back. What else is said holds only once ClickHouse
            has that: see :meth:`kato.memory.predicting.Predictor.view`.
        texts: By id, the texts of new symbols.
        vectors: By symbol text, new vectors.
        states: By pattern id, the newest emotives and metadata.
    """

    sequences: list[Sequences]
    forgotten: set[int]
    texts: dict[int, str]
    vectors: dict[str, list[float]]
    states: dict[int, State] = {}
    restored: frozenset[int] = frozenset()


class Tail:
    """Keeps up with the journal, one look at a time; safe for threads.

    A reader takes its view *before* it asks ClickHouse: what leaves the tail is there by then, and
    what is in both is merged by id.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._views: dict[int, TailView] = {}
        self._last = 0

    @property
    def last(self) -> int:
        """The last sequence that was seen."""
        return self._last

    def catch_up(self, look: Look) -> TailView:
        """Add what a look brought, let go of what ClickHouse has, and answer for its number."""
        with self._lock:
            fresh = [entry for entry in look.entries if entry.sequence > self._last]
            self._last = max(self._last, fresh[-1].sequence if fresh else look.done)
            if fresh or (self._entries and self._entries[0].sequence <= look.done):
                self._entries = [e for e in self._entries if e.sequence > look.done] + fresh
                self._views.clear()
            if look.kb not in self._views:
                self._views[look.kb] = _view([e for e in self._entries if e.kb == look.kb])
            return self._views[look.kb]


def _view(entries: list[Entry]) -> TailView:
    return TailView(
        [entry.sequences for entry in entries if entry.sequences is not None],
        {entry.forgotten for entry in entries if entry.forgotten is not None},
        {number: text for entry in entries for number, text in entry.texts.items()},
        {name: value for entry in entries for name, value in entry.vectors.items()},
        {pattern: state for entry in entries for pattern, state in entry.states.items()},
        frozenset(entry.restored for entry in entries if entry.restored is not None),
    )
