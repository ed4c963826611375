"""Many sequences at a time: learned in steps, each of which is all or nothing."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from typing import TypeVar

from kato.errors import InvalidInput, StoreFull
from kato.memory.copies import Placed
from kato.memory.learning import LESSON_PATTERNS, LessonBuilder, Material
from kato.model.config import SessionConfig
from kato.model.emotive import accumulate_metadata, checked_emotives, checked_metadata
from kato.model.event import checked_events
from kato.model.example import Example
from kato.model.statistics import LearnReport
from kato.storage.batches import Writer
from kato.storage.ledger.counters import Counters, Learned, Lesson
from kato.storage.ledger.operations import Operation

BACKPRESSURE_SECONDS = 60.0
"""How long learning many waits for a full journal to be drained before it gives up."""

Events = Sequence[Sequence[str]]

T = TypeVar("T")


class BulkLearner:
    """Learns many sequences in one knowledge base; safe for threads.

    Args:
        kb: Its name.
        counters: The ledger's counters.
        writer: Empties a journal that is full.
        most: Patterns in one step.
    """

    def __init__(
        self, kb: str, counters: Counters, writer: Writer, most: int = LESSON_PATTERNS
    ) -> None:
        self._kb = kb
        self._counters = counters
        self._writer = writer
        self._most = most

    def learn(self, sequences: Iterable[Events | Example]) -> LearnReport:
        """See :meth:`kato.memory.knowledge_base.KnowledgeBase.learn_many`."""
        tally, flight = _Tally(), _Flight()
        # One lesson is with the ledger while the next is made; the next goes only if it came back.
        try:
            for builder in _lessons(sequences, tally):
                lesson = builder.lesson()
                tally.new += flight.land()
                flight.answer = self._begin(lesson)
        finally:
            tally.new += flight.land()
        known = tally.learned - tally.new
        return LearnReport(tally.given, tally.new, known, tally.given - tally.learned)

    def place(
        self,
        given: Iterable[T],
        material: Callable[[T], Material],
        operation: Operation | None,
        persistence: int,
        *,
        patiently: bool = False,
    ) -> list[Placed]:
        """Learn what is given step by step, what cannot be used hindering nothing else.

        Args:
            given: What to learn.
            material: What is to be learned of one.
            operation: An operation id that makes a repeat safe.
            persistence: Records of emotives that a pattern keeps.
            patiently: Whether to wait for a journal that is full.
        """
        operation, remaining = operation or Operation(), iter(given)
        placed: list[Placed] = []
        for number in count():
            lesson = _Placing()
            for each in islice(remaining, self._most):
                lesson.add(each, material)
            if not lesson.placed:
                return placed
            step = operation.part(number).telling(lesson.names)
            learn = partial(
                self._counters.learn,
                self._kb,
                lesson.builder.lesson(),
                persistence=persistence,
                operation=step,
            )
            learned = self._patiently(learn) if patiently else learn()
            if step.is_repeatable:
                step.answer(learned.told, list)
            placed += lesson.told(learned.frequencies)
        return placed

    def _begin(self, lesson: Lesson) -> Callable[[], int]:
        """Send a lesson; calling what this returns waits, and answers how many were new."""
        answer = self._counters.begin_learn(
            self._kb, lesson, persistence=SessionConfig().persistence
        )

        def new_patterns() -> int:
            try:
                learned = answer()
            except StoreFull:
                persistence = SessionConfig().persistence
                learn = partial(self._counters.learn, self._kb, lesson, persistence=persistence)
                learned = self._patiently(learn)
            return learned.frequencies.count(1)

        return new_patterns

    def _patiently(self, learn: Callable[[], Learned]) -> Learned:
        deadline = time.monotonic() + BACKPRESSURE_SECONDS
        while True:
            try:
                return learn()
            except StoreFull:
                if self._writer.failure is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


class SingleLearner(BulkLearner):
    """Learns many sequences one by one: each is durable before the next is looked at."""

    def __init__(self, kb: str, counters: Counters, writer: Writer) -> None:
        super().__init__(kb, counters, writer, most=1)

    def learn(self, sequences: Iterable[Events | Example]) -> LearnReport:
        """See :meth:`kato.memory.knowledge_base.KnowledgeBase.learn_many`."""
        given = new = known = 0
        for sequence in sequences:
            example = sequence if isinstance(sequence, Example) else Example(sequence)
            frequencies = self._learn_one(material_of_example(example))
            given += 1
            new += frequencies == [1]
            known += len(frequencies) - (frequencies == [1])
        return LearnReport(given, new, known, given - new - known)

    def _learn_one(self, material: Material) -> list[int]:
        """Its frequency after it; none if it is too short."""
        builder = LessonBuilder()
        if builder.add(material) is None:
            return []
        persistence = SessionConfig().persistence
        learn = partial(self._counters.learn, self._kb, builder.lesson(), persistence=persistence)
        return self._patiently(learn).frequencies


class _Placing:
    """Sequences that are learned in one step, and what becomes of each."""

    def __init__(self) -> None:
        self.builder = LessonBuilder()
        self.placed: list[Placed] = []
        self._times: list[int] = []

    @property
    def names(self) -> list[str | None]:
        """The name of each, as far as it has one."""
        return [each.name for each in self.placed]

    def add(self, given: T, material: Callable[[T], Material]) -> None:
        """Add one, or say why not."""
        try:
            found = material(given)
            name = self.builder.add(found)
        except InvalidInput as error:
            self.placed.append(Placed(None, error=error))
            return
        self.placed.append(Placed(name))
        if name is not None:
            self._times.append(found.times)

    def told(self, frequencies: Sequence[int]) -> list[Placed]:
        """What became of each, by the frequencies after it: what is new was not there before."""
        counted = iter(zip(frequencies, self._times, strict=True))
        return [
            each if each.name is None else Placed(each.name, operator.eq(*next(counted)))
            for each in self.placed
        ]


class _Flight:
    """A lesson that is with the ledger, if one is."""

    answer: Callable[[], int] | None = None

    def land(self) -> int:
        """Wait for it; answers how many patterns were new."""
        answer, self.answer = self.answer, None
        return answer() if answer else 0


class _Tally:
    """What came of the sequences so far."""

    given = learned = new = 0


def _lessons(sequences: Iterable[Events | Example], tally: _Tally) -> Iterator[LessonBuilder]:
    """The sequences in lessons; if one cannot be used, those before it still make a lesson."""
    remaining = iter(sequences)
    while True:
        builder, given = LessonBuilder(), tally.given
        try:
            for sequence in islice(remaining, LESSON_PATTERNS):
                example = sequence if isinstance(sequence, Example) else Example(sequence)
                builder.add(material_of_example(example))
                tally.given += 1
        except BaseException:
            if len(builder):
                yield builder
            raise
        if tally.given == given:
            return
        tally.learned += len(builder)
        if len(builder):
            yield builder


def material_of_example(example: Example) -> Material:
    """What is to be learned of a sequence.

    Raises:
        InvalidInput: It cannot be used.
    """
    events = [event for event in checked_events(example.events) if event]
    if not example.emotives and not example.metadata:
        return Material(events)
    emotives = checked_emotives(example.emotives)
    metadata = accumulate_metadata([checked_metadata(example.metadata)])
    return Material(events, [emotives] if emotives else [], metadata)
