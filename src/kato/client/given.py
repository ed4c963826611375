"""What callers give, checked as the library checks it before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kato.errors import InvalidConfig, InvalidInput, shown
from kato.model.answers import Observation
from kato.model.config import config_problems
from kato.model.emotive import checked_emotives, checked_metadata
from kato.model.event import check_text, checked_events
from kato.model.example import Example
from kato.model.vector import checked_vector

Events = Sequence[Sequence[str]]


def events_given(events: Events) -> list[list[str]]:
    """The events; the service puts each in order.

    Raises:
        InvalidInput: They cannot be used.
    """
    return checked_events(events, sort=False)


def example_given(example: Events | Example) -> dict[str, Any]:
    """A sequence to learn.

    Raises:
        InvalidInput: It cannot be used.

    >>> example_given([["a"], ["b"]])
    {'events': [['a'], ['b']], 'emotives': {}, 'metadata': {}}
    """
    given = example if isinstance(example, Example) else Example(example)
    return {
        "events": events_given(given.events),
        "emotives": checked_emotives(given.emotives),
        "metadata": checked_metadata(given.metadata),
    }


def observation_given(observation: Observation) -> dict[str, Any]:
    """An observation.

    Raises:
        InvalidInput: It cannot be used.
    """
    given: dict[str, Any] = {
        "strings": events_given([observation.symbols])[0],
        "vectors": [checked_vector(vector).tolist() for vector in observation.vectors],
        "emotives": checked_emotives(observation.emotives),
        "metadata": checked_metadata(observation.metadata),
    }
    if observation.unique_id is not None:
        given["unique_id"] = observation.unique_id
    return given


def config_given(config: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration keys. Which filters there are, the service knows.

    Raises:
        InvalidConfig: A key is unknown, or a value cannot be used; every problem is listed.

    >>> config_given({"recall_threshold": 0.5})
    {'recall_threshold': 0.5}
    """
    known = {key: value for key, value in config.items() if key != "filter_pipeline"}
    if problems := config_problems(known):
        raise InvalidConfig(problems)
    return encodable(dict(config), "a configuration")


def encodable(value: dict[str, Any], what: str) -> dict[str, Any]:
    """A value that JSON can hold.

    Raises:
        InvalidInput: It cannot.
    """
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{what} cannot be sent as JSON: {error}: {shown(value)}") from None
    return value


def text_given(text: str, what: str) -> str:
    """A text that can be sent.

    Raises:
        InvalidSymbol: It is no text of Unicode scalar values.
    """
    check_text(text, what)
    return text
