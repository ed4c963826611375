"""A knowledge base: learn, predict, get, forget, statistics. The one place where the parts meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from kato.errors import Conflict, PatternNotFound
from kato.memory.bulk import material_of_example
from kato.memory.copies import PatternCopy, Placed, material_of
from kato.memory.editing import MOST_RECORDS, checked_edit
from kato.memory.engines import Engines
from kato.memory.explaining import Explainer
from kato.memory.learning import LessonBuilder
from kato.memory.predicting import ATTEMPTS, Predictor
from kato.memory.searching import PatternPage, Search, Searcher
from kato.model.config import SessionConfig
from kato.model.emotive import Emotives
from kato.model.event import Event, check_text, checked_events, flattened
from kato.model.example import Example
from kato.model.explanation import Explanation
from kato.model.naming import bare_name
from kato.model.pattern import Pattern
from kato.model.prediction import Predictions
from kato.model.statistics import KnowledgeBaseStatistics, LearnReport, SymbolStatistics
from kato.storage.ledger.counters import Edit, Edited, Lesson, PatternState, Target
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.sessions import SessionStep

_SYMBOLS_AT_ONCE = 10_000

Events = Sequence[Sequence[str]]

T = TypeVar("T")


class KnowledgeBase:
    """Patterns under one name; :meth:`kato.Memory.knowledge_base` gives it. Safe for threads.

    Attributes:
        name: Its name.
        sessions: Where its sessions are kept, with those of all others.
    """

    def __init__(self, name: str, engines: Engines, predictor: Predictor) -> None:
        check_text(name, "a knowledge base's name")
        self.name = name
        self.sessions = engines.sessions
        self._engines = engines
        self._counters = engines.counters
        self._bulk = engines.algorithms.learner(name, engines.counters, engines.writer)
        self._predictor = predictor
        self._explainer = Explainer(predictor, engines.counters, engines.tables)
        self._searcher = Searcher(engines.counters, engines.tables, predictor, engines.writer)

    def learn(
        self,
        events: Events,
        *,
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        operation: Operation | None = None,
    ) -> str | None:
        """Learn a sequence as a pattern; durable when it returns.

        Args:
            events: A list of events, each a list of symbols; empty events are left out.
            emotives: Numbers by name that were felt with it.
            metadata: Anything by name; values are kept as text.
            operation: An operation id that makes a repeat safe.

        Returns:
            The pattern's name, or None if there are fewer than two symbols: they are no pattern.

        Raises:
            InvalidInput: Something given cannot be used; nothing was learned.
            StoreFull: The journal is full; nothing was learned.
        """
        builder = LessonBuilder()
        name = builder.add(material_of_example(Example(events, emotives or {}, metadata or {})))
        if name is None:
            return None
        operation = (operation or Operation()).telling(name)
        told = self.learn_lesson(builder.lesson(), SessionConfig(), operation=operation)
        return operation.answer(told, str) if operation.is_repeatable else name

    def learn_each(
        self, examples: Iterable[Example], *, operation: Operation | None = None
    ) -> list[Placed]:
        """Learn sequences in the order given, whatever becomes of the others.

        500 at a time are one step: all that can be used of them are learned, or none.

        Args:
            examples: The sequences; one that cannot be used hinders none.
            operation: An operation id that makes a repeat safe.

        Returns:
            What became of each.

        Raises:
            StoreFull: The journal is full; steps before are learned. A repeat learns the rest.
        """
        return self._bulk.place(
            examples, material_of_example, operation, SessionConfig().persistence
        )

    def put(
        self,
        copies: Iterable[PatternCopy],
        *,
        operation: Operation | None = None,
        patiently: bool = False,
    ) -> list[Placed]:
        """Learn copies of patterns with all they carry, as :meth:`learn_each` does.

        What is not known becomes just what the copy is; to what is known it is added: frequency,
        emotives and metadata.

        Args:
            copies: The copies; one that cannot be used hinders none.
            operation: An operation id that makes a repeat safe.
            patiently: Whether to wait for a journal that is full, as :meth:`learn_many` does.
        """
        place = self._bulk.place
        return place(copies, material_of, operation, MOST_RECORDS, patiently=patiently)

    def learn_many(self, sequences: Iterable[Events | Example]) -> LearnReport:
        """Learn sequences in the order given; durable when it returns.

        A sequence that cannot be used ends it; those before it are learned.

        Raises:
            InvalidInput: A sequence cannot be used.
            StoreFull: The journal stays full, as ClickHouse does not take what was learned.
        """
        return self._bulk.learn(sequences)

    def predict(self, events: Events, *, explain: bool = False, **config: Any) -> Predictions:
        """Predict from a memory of events: what came before, what is missing, what comes next.

        Args:
            events: The memory, a list of events; the knowledge base is not changed.
            explain: Whether to tell how the answer was found, in its ``explanation``.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidInput: The events or a configuration value cannot be used.
        """
        return self.predict_with(events, SessionConfig().updated(**config), explain=explain)

    def explain(self, events: Events, pattern: str | None = None, **config: Any) -> Explanation:
        """How a predict with the same arguments is answered.

        Args:
            events: The memory, a list of events; the knowledge base is not changed.
            pattern: The name of a pattern, with or without ``PTRN|``: the verdict says why it is
                in the answer or not.
            config: Keys of :class:`kato.SessionConfig`.

        Raises:
            InvalidInput: The events or a configuration value cannot be used.
        """
        return self.explain_with(events, SessionConfig().updated(**config), pattern)

    def predict_with(
        self, events: Events, config: SessionConfig, *, explain: bool = False
    ) -> Predictions:
        """Predict with a whole configuration. For sessions."""
        checked = checked_events(events, sort=config.sort_symbols)
        if explain:
            return self._explainer.predict(self.name, checked, config)
        return self._predictor.predict(self.name, checked, config)

    def explain_with(
        self, events: Events, config: SessionConfig, pattern: str | None
    ) -> Explanation:
        """Explain with a whole configuration. For sessions."""
        checked = checked_events(events, sort=config.sort_symbols)
        return self._explainer.explain(self.name, checked, config, pattern)

    def get(self, name: str) -> Pattern:
        """The pattern of that name, with or without ``PTRN|``.

        Raises:
            PatternNotFound: There is none.
        """
        state = self._state(name)
        events = self._predictor.events_of(self.name, state)
        if events is None:
            raise _not_found(name, self.name)
        return Pattern(
            name=bare_name(name),
            events=events,
            length=sum(map(len, events)),
            frequency=state.frequency,
            emotives=state.state.emotives,
            metadata=state.state.metadata,
        )

    def patterns(
        self,
        *,
        symbol: str | None = None,
        prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> PatternPage:
        """A page of patterns, in the order they were first learned; all that is given must fit.

        Args:
            symbol: A symbol they hold.
            prefix: What their name begins with, with or without ``PTRN|``.
            metadata: Values they carry, by key.
            after: What the page before says is next; None begins.
            limit: Patterns in a page, 1 to 1000.

        Raises:
            InvalidInput: Something given cannot be used.
            Conflict: The knowledge base was cleared since the page before.
        """
        search = Search.checked(symbol, prefix, metadata)
        return self._searcher.page(self.name, search, after, limit)

    def count(
        self,
        *,
        symbol: str | None = None,
        prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """How many patterns :meth:`patterns` finds in all its pages.

        Raises:
            InvalidInput: Something given cannot be used.
        """
        search = Search.checked(symbol, prefix, metadata)
        return (
            self.stats().patterns if search == Search() else self._searcher.count(self.name, search)
        )

    def edit(
        self,
        name: str,
        *,
        frequency: int | None = None,
        emotives: Sequence[Mapping[str, float]] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        operation: Operation | None = None,
    ) -> Pattern:
        """Change what a pattern carries, and every counter with it; its events stay.

        Args:
            name: The pattern's name, with or without ``PTRN|``.
            frequency: How often it shall count as learned, 1 to 1e9.
            emotives: All its records, oldest first, at most 100. To the affinity of its symbols
                they count as if each was learned by itself.
            metadata: All its values, by key.
            operation: An operation id that makes a repeat safe.

        Returns:
            The pattern after it.

        Raises:
            InvalidInput: Something given cannot be used; nothing was changed.
            PatternNotFound: There is none.
            StoreFull: The journal is full; nothing was changed.
            Conflict: It was learned and forgotten again and again meanwhile.
        """
        edit = checked_edit(frequency, emotives, metadata)
        operation = operation or Operation()
        known = self._edited(name, operation)
        if known is not None:
            return known
        try:
            return self._edit(name, edit, operation)
        except PatternNotFound:
            known = self._edited(name, operation)  # an earlier attempt may have come late
            if known is None:
                raise
            return known

    def forget(self, name: str, *, operation: Operation | None = None) -> None:
        """Forget the pattern of that name: it and its share of every counter are gone.

        Args:
            name: The pattern's name, with or without ``PTRN|``.
            operation: An operation id that makes a repeat safe.

        Raises:
            PatternNotFound: There is none.
            StoreFull: The journal is full; nothing was forgotten.
            Conflict: It was learned and forgotten again and again meanwhile.
        """
        operation = (operation or Operation()).telling(bare_name(name))
        if self._was_done(operation):
            return
        try:
            self._forget(name, operation)
        except PatternNotFound:
            if not self._was_done(operation):  # an earlier attempt may have come late
                raise

    def clear(self, *, operation: Operation | None = None) -> None:
        """Forget everything in this knowledge base, at once.

        Args:
            operation: An operation id that makes a repeat safe.

        Raises:
            StoreFull: The journal is full; nothing was cleared.
        """
        operation = (operation or Operation()).telling(True)
        told = self._counters.clear(self.name, operation=operation)
        if operation.is_repeatable:
            operation.answer(told, bool)

    def stats(self) -> KnowledgeBaseStatistics:
        """How much it holds."""
        number = self._counters.number(self.name)
        if number is None:
            return KnowledgeBaseStatistics(0, 0, 0, 0)
        totals = self._counters.totals(number)
        return KnowledgeBaseStatistics(
            patterns=totals.patterns,
            symbols=totals.symbols,
            pattern_frequencies=totals.pattern_frequencies,
            total_symbols=totals.occurrences,
        )

    def symbols(self) -> Iterator[SymbolStatistics]:
        """What is counted about each symbol, in the order they were first learned."""
        number = self._counters.number(self.name)
        ids = iter(self._counters.counted_symbols(number) if number is not None else [])
        while part := list(islice(ids, _SYMBOLS_AT_ONCE)):
            yield from self._predictor.symbol_statistics(self.name, part)

    def affinity(self, symbol: str) -> Emotives:
        """By emotive, the sum over the learns that held the symbol of the emotive's mean.

        Empty if the symbol is not known.
        """
        check_text(symbol, "a symbol")
        return self._counters.affinity(self.name, symbol)

    def learn_lesson(
        self,
        lesson: Lesson,
        config: SessionConfig,
        step: SessionStep | None = None,
        operation: Operation | None = None,
    ) -> str:
        """Learn a lesson, which may be empty, and keep a session's step with it. For sessions.

        Returns:
            What a repeat of the operation is told.

        Raises:
            Conflict: The session moved on; nothing was changed.
        """
        return self._counters.learn(
            self.name, lesson, persistence=config.persistence, step=step, operation=operation
        ).told

    def lesson_arguments(
        self, lesson: Lesson, config: SessionConfig, step: SessionStep, operation: Operation
    ) -> tuple[Any, ...]:
        """What the ledger's script ``learn`` takes for :meth:`learn_lesson`. For sessions."""
        return self._counters.learn_arguments(
            self.name, lesson, config.persistence, step, operation
        )

    def clear_with(self, step: SessionStep, operation: Operation | None) -> str:
        """Forget everything, and keep a session's step with it. For sessions.

        Returns:
            What a repeat of the operation is told.

        Raises:
            Conflict: The session moved on; nothing was changed.
        """
        return self._counters.clear(self.name, step=step, operation=operation)

    def nearest_vectors(
        self,
        vector: Sequence[float],
        limit: int,
        max_distance: float | None,
        also: Mapping[str, list[float]],
    ) -> list[str]:
        """Names of the vectors nearest to one, by L2 distance, then name. For sessions.

        Of those that are stored, and of those in ``also``.
        """
        return self._predictor.nearest_vectors(self.name, vector, limit, max_distance, also)

    def _edit(self, name: str, edit: Edit, operation: Operation) -> Pattern:
        for _ in range(ATTEMPTS):
            state = self._state(name)
            events = self._predictor.events_of(self.name, state)
            symbols = self._predictor.symbols_of(self.name, state)
            if events is None or symbols is None:
                continue
            target = Target(bytes.fromhex(bare_name(name)), state, symbols)
            edited = self._counters.edit(self.name, target, edit, operation.telling(events))
            if edited is not None:
                return _pattern(name, events, edited)
        raise _changing(name)

    def _edited(self, name: str, operation: Operation) -> Pattern | None:
        """What an edit answered that is asked for again."""
        if not operation.is_repeatable or (told := self._counters.told(operation)) is None:
            return None
        events = operation.answer(told, list)
        edited = self._counters.edited(operation)
        return None if edited is None else _pattern(name, events, edited)

    def _forget(self, name: str, operation: Operation) -> None:
        for _ in range(ATTEMPTS):
            state = self._state(name)
            symbols = self._predictor.symbols_of(self.name, state)
            if symbols is None:
                continue
            target = Target(bytes.fromhex(bare_name(name)), state, symbols)
            if self._counters.forget(self.name, target, operation) is not None:
                return
        raise _changing(name)

    def _was_done(self, operation: Operation) -> bool:
        if not operation.is_repeatable or (told := self._counters.told(operation)) is None:
            return False
        operation.answer(told, object)
        return True

    def _state(self, name: str) -> PatternState:
        bare = bare_name(name)
        if not re.fullmatch(r"[0-9a-f]{40}", bare):
            raise _not_found(name, self.name)
        state = self._counters.state(self.name, bytes.fromhex(bare))
        if state is None:
            raise _not_found(name, self.name)
        return state


def _pattern(name: str, events: list[Event], edited: Edited) -> Pattern:
    return Pattern(
        name=bare_name(name),
        events=events,
        length=len(flattened(events)),
        frequency=edited.frequency,
        emotives=edited.emotives,
        metadata=edited.metadata,
    )


def _changing(name: str) -> Conflict:
    return Conflict(f"pattern {name} keeps changing", remedy="try again")


def _not_found(name: str, kb: str) -> PatternNotFound:
    return PatternNotFound(
        f"no pattern {name[:60]!a} in knowledge base {kb[:60]!a}",
        remedy="names are 40 hexadecimal digits, as learn and predict answer them",
    )
