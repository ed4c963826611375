"""A session: a short-term memory on a knowledge base, kept in the ledger step by step."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kato.errors import Conflict, InvalidConfig, InvalidEvent, SessionNotFound
from kato.memory import KnowledgeBase
from kato.memory.learning import Material
from kato.model.config import SessionConfig
from kato.model.emotive import checked_emotives, checked_metadata
from kato.model.event import Event, check_text, checked_events, in_stored_order
from kato.model.explanation import Explanation
from kato.model.prediction import Predictions
from kato.model.vector import MAX_NEIGHBOURS, checked_vector, vector_symbol
from kato.session.short_term_memory import Moment, ShortTermMemory
from kato.storage.ledger.counters import SessionStep

DEFAULT_TTL_SECONDS = 3600

_ATTEMPTS = 200
"""Steps that lost against others before a call gives up; each loss means another step was kept."""

_Change = Callable[[ShortTermMemory], tuple[ShortTermMemory, Material | None]]


_VERSION_BITS = 48
"""Versions stay exact as the floating-point numbers that scripts count with."""


class _Kept(msgspec.Struct, frozen=True):
    version: int
    state: ShortTermMemory


class Observed(msgspec.Struct, frozen=True):
    """What one observation did.

    Attributes:
        stm_length: Events in short-term memory, after an automatic learn.
        time: Observations so far.
        auto_learned_pattern: Name of the pattern that was learned by itself, if one was.
    """

    stm_length: int
    time: int
    auto_learned_pattern: str | None


class Session:
    """A short-term memory on a knowledge base.

    Kept in the ledger: it survives the process, and steps taken through several handles, threads or
    processes happen one after the other, none lost.

    Args:
        kb: The knowledge base it learns into and predicts from.
        session_id: Opens that session, or makes it; a new one has an id of its own if None.
        ttl_seconds: Seconds without a step after which it is gone.
        config: Keys of :class:`kato.SessionConfig`.

    Attributes:
        id: Its id.

    Raises:
        InvalidConfig: A configuration value cannot be used.
        SessionNotFound: The id is that of a session on another knowledge base.

    >>> import tempfile, kato
    >>> with kato.open(tempfile.mkdtemp()) as memory:
    ...     session = Session(memory.knowledge_base("letters"))
    ...     for symbol in "abc":
    ...         _ = session.observe([symbol])
    ...     _ = session.learn()
    ...     _ = session.observe(["a"])
    ...     _ = session.observe(["b"])
    ...     session.predict()[0].future
    [['c']]
    """

    def __init__(
        self,
        kb: KnowledgeBase,
        session_id: str | None = None,
        *,
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
        **config: Any,
    ) -> None:
        self.id = session_id if session_id is not None else secrets.token_hex(16)
        check_text(self.id, "a session's id")
        if ttl_seconds < 1:
            raise InvalidConfig({"ttl_seconds": f"Must be 1 or more, got {ttl_seconds}"})
        self._kb = kb
        self._ttl = ttl_seconds
        # Replaced as one, so that threads may share this handle.
        self._kept = _Kept(0, ShortTermMemory(SessionConfig().updated(**config)))
        if not self._begin() and config:
            self.configure(**config)

    @property
    def events(self) -> list[Event]:
        """Short-term memory: the events, oldest first."""
        return self._current().events

    @property
    def time(self) -> int:
        """Observations so far, empty ones included; :meth:`clear` begins anew."""
        return self._current().time

    @property
    def config(self) -> SessionConfig:
        """The configuration."""
        return self._current().config

    @property
    def percept(self) -> dict[str, Any]:
        """The last observation as it was given; empty if there is none."""
        return self._current().percept

    def configure(self, **changes: Any) -> SessionConfig:
        """Change configuration keys.

        Raises:
            InvalidConfig: A value cannot be used; none is changed.
        """

        def change(state: ShortTermMemory) -> tuple[ShortTermMemory, None]:
            config = state.config.updated(**changes)
            return msgspec.structs.replace(state, config=config), None

        return self._step(change)[0].config

    def observe(
        self,
        symbols: Sequence[str] = (),
        *,
        vectors: Sequence[Sequence[float]] = (),
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Observed:
        """Observe one event, or emotives and metadata that belong to the event before.

        Args:
            symbols: The event's symbols.
            vectors: Vectors seen with them: each is a symbol of its own, joined by the names of
                the stored ones nearest to it.
            emotives: Numbers by name.
            metadata: Anything by name; values are kept as text.

        Raises:
            InvalidInput: Something given cannot be used; the session is as it was.
            SessionNotFound: It expired or was deleted.
        """
        event = _checked_event(symbols)
        percept = {
            "strings": sorted(event),
            "vectors": [checked_vector(vector).tolist() for vector in vectors],
            "emotives": checked_emotives(emotives),
            "metadata": checked_metadata(metadata),
        }

        def change(state: ShortTermMemory) -> tuple[ShortTermMemory, Material | None]:
            moment = self._moment(event, percept, state.config)
            observed = state.observed(moment, percept)
            return _auto_learned(observed) if moment.event else (observed, None)

        state, learned = self._step(change)
        return Observed(len(state.moments), state.time, learned)

    def learn(self) -> str | None:
        """Learn short-term memory as a pattern and empty it.

        Returns:
            The pattern's name, or None if there were fewer than two symbols: they are no pattern,
            and are forgotten all the same.
        """
        return self._step(lambda state: (state.emptied(), state.material()))[1]

    def predict(self, *, explain: bool = False, **overrides: Any) -> Predictions:
        """Predict from short-term memory; the session is not changed.

        Args:
            explain: Whether to tell how the answer was found, in its ``explanation``.
            overrides: Configuration keys for this call only.
        """
        state = self._current()
        config = state.config.updated(**overrides)
        return self._kb.predict_with(state.events, config, explain=explain)

    def explain(self, pattern: str | None = None, **overrides: Any) -> Explanation:
        """How :meth:`predict` is answered.

        Args:
            pattern: The name of a pattern: the verdict says why it is in the answer or not.
            overrides: Configuration keys for this call only.
        """
        state = self._current()
        return self._kb.explain_with(state.events, state.config.updated(**overrides), pattern)

    def clear(self) -> None:
        """Empty short-term memory and begin time anew; the configuration stays."""
        self._step(lambda state: (state.cleared(), None))

    def delete(self) -> None:
        """End the session; what it learned stays."""
        self._kb.remove_session(self.id)

    def _moment(self, symbols: Event, percept: dict[str, Any], config: SessionConfig) -> Moment:
        named = {vector_symbol(vector): list(vector) for vector in percept["vectors"]}
        near = {name for vector in named.values() for name in self._neighbours(vector, config)}
        event = [*sorted({*named, *near}), *symbols]
        return Moment(
            in_stored_order(event, sort=config.sort_symbols),
            (percept["emotives"],) if percept["emotives"] else (),
            (percept["metadata"],) if percept["metadata"] else (),
            named,
        )

    def _neighbours(self, vector: Sequence[float], config: SessionConfig) -> list[str]:
        return self._kb.nearest_vectors(vector, MAX_NEIGHBOURS, config.vector_max_distance)

    def _begin(self) -> bool:
        """Make the session; False if it is there already, perhaps only just."""
        if self._reload() is not None:
            return False
        try:
            self._keep(self._kept, self._kept.state, None)
        except Conflict:
            self._current()
            return False
        return True

    def _current(self) -> ShortTermMemory:
        kept = self._reload()
        if kept is None:
            raise self._gone()
        return kept.state

    def _step(self, change: _Change) -> tuple[ShortTermMemory, str | None]:
        """Take a step from the newest state; a step that another one overtook is taken again."""
        for attempt in range(_ATTEMPTS):
            kept = self._kept
            state, material = change(kept.state)
            try:
                return state, self._keep(kept, state, material)
            except Conflict:
                self._current()
                time.sleep(random.random() * 0.0005 * min(attempt, 20))  # noqa: S311
        raise Conflict(f"session {self.id} is never left alone", remedy="use it from fewer places")

    def _keep(self, kept: _Kept, state: ShortTermMemory, material: Material | None) -> str | None:
        """Keep the state that follows one."""
        # Each life of a session begins at a version of its own: a handle that knows the session as
        # it was before it was deleted cannot take the new one for it.
        following = kept.version + 1 if kept.version else secrets.randbits(_VERSION_BITS) + 1
        encoded = msgspec.json.encode(state)
        step = SessionStep(self.id, kept.version, encoded, self._ttl, following)
        learned = self._kb.learn_material(material, state.config, step)
        self._kept = _Kept(following, state)
        return learned

    def _reload(self) -> _Kept | None:
        """The session as it is now; None if it is not there."""
        found = self._kb.load_session(self.id)
        if found is None:
            return None
        if found.kb != self._kb.name:
            raise SessionNotFound(
                f"session {self.id[:60]!a} is on knowledge base {found.kb[:60]!a}",
                remedy="open it there, or choose another id",
            )
        kept = self._kept
        if found.version != kept.version:
            state = msgspec.json.decode(found.state, type=ShortTermMemory)
            self._kept = kept = _Kept(found.version, state)
        return kept

    def _gone(self) -> SessionNotFound:
        return SessionNotFound(
            f"session {self.id[:60]!a} expired or was deleted", remedy="open a new one"
        )


def _checked_event(symbols: Sequence[str]) -> Event:
    if isinstance(symbols, str):
        raise InvalidEvent(
            f"an event must be a list of symbols, got the text {symbols[:60]!a}",
            remedy="put a single symbol in a list",
        )
    return checked_events([list(symbols)], sort=False)[0]


def _auto_learned(state: ShortTermMemory) -> tuple[ShortTermMemory, Material | None]:
    if not state.is_due():
        return state, None
    return state.after_auto_learn(), state.material()
