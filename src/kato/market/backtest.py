"""How often the next symbol would have been right: history walked through as it came.

Items are taken in their order. The first ``learned`` share of them is history: the bins of the
encoding are fitted to it, if none is given, and it is observed. From there on, before each event
that is asked about, KATO and both baselines say the symbol of one feature; then the event is
observed and counted. So every answer is made of what came before it and of nothing else.

The baselines are the most frequent symbol so far, and the one that most often came after the last
symbol of that feature (a Markov chain of order 1). Who has no answer is wrong. Shares have the
interval of E. B. Wilson (Probable Inference, the Law of Succession, and Statistical Inference,
JASA 1927). How much better KATO is than the better baseline is told by the questions on which
they differ, with the normal interval of paired differences; neither knows that
questions close to each other in time are alike, so the intervals are rather too narrow.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from statistics import NormalDist, fmean, pvariance

import msgspec

from kato.errors import InvalidConfig, InvalidInput
from kato.market.encoding import Encoding
from kato.market.observing import EVENTS, Guess, guesses_of
from kato.market.streams import Item
from kato.memory import KnowledgeBase
from kato.model.answers import Observation
from kato.model.event import Event
from kato.model.voting import most_voted
from kato.session import Session

CONFIDENCE = 0.95
OBSERVED_AT_ONCE = 500


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        feature: Whose symbol is asked for.
        learned: Share of the items that is history, above 0 and below 1.
        events: Events of the windows that are learned, 2 or more.
        questions: Events that are asked about, evenly spaced, at the most.
    """

    feature: str = "ret"
    learned: float = 0.5
    events: int = EVENTS
    questions: int = 1000


class Asked(msgspec.Struct, frozen=True):
    """A question and its answers; None where one says nothing.

    Attributes:
        time: Of the item that was asked about, ns since 1970.
        came: The symbol that came.
        kato: What KATO said.
        after_last: What most often came after the last symbol.
        most_frequent: What came most often.
    """

    time: int
    came: str
    kato: Guess | None
    after_last: str | None
    most_frequent: str | None

    @property
    def right(self) -> bool:
        """Whether KATO was right."""
        return self.kato is not None and self.kato.symbol == self.came


class Share(msgspec.Struct, frozen=True):
    """A share, and the interval that holds it at 95 %.

    Attributes:
        share: Of all questions; of differences -1 to 1.
        low: Lower end.
        high: Upper end.
    """

    share: float
    low: float
    high: float


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk found.

    Attributes:
        items: Candles or trades there were.
        learned: Those of them that were history.
        questions: Events that were asked about.
        feature: Whose symbol was asked for.
        symbols: Different symbols that came.
        answered: Share of the questions that KATO answered at all.
        kato: Share that KATO answered right.
        after_last: The same of the symbol that most often came after the last.
        most_frequent: The same of the most frequent symbol.
        gain: KATO's share above that of the better baseline.
        milliseconds: Mean time of a question.
    """

    items: int
    learned: int
    questions: int
    feature: str
    symbols: int
    answered: float
    kato: Share
    after_last: Share
    most_frequent: Share
    gain: Share
    milliseconds: float

    @property
    def is_better(self) -> bool:
        """Whether KATO was better than both baselines by more than chance would have it."""
        return self.gain.low > 0


def history_of(items: Sequence[Item], plan: Plan) -> Sequence[Item]:
    """The items that an encoding may be fitted to."""
    return items[: int(len(items) * plan.learned)]


def backtest(
    kb: KnowledgeBase, items: Sequence[Item], encoding: Encoding, plan: Plan | None = None
) -> Backtest:
    """Walk through history.

    Args:
        kb: An empty knowledge base, which learns it.
        items: Candles or trades in their order.
        encoding: Fitted to nothing behind :func:`history_of` them.
        plan: What is asked.

    Raises:
        InvalidConfig: The plan cannot be carried out.
        InvalidInput: There are too few items.
    """
    plan = plan or Plan()
    began = time.perf_counter()
    asked = list(walk(kb, items, encoding, plan))
    seconds = time.perf_counter() - began
    return Backtest(
        items=len(items),
        learned=len(history_of(items, plan)),
        questions=len(asked),
        feature=plan.feature,
        symbols=len({each.came for each in asked}),
        answered=sum(each.kato is not None for each in asked) / len(asked),
        kato=wilson(each.right for each in asked),
        after_last=wilson(each.after_last == each.came for each in asked),
        most_frequent=wilson(each.most_frequent == each.came for each in asked),
        gain=_gain(asked),
        milliseconds=1000 * seconds / len(asked),
    )


def walk(
    kb: KnowledgeBase, items: Sequence[Item], encoding: Encoding, plan: Plan
) -> Iterator[Asked]:
    """The questions and answers of :func:`backtest`, one by one."""
    _check(kb, encoding, plan)
    events = list(encoding.events(item.tick for item in items))
    first = len(history_of(items, plan)) - (len(items) - len(events))
    if not 0 < first < len(events):
        raise InvalidInput(
            f"{len(items)} candles or trades leave nothing to learn or to ask",
            remedy=f"give more than {encoding.window} before and after the begin of the questions",
        )
    session = Session(kb, max_pattern_length=plan.events, stm_mode="ROLLING")
    walker = _Walker(session, plan.feature)
    walker.observe(events[:first])
    done = first
    for place in _spaced(first, len(events), plan.questions):
        walker.observe(events[done:place])
        done = place
        yield walker.ask(events[place], items[place - len(events)].time)


def wilson(outcomes: Iterable[bool]) -> Share:
    """The share of what is true, with Wilson's interval.

    >>> found = wilson([True] * 9 + [False])
    >>> found.share, round(found.low, 3), round(found.high, 3)
    (0.9, 0.596, 0.982)
    """
    taken = list(outcomes)
    n, share, z = len(taken), fmean(taken), _z()
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Share(share, max(middle - half, 0.0), min(middle + half, 1.0))


class Baselines:
    """Counts the symbols of one feature as they come, and says what to expect.

    Args:
        feature: Whose symbols.

    >>> baselines = Baselines("ret")
    >>> for symbol in ("ret:0", "ret:+1", "ret:0", "ret:+1", "ret:0", "ret:0"):
    ...     baselines.count([symbol])
    >>> baselines.most_frequent(), baselines.after_last()
    ('ret:0', 'ret:+1')
    """

    def __init__(self, feature: str) -> None:
        self._prefix = f"{feature}:"
        self._frequency: Counter[str] = Counter()
        self._next: dict[str, Counter[str]] = {}
        self._last = ""

    def symbol_of(self, event: Event) -> str:
        """The symbol of the feature."""
        return next(symbol for symbol in event if symbol.startswith(self._prefix))

    def count(self, event: Event) -> None:
        """Count what came."""
        symbol = self.symbol_of(event)
        self._frequency[symbol] += 1
        if self._last:
            self._next.setdefault(self._last, Counter())[symbol] += 1
        self._last = symbol

    def most_frequent(self) -> str | None:
        """The symbol that came most often."""
        return most_voted(self._frequency)

    def after_last(self) -> str | None:
        """The symbol that most often came after the last one."""
        return most_voted(self._next.get(self._last, Counter()))


class _Walker:
    """A session, and what the baselines count beside it."""

    def __init__(self, session: Session, feature: str) -> None:
        self._session = session
        self._feature = feature
        self._baselines = Baselines(feature)

    def observe(self, events: Sequence[Event]) -> None:
        for begin in range(0, len(events), OBSERVED_AT_ONCE):
            part = events[begin : begin + OBSERVED_AT_ONCE]
            self._session.observe_many([Observation(event) for event in part])
        for event in events:
            self._baselines.count(event)

    def ask(self, event: Event, at: int) -> Asked:
        guess = guesses_of(self._session, (self._feature,)).get(self._feature)
        baselines = self._baselines
        came = baselines.symbol_of(event)
        return Asked(at, came, guess, baselines.after_last(), baselines.most_frequent())


def _spaced(first: int, stop: int, most: int) -> Iterator[int]:
    count = min(most, stop - first)
    for number in range(count):
        yield first + number * (stop - first) // count


def _gain(asked: Sequence[Asked]) -> Share:
    """KATO's right answers above those of the better baseline, by question."""
    by_baseline = (
        [each.right - (each.after_last == each.came) for each in asked],
        [each.right - (each.most_frequent == each.came) for each in asked],
    )
    worst = min(by_baseline, key=sum)
    mean = fmean(worst)
    half = _z() * sqrt(pvariance(worst) / len(worst))
    return Share(mean, mean - half, mean + half)


def _z() -> float:
    return NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def _check(kb: KnowledgeBase, encoding: Encoding, plan: Plan) -> None:
    problems = {
        "feature": plan.feature not in encoding.features
        and "Must be one of: " + ", ".join(encoding.features),
        "learned": not 0 < plan.learned < 1 and "Must be above 0 and below 1",
        "events": plan.events < 2 and "Must be 2 or more",
        "questions": plan.questions < 1 and "Must be 1 or more",
    }
    found = {key: problem for key, problem in problems.items() if problem}
    if found:
        raise InvalidConfig(found)
    if kb.stats().patterns:
        raise InvalidInput(
            f"the knowledge base {kb.name[:60]!a} has patterns already",
            remedy="use an empty one: what it knows could come from behind the questions",
        )
