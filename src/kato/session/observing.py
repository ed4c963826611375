"""How observations change short-term memory, and what they have learned.

Nothing is kept here: what becomes of a state is computed, and kept by the session in one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from kato.errors import InvalidEvent
from kato.memory.learning import LessonBuilder
from kato.model.answers import Observation, Observed, ObservedMany
from kato.model.config import SessionConfig
from kato.model.emotive import checked_emotives, checked_metadata
from kato.model.event import Event, check_text, checked_events, in_stored_order
from kato.model.identity import new_id
from kato.model.vector import MAX_NEIGHBOURS, checked_vector, vector_symbol
from kato.session.short_term_memory import Moment, ShortTermMemory


class NearestVectors(Protocol):
    """Finds stored vectors."""

    def __call__(
        self,
        vector: Sequence[float],
        limit: int,
        max_distance: float | None,
        also: Mapping[str, list[float]],
    ) -> list[str]:
        """Names of the nearest, of those stored and those in ``also``."""


class Percept(msgspec.Struct, frozen=True):
    """An observation that was checked.

    Attributes:
        event: Its symbols in the order given.
        given: What is told of it: ``strings``, ``vectors``, ``emotives``, ``metadata``.
        unique_id: Its name.
    """

    event: Event
    given: dict[str, Any]
    unique_id: str


def checked_observation(observation: Observation) -> Percept:
    """The observation, if it can be used.

    Raises:
        InvalidInput: Something in it cannot be used.
    """
    event = _checked_event(observation.symbols)
    given = {
        "strings": sorted(event),
        "vectors": [checked_vector(vector).tolist() for vector in observation.vectors],
        "emotives": checked_emotives(observation.emotives),
        "metadata": checked_metadata(observation.metadata),
    }
    unique_id = observation.unique_id
    if unique_id is None:
        return Percept(event, given, f"obs-{new_id()}")
    check_text(unique_id, "an observation's id")
    return Percept(event, given, unique_id)


class Observing:
    """A state on its way through observations.

    Args:
        state: Where it begins.
        nearest: Finds stored vectors.

    Attributes:
        state: Where it is.
        lesson: What is to be learned.
        learned: The names of that, in order; None where there were fewer than two symbols.
    """

    def __init__(self, state: ShortTermMemory, nearest: NearestVectors) -> None:
        self.state = state
        self.lesson = LessonBuilder()
        self.learned: list[str | None] = []
        self._nearest = nearest
        self._vectors: dict[str, list[float]] = {}

    def observe(self, percept: Percept) -> Observed:
        """Observe once; learn if the configuration says so."""
        moment = self._moment(percept, self.state.config)
        self.state = self.state.observed(moment, percept.given)
        name = None
        if moment.event and self.state.is_due():
            name = self._add(self.state)
            self.state = self.state.after_auto_learn()
        return Observed(len(self.state.moments), self.state.time, name, percept.unique_id)

    def learn(self) -> str | None:
        """Learn what there is, and empty it."""
        name = self._add(self.state)
        self.learned.append(name)
        self.state = self.state.emptied()
        return name

    def observe_many(
        self, percepts: Iterable[Percept], *, learn_after_each: bool, clear_between: bool
    ) -> list[Observed]:
        """Observe one after the other.

        Args:
            percepts: What is observed.
            learn_after_each: Whether each is learned with what is there.
            clear_between: Whether events are dropped before each but the first.
        """
        results = []
        for index, percept in enumerate(percepts):
            if clear_between and index:
                self.state = msgspec.structs.replace(self.state, moments=())
            observed = self.observe(percept)
            if learn_after_each and self.state.moments:
                self.learn()
            if observed.auto_learned_pattern is not None:
                self.learned.append(observed.auto_learned_pattern)
            length = len(self.state.moments)
            results.append(msgspec.structs.replace(observed, stm_length=length))
        return results

    def _add(self, state: ShortTermMemory) -> str | None:
        material = state.material()
        name = self.lesson.add(material)
        if name is not None:
            self._vectors.update(material.vectors)
        return name

    def _moment(self, percept: Percept, config: SessionConfig) -> Moment:
        given, event, named = percept.given, percept.event, dict[str, list[float]]()
        if given["vectors"]:
            named = {vector_symbol(vector): list(vector) for vector in given["vectors"]}
            near = {name for vector in named.values() for name in self._neighbours(vector, config)}
            event = [*sorted({*named, *near}), *event]
        return Moment(
            in_stored_order(event, sort=config.sort_symbols),
            (given["emotives"],) if given["emotives"] else (),
            (given["metadata"],) if given["metadata"] else (),
            named,
        )

    def _neighbours(self, vector: Sequence[float], config: SessionConfig) -> list[str]:
        return self._nearest(vector, MAX_NEIGHBOURS, config.vector_max_distance, self._vectors)


def observed_many(
    observing: Observing,
    percepts: Sequence[Percept],
    *,
    learn_after_each: bool,
    learn_at_end: bool,
    clear_between: bool,
) -> ObservedMany:
    """Observe one after the other, and learn what is left at the end if that is wished."""
    before = len(observing.state.moments)
    results = observing.observe_many(
        percepts, learn_after_each=learn_after_each, clear_between=clear_between
    )
    at_end = bool(learn_at_end and percepts and observing.state.moments)
    if at_end:
        observing.learn()
    after = len(observing.state.moments)
    return ObservedMany(results, observing.learned, before, after, at_end)


def _checked_event(symbols: Sequence[str]) -> Event:
    if isinstance(symbols, str):
        raise InvalidEvent(
            f"an event must be a list of symbols, got the text {symbols[:60]!a}",
            remedy="put a single symbol in a list",
        )
    return checked_events([list(symbols)], sort=False)[0]
