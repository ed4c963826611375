"""The calls of a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kato.client.call import Call, Steps, ask, changing, nothing, path_of, reading
from kato.client.given import config_given, observation_given, text_given
from kato.client.reading import (
    Extended,
    LearnedName,
    State,
    name_or_none,
    read_observed,
    read_observed_many,
    reader,
)
from kato.errors import InvalidConfig, NothingToLearn, SessionNotFound
from kato.model.answers import Observation, Observed, ObservedMany, SessionInfo
from kato.model.config import SessionConfig
from kato.model.event import Event
from kato.model.explanation import Explanation
from kato.model.prediction import Predictions


class SessionCalls:
    """What a session can be asked.

    Args:
        session_id: Its id.
    """

    def __init__(self, session_id: str) -> None:
        self.id = text_given(session_id, "a session's id")

    def events(self) -> Steps[list[Event]]:
        """Short-term memory: the events, oldest first."""
        return (yield from ask(self._state())).events

    def time(self) -> Steps[int]:
        """Observations so far, empty ones included; :meth:`clear` begins anew."""
        return (yield from ask(self._state())).time

    def config(self) -> Steps[SessionConfig]:
        """The configuration."""
        return (yield from ask(self._state())).config

    def percept(self) -> Steps[dict[str, Any]]:
        """The last observation as it was given; empty if there is none."""
        return (yield from ask(self._state())).percept

    def info(self) -> Steps[SessionInfo]:
        """When it began, how long it lives, and what was said about it.

        Raises:
            SessionNotFound: It expired or was deleted.
        """
        state = yield from ask(self._state())
        return SessionInfo(
            state.session_id,
            state.node_id,
            state.created_ms,
            state.expires_ms,
            state.lifetime_seconds,
            state.metadata,
            state.config,
        )

    def extend(self, ttl_seconds: int) -> Steps[int]:
        """Let it live on for so many seconds from now, and from each use on; answers them.

        Raises:
            InvalidConfig: They are fewer than one.
            SessionNotFound: It expired or was deleted.
        """
        if ttl_seconds < 1:
            raise InvalidConfig({"ttl_seconds": f"Must be 1 or more, got {ttl_seconds}"})
        query = {"ttl_seconds": str(ttl_seconds)}
        path = self._path("extend")
        call = changing("POST", path, _read_extended, query=query, missing=SessionNotFound)
        return (yield from ask(call)).ttl_seconds

    def configure(self, /, **changes: Any) -> Steps[SessionConfig]:
        """Change configuration keys.

        Raises:
            InvalidConfig: A value cannot be used; none is changed.
            SessionNotFound: It expired or was deleted.
        """
        given = yield from self._told_as_it_is(changes)
        path = self._path("config")
        body = {"config": given}
        yield changing("POST", path, nothing, body=body, missing=SessionNotFound)
        return (yield from self.config())

    def observe(
        self,
        symbols: Sequence[str] = (),
        *,
        vectors: Sequence[Sequence[float]] = (),
        emotives: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Steps[Observed]:
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
        body = observation_given(Observation(symbols, vectors, emotives, metadata))
        path = self._path("observe")
        return ask(changing("POST", path, read_observed, body=body, missing=SessionNotFound))

    def observe_many(
        self,
        observations: Iterable[Observation],
        *,
        learn_after_each: bool = False,
        learn_at_end: bool = False,
        clear_between: bool = False,
    ) -> Steps[ObservedMany]:
        """Observe one after the other, in one step: all of them, or none if one cannot be used.

        Args:
            observations: What is observed.
            learn_after_each: Whether to learn after each.
            learn_at_end: Whether to learn what is left at the end.
            clear_between: Whether to drop the events before each but the first.

        Raises:
            InvalidInput: Something given cannot be used; the session is as it was.
            SessionNotFound: It expired or was deleted.
        """
        body = {
            "observations": [observation_given(each) for each in observations],
            "learn_after_each": learn_after_each,
            "learn_at_end": learn_at_end,
            "clear_stm_between": clear_between,
        }
        path = self._path("observe-sequence")
        return ask(changing("POST", path, read_observed_many, body=body, missing=SessionNotFound))

    def learn(self) -> Steps[str | None]:
        """Learn short-term memory as a pattern and empty it.

        Returns:
            The pattern's name, or None if there were fewer than two symbols: they are no pattern,
            and are forgotten all the same.
        """
        call = changing("POST", self._path("learn"), _read_learned, missing=SessionNotFound)
        try:
            learned = yield from ask(call)
        except NothingToLearn:
            return None
        return name_or_none(learned.pattern_name)

    def predict(self, /, *, explain: bool = False, **overrides: Any) -> Steps[Predictions]:
        """Predict from short-term memory; the session is not changed.

        Args:
            explain: Whether to tell how the answer was found, in its ``explanation``.
            overrides: Configuration keys for this call only.

        Raises:
            InvalidConfig: A value cannot be used.
            SessionNotFound: It expired or was deleted.
        """
        body = {"config": (yield from self._told_as_it_is(overrides)), "explain": explain}
        path = self._path("predictions")
        call = reading(path, _read_predictions, body=body, missing=SessionNotFound)
        return (yield from ask(call))

    def explain(self, /, pattern: str | None = None, **overrides: Any) -> Steps[Explanation]:
        """How :meth:`predict` is answered.

        Args:
            pattern: The name of a pattern: the verdict says why it is in the answer or not.
            overrides: Configuration keys for this call only.

        Raises:
            InvalidConfig: A value cannot be used.
            SessionNotFound: It expired or was deleted.
        """
        body = {"config": (yield from self._told_as_it_is(overrides)), "pattern": pattern}
        path = self._path("explanation")
        call = reading(path, _read_explanation, body=body, missing=SessionNotFound)
        return (yield from ask(call))

    def clear(self) -> Steps[None]:
        """Empty short-term memory and begin time anew; the configuration stays."""
        return ask(changing("POST", self._path("clear-stm"), nothing, missing=SessionNotFound))

    def clear_all(self) -> Steps[None]:
        """Clear it, and its knowledge base for everyone."""
        return ask(changing("POST", self._path("clear-all"), nothing, missing=SessionNotFound))

    def delete(self) -> Steps[bool]:
        """End the session; what it learned stays. False if it was not there."""
        try:
            yield changing("DELETE", self._path(), nothing, missing=SessionNotFound)
        except SessionNotFound:
            return False
        return True

    def _state(self) -> Call[State]:
        return reading(self._path("state"), _read_state, missing=SessionNotFound)

    def _told_as_it_is(self, changes: dict[str, Any]) -> Steps[dict[str, Any]]:
        """The changes, and ``sort_symbols`` where the wire would change it along with a key."""
        given = config_given(changes)
        if "use_token_matching" in given and "sort_symbols" not in given:
            given["sort_symbols"] = (yield from self.config()).sort_symbols
        return given

    def _path(self, *parts: str) -> str:
        return path_of("sessions", self.id, *parts)


_read_state = reader(State)
_read_extended = reader(Extended)
_read_learned = reader(LearnedName)
_read_predictions = reader(Predictions)
_read_explanation = reader(Explanation)
