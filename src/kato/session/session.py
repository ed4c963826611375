"""A session: a short-term memory on a knowledge base, kept in the ledger step by step."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from kato.errors import Conflict, InvalidInput, NothingToLearn, SessionNotFound
from kato.memory import KnowledgeBase
from kato.memory.learning import LessonBuilder
from kato.model.answers import Learned, Observation, Observed, ObservedMany, SessionInfo
from kato.model.config import SessionConfig
from kato.model.event import Event, check_text
from kato.model.explanation import Explanation
from kato.model.prediction import Predictions
from kato.session.observing import Observing, Percept, checked_observation, observed_many
from kato.session.opening import (
    DEFAULT_TTL_SECONDS,
    NOTHING,
    About,
    Beginning,
    begin,
    check_ttl,
    gone,
)
from kato.session.short_term_memory import ShortTermMemory
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.sessions import Kept, SessionStep

_ATTEMPTS = 200
"""Steps that lost against others before a call gives up; each loss means another step was kept."""

_SHORT = 200
"""Events of short-term memory with which a step is computed within a fraction of a millisecond."""

T = TypeVar("T")


class _Known(msgspec.Struct, frozen=True):
    version: int
    state: ShortTermMemory


class _Next(NamedTuple):
    """What becomes of a state: the next one, what is learned with it, and what is answered."""

    state: ShortTermMemory
    lesson: LessonBuilder | None
    answer: Any


_Change = Callable[[ShortTermMemory], _Next]


class _Elsewhere(InvalidInput):
    """The session follows a stream from another position than the caller thinks."""


class Proposal(msgspec.Struct, frozen=True):
    """An observation's step, computed and not yet kept: see :meth:`Session.propose`.

    Attributes:
        arguments: What the ledger's script ``learn`` takes.
        answer: What the observation did, once the ledger has answered.
        percept: What is observed.
        operation: The change that it is.
        known: What the session is known to be then.
    """

    arguments: tuple[Any, ...]
    answer: Observed
    percept: Percept
    operation: Operation
    known: _Known


class Session:
    """A short-term memory on a knowledge base.

    Kept in the ledger: it survives the process, and steps taken through several handles, threads or
    processes happen one after the other, none lost.

    Args:
        kb: The knowledge base it learns into and predicts from.
        session_id: Opens that session, or makes it; a new one has an id of its own if None.
        ttl_seconds: Seconds after which it is gone if it is not used.
        slides: Whether use lets it live on. If not, it is gone so many seconds after it began.
        must_exist: Whether not to make it.
        config: Keys of :class:`kato.SessionConfig`.

    Attributes:
        id: Its id.

    Raises:
        InvalidConfig: A configuration value cannot be used.
        SessionNotFound: The id is that of a session on another knowledge base, or it is not there
            and must be.

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
        slides: bool = True,
        must_exist: bool = False,
        **config: Any,
    ) -> None:
        self.id = session_id if session_id is not None else secrets.token_hex(16)
        check_text(self.id, "a session's id")
        self._kb = kb
        self._slides = slides
        # Replaced as one, so that threads may share this handle.
        self._known = _Known(0, ShortTermMemory())
        beginning = Beginning(SessionConfig().updated(**config), ttl_seconds, slides=slides)
        if must_exist or not self._begin(beginning):
            self._current()
            if config:
                self.configure(**config)

    @property
    def knowledge_base(self) -> KnowledgeBase:
        """The knowledge base it learns into and predicts from."""
        return self._kb

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

    @property
    def position(self) -> str:
        """How far the stream that it follows was read; empty if it follows none."""
        return self._current().position

    def read(self) -> ShortTermMemory:
        """All of its state at one moment.

        Raises:
            SessionNotFound: It expired or was deleted.
        """
        return self._current()

    def info(self) -> SessionInfo:
        """When it began, how long it lives, and what was said about it.

        Raises:
            SessionNotFound: It expired or was deleted.
        """
        kept = self._visit()
        if kept is None:
            raise gone(self.id)
        about = msgspec.json.decode(kept.about, type=About)
        return SessionInfo(
            self.id,
            kept.kb,
            kept.created_ms,
            kept.expires_ms,
            kept.ttl,
            about.metadata,
            self._known.state.config,
        )

    def extend(self, ttl_seconds: int, *, operation: Operation | None = None) -> int:
        """Let it live on for so many seconds from now, and from each use on; answers them.

        Raises:
            InvalidConfig: They are fewer than one.
            SessionNotFound: It expired or was deleted.
        """
        check_ttl(ttl_seconds)
        operation = (operation or Operation()).telling(ttl_seconds)
        told = self._kb.sessions.extend(self.id, ttl_seconds, operation)
        if told is None:
            raise gone(self.id)
        return operation.answer(told, int) if operation.is_repeatable else ttl_seconds

    def configure(self, *, operation: Operation | None = None, **changes: Any) -> SessionConfig:
        """Change configuration keys.

        Raises:
            InvalidConfig: A value cannot be used; none is changed.
        """

        def change(state: ShortTermMemory) -> _Next:
            config = state.config.updated(**changes)
            return _Next(msgspec.structs.replace(state, config=config), None, config)

        return self._step(change, SessionConfig, operation)

    def observe(
        self,
        symbols: Sequence[str] = (),
        *,
        vectors: Sequence[Sequence[float]] = (),
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        operation: Operation | None = None,
    ) -> Observed:
        """Observe one event, or emotives and metadata that belong to the event before.

        Args:
            symbols: The event's symbols.
            vectors: Vectors seen with them: each is a symbol of its own, joined by the names of
                the stored ones nearest to it.
            emotives: Numbers by name.
            metadata: Anything by name; values are kept as text.
            operation: An operation id that makes a repeat safe.

        Raises:
            InvalidInput: Something given cannot be used; the session is as it was.
            SessionNotFound: It expired or was deleted.
        """
        percept = checked_observation(Observation(symbols, vectors, emotives, metadata))
        return self._observe(percept, operation)

    def _observe(self, percept: Percept, operation: Operation | None) -> Observed:
        return self._step(lambda state: self._observed(state, percept), Observed, operation)

    def _observed(self, state: ShortTermMemory, percept: Percept) -> _Next:
        observing = Observing(state, self._kb.nearest_vectors)
        answer = observing.observe(percept)
        return _Next(observing.state, observing.lesson, answer)

    def propose(self, observation: Observation) -> Proposal | None:
        """Compute the step of an observation, for who asks the ledger from an event loop.

        If the ledger answers :attr:`Proposal.arguments`, :meth:`accept` it, else :meth:`settle` it;
        no other step may be taken through this handle meanwhile.

        Returns:
            The step; None if other stores are needed, or time: then :meth:`observe`.

        Raises:
            InvalidInput: Something given cannot be used.
        """
        percept, known = checked_observation(observation), self._known
        if not known.version or percept.given["vectors"] or len(known.state.moments) > _SHORT:
            return None
        try:
            following = self._observed(known.state, percept)
        except InvalidInput:
            return None  # it cannot be done to what is known, but perhaps to what is
        operation, step = Operation(), self._after(known, following.state)
        lesson = following.lesson.lesson() if following.lesson else NOTHING
        config = following.state.config
        arguments = self._kb.lesson_arguments(lesson, config, step, operation)
        kept = _Known(step.next_version, following.state)
        return Proposal(arguments, following.answer, percept, operation, kept)

    def accept(self, proposal: Proposal) -> Observed:
        """Take a step that the ledger kept."""
        self._known = proposal.known
        return proposal.answer

    def settle(self, proposal: Proposal) -> Observed:
        """Take a step of which is not known whether it was kept, or take it anew.

        Raises:
            SessionNotFound: It expired or was deleted.
        """
        return self._observe(proposal.percept, proposal.operation)

    def observe_many(
        self,
        observations: Iterable[Observation],
        *,
        learn_after_each: bool = False,
        learn_at_end: bool = False,
        clear_between: bool = False,
        operation: Operation | None = None,
    ) -> ObservedMany:
        """Observe one after the other, in one step: all of them, or none if one cannot be used.

        Args:
            observations: What is observed.
            learn_after_each: Whether to learn after each.
            learn_at_end: Whether to learn what is left at the end.
            clear_between: Whether to drop the events before each but the first.
            operation: An operation id that makes a repeat safe.

        Raises:
            InvalidInput: Something given cannot be used; the session is as it was.
            SessionNotFound: It expired or was deleted.
        """
        percepts = [checked_observation(observation) for observation in observations]

        def change(state: ShortTermMemory) -> _Next:
            observing = Observing(state, self._kb.nearest_vectors)
            answer = observed_many(
                observing,
                percepts,
                learn_after_each=learn_after_each,
                learn_at_end=learn_at_end,
                clear_between=clear_between,
            )
            return _Next(observing.state, observing.lesson, answer)

        return self._step(change, ObservedMany, operation)

    def follow(self, observations: Iterable[Observation], since: str, until: str) -> ObservedMany:
        """Observe what a stream has between two positions, in one step with the second of them.

        So nothing of a stream is observed twice, whoever reads it, and whenever they die.

        Args:
            observations: What is observed.
            since: The session's :attr:`position`, as it was when they were read.
            until: The position behind them.

        Raises:
            Conflict: The session is elsewhere by now; nothing was observed.
            InvalidInput: Something given cannot be used; the session is as it was.
            SessionNotFound: It expired or was deleted.
        """
        percepts = [checked_observation(observation) for observation in observations]

        def change(state: ShortTermMemory) -> _Next:
            if state.position != since:
                raise _Elsewhere(state.position)
            observing = Observing(state, self._kb.nearest_vectors)
            answer = observed_many(
                observing,
                percepts,
                learn_after_each=False,
                learn_at_end=False,
                clear_between=False,
            )
            following = msgspec.structs.replace(observing.state, position=until)
            return _Next(following, observing.lesson, answer)

        try:
            return self._step(change, ObservedMany, None)
        except _Elsewhere as moved:
            raise Conflict(
                f"session {self.id[:60]!a} is at {str(moved)[:60]!a}, not at {since[:60]!a}",
                remedy="read on from where it is",
            ) from None

    def learn(self) -> str | None:
        """Learn short-term memory as a pattern and empty it.

        Returns:
            The pattern's name, or None if there were fewer than two symbols: they are no pattern,
            and are forgotten all the same.
        """
        return self._step(self._learned, Learned, None).pattern

    def learn_events(self, *, operation: Operation | None = None) -> Learned:
        """Learn as :meth:`learn` does, if there are events.

        Raises:
            NothingToLearn: There is no event; nothing was changed.
        """

        def change(state: ShortTermMemory) -> _Next:
            if not state.moments:
                raise NothingToLearn("Cannot learn from empty STM", remedy="observe first")
            return self._learned(state)

        return self._step(change, Learned, operation)

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

    def clear(self, *, operation: Operation | None = None) -> None:
        """Empty short-term memory and begin time anew; the configuration stays."""
        self._step(lambda state: _Next(state.cleared(), None, None), type(None), operation)

    def clear_all(self, *, operation: Operation | None = None) -> None:
        """Clear it, and its knowledge base for everyone."""

        def keep(known: _Known, following: _Next, operation: Operation) -> tuple[str, _Known]:
            step = self._after(known, following.state)
            told = self._kb.clear_with(step, operation)
            return told, _Known(step.next_version, following.state)

        self._step(
            lambda state: _Next(state.cleared(), None, None), type(None), operation, keep=keep
        )

    def delete(self, *, operation: Operation | None = None) -> bool:
        """End the session; what it learned stays. False if it was not there."""
        operation = (operation or Operation()).telling(True)
        told = self._kb.sessions.remove(self.id, operation)
        return told is not None

    def _learned(self, state: ShortTermMemory) -> _Next:
        observing = Observing(state, self._kb.nearest_vectors)
        answer = Learned(observing.learn(), len(state.moments))
        return _Next(observing.state, observing.lesson, answer)

    def _begin(self, beginning: Beginning) -> bool:
        """Make the session; False if it is there already, perhaps only just."""
        check_ttl(beginning.ttl_seconds)
        if self._visit() is not None:
            return False
        try:
            begin(self._kb, self.id, beginning)
        except Conflict:
            return False
        self._current()
        return True

    def _current(self) -> ShortTermMemory:
        if self._visit() is None:
            raise gone(self.id)
        return self._known.state

    def _visit(self) -> Kept | None:
        """Know the session as it is now; None if it is not there."""
        kept = self._kb.sessions.visit(self.id, self._known.version, slides=self._slides)
        if kept is None:
            return None
        if kept.kb != self._kb.name:
            raise SessionNotFound(
                f"session {self.id[:60]!a} is on knowledge base {kept.kb[:60]!a}",
                remedy="open it there, or choose another id",
            )
        self._take(kept)
        return kept

    def _take(self, kept: Kept) -> None:
        if kept.state:
            state = msgspec.json.decode(kept.state, type=ShortTermMemory)
            self._known = _Known(kept.version, state)

    def _step(
        self,
        change: _Change,
        kind: type[T],
        operation: Operation | None,
        keep: Callable[[_Known, _Next, Operation], tuple[str, _Known]] | None = None,
    ) -> T:
        """Take a step from the newest state; a step that another one overtook is taken again."""
        operation, keep = operation or Operation(), keep or self._keep
        if (told := self._told(operation)) is not None:
            return operation.answer(told, kind)
        for attempt in range(_ATTEMPTS):
            known = self._known
            try:
                following = change(known.state)
                asked = operation.telling(following.answer)
                told, kept = keep(known, following, asked)
            except InvalidInput:
                self._current()
                if self._known is not known:
                    continue  # it cannot be done to what was known, but perhaps to what is
                if (told := self._told(operation)) is None:  # an earlier attempt may come late
                    raise
                return operation.answer(told, kind)
            except Conflict:
                self._current()
                time.sleep(random.random() * 0.0005 * min(attempt, 20))  # noqa: S311
                continue
            if (
                told == asked.told
            ):  # else an earlier attempt was kept, and may have seen other vectors
                self._known = kept
            answer: T = following.answer
            return operation.answer(told, kind) if operation.is_repeatable else answer
        raise Conflict(f"session {self.id} is never left alone", remedy="use it from fewer places")

    def _told(self, operation: Operation) -> str | None:
        """What the caller of an operation was told; None if it was not carried out so far."""
        return self._kb.sessions.told(operation) if operation.is_repeatable else None

    def _keep(self, known: _Known, following: _Next, operation: Operation) -> tuple[str, _Known]:
        """Keep the state that follows one; answers what was told, and what is known then."""
        step = self._after(known, following.state)
        lesson = following.lesson.lesson() if following.lesson else NOTHING
        told = self._kb.learn_lesson(lesson, following.state.config, step, operation)
        return told, _Known(step.next_version, following.state)

    def _after(self, known: _Known, state: ShortTermMemory) -> SessionStep:
        version = known.version
        encoded = msgspec.json.encode(state)
        return SessionStep(self.id, version, version + 1, encoded, slides=self._slides)
