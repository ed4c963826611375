"""How often the next symbol is right, beside two baselines on the same split.

**Split.** Of the sequences with two or more symbols, in the order they are read and counted from 0,
sequence i is held out when ``i % 10 == 9``; all others are learned. Nothing else is looked at: not
by KATO, not by the baselines, and the rule of the vote below was chosen on learned sequences alone.

**Question.** A held-out sequence of e events is asked about once, at event
``1 + (i // 10) % (e - 1)``: positions go round, so that begins, middles and ends all come up. What
was observed is the up to 5 events before it. Of more questions than are wanted, evenly spaced ones
are asked. An answer is right when the symbol is in the event that really came.

**Vote.** The answer is the symbol with the most votes, see :mod:`kato.model.voting`. If nobody
votes, the oldest event is left out and it is asked again, down to two events; no votes then is a
wrong answer.

**Baselines.** The most frequent symbol of all that were learned; and order-1 transitions: the
symbol that most often was in the event after one with a symbol of the event observed last.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from kato.model.event import flattened
from kato.model.example import Example
from kato.model.pattern import MIN_LENGTH
from kato.model.prediction import Predictions
from kato.model.voting import most_voted, votes

if TYPE_CHECKING:
    from kato.cli.options import AnyKnowledgeBase

HELD_OUT_OF = 10
CONTEXT = 5
MIN_CONTEXT = 2

_Event = Sequence[str]


class Question(msgspec.Struct, frozen=True):
    """What was observed, and the event that really came next."""

    observed: list[_Event]
    came: _Event


class Answer(msgspec.Struct, frozen=True):
    """What KATO and the baselines say to a question; None where one says nothing.

    Attributes:
        question: The question.
        symbol: KATO's answer.
        after_last: That of order-1 transitions.
        most_frequent: That of the most frequent symbol.
        observed: The events KATO was asked with, see the module's docstring.
        predictions: What it recalled for them.
    """

    question: Question
    symbol: str | None
    after_last: str | None
    most_frequent: str | None
    observed: list[_Event]
    predictions: Predictions

    @property
    def right(self) -> bool:
        """Whether KATO's symbol came."""
        return self.symbol in self.question.came


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of right answers, 0 to 1.

    Attributes:
        questions: Questions that were asked.
        answered: Share of them that KATO answered at all.
        kato: Share that KATO answered right.
        after_last: The same of order-1 transitions.
        most_frequent: The same of the most frequent symbol.
        milliseconds: Mean time of KATO's answer.
    """

    questions: int
    answered: float
    kato: float
    after_last: float
    most_frequent: float
    milliseconds: float


class Baselines:
    """The two baselines, counted over what is learned.

    >>> baselines = Baselines()
    >>> baselines.learn([["a"], ["b"], ["a"]])
    >>> baselines.most_frequent(), baselines.after([["a"]])
    ('a', 'b')
    """

    def __init__(self) -> None:
        self._frequency: Counter[str] = Counter()
        self._next: dict[str, Counter[str]] = {}

    def learn(self, events: Sequence[_Event]) -> None:
        """Count the symbols and the transitions of a sequence."""
        self._frequency.update(flattened(events))
        for event, following in pairwise(events):
            for symbol in event:
                self._next.setdefault(symbol, Counter()).update(following)

    def most_frequent(self) -> str | None:
        """The symbol that was learned most often."""
        return most_voted(self._frequency)

    def after(self, observed: Sequence[_Event]) -> str | None:
        """The symbol that most often came after the last event."""
        votes: Counter[str] = Counter()
        for symbol in observed[-1]:
            votes.update(self._next.get(symbol, {}))
        return most_voted(votes)


class Split:
    """Parts sequences into those to learn and questions about the held-out ones.

    Attributes:
        baselines: Filled as the sequences pass to be learned.
        sequences: Sequences that could be patterns.
        held_out: Those of them that were not learned.
    """

    def __init__(self) -> None:
        self.baselines = Baselines()
        self.sequences = 0
        self.held_out = 0
        self._questions: list[Question] = []

    def learned(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The examples to learn; the questions are kept."""
        for example in examples:
            events = example.events
            if sum(map(len, events)) < MIN_LENGTH:
                continue
            index = self.sequences
            self.sequences += 1
            if index % HELD_OUT_OF == HELD_OUT_OF - 1:
                self._hold_out(index, events)
            else:
                self.baselines.learn(events)
                yield example

    def questions(self, limit: int) -> list[Question]:
        """At most ``limit`` questions, evenly spaced over the held-out sequences."""
        count = len(self._questions)
        asked = min(limit, count)
        return [self._questions[place * count // asked] for place in range(asked)]

    def _hold_out(self, index: int, events: Sequence[_Event]) -> None:
        self.held_out += 1
        if len(events) >= 2:
            place = 1 + index // HELD_OUT_OF % (len(events) - 1)
            observed = [*events[max(place - CONTEXT, 0) : place]]
            self._questions.append(Question(observed, events[place]))


def answers(
    knowledge_base: AnyKnowledgeBase, baselines: Baselines, questions: Iterable[Question]
) -> Iterator[Answer]:
    """Ask the knowledge base and the baselines."""
    most_frequent = baselines.most_frequent()
    for question in questions:
        observed, predictions = _recalled(knowledge_base, question.observed)
        yield Answer(
            question,
            most_voted(votes(predictions, observed)),
            baselines.after(question.observed),
            most_frequent,
            observed,
            predictions,
        )


def accuracy(answered: Iterable[Answer]) -> Accuracy:
    """Ask and count; the iterator is what takes the time."""
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    for answer in answered:
        came = answer.question.came
        counts["questions"] += 1
        counts["answered"] += answer.symbol is not None
        counts["kato"] += answer.right
        counts["after_last"] += answer.after_last in came
        counts["most_frequent"] += answer.most_frequent in came
    total = counts["questions"]
    shares = ("answered", "kato", "after_last", "most_frequent")
    return Accuracy(
        questions=total,
        milliseconds=1000 * (time.perf_counter() - began) / max(total, 1),
        **{share: counts[share] / max(total, 1) for share in shares},
    )


def _recalled(
    knowledge_base: AnyKnowledgeBase, observed: list[_Event]
) -> tuple[list[_Event], Predictions]:
    predictions = knowledge_base.predict(observed)
    while len(observed) > MIN_CONTEXT and not votes(predictions, observed):
        observed = observed[1:]
        predictions = knowledge_base.predict(observed)
    return observed, predictions
