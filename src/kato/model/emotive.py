"""Emotives and metadata: what an observation may carry beside its symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kato.errors import InvalidEmotives, InvalidMetadata, shown
from kato.model.event import check_text

Emotives = dict[str, float]
"""Numbers by name that were felt with an observation."""

GREATEST = 1e100
"""Emotives go no further from zero: their sums over all learns must stay finite."""

Metadata = dict[str, list[str]]
"""What a pattern carries: by key, the distinct values it was learned with, sorted."""


def checked_emotives(emotives: Mapping[str, float] | None) -> Emotives:
    """A copy of the emotives as floats; empty for None.

    Raises:
        InvalidEmotives: No mapping, a name that is no string, or a value that is no number from
            -1e100 to 1e100.

    >>> checked_emotives({"joy": 1})
    {'joy': 1.0}
    """
    if emotives is None:
        return {}
    if not isinstance(emotives, Mapping):
        raise InvalidEmotives(f"emotives must map names to numbers, got {shown(emotives)}")
    return {_emotive_name(name): _emotive_value(name, value) for name, value in emotives.items()}


def average_emotives(records: Iterable[Mapping[str, float]]) -> Emotives:
    """Per name, the mean over the records that have it (``spec/algorithms.md`` section 3).

    >>> average_emotives([{"h": 4, "s": 2}, {"h": 6}, {"s": 4}])
    {'h': 5.0, 's': 3.0}
    """
    sums: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.items():
            sums.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in sums.items()}


def checked_metadata(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """The metadata of one observation, each value as text by ``str``; empty for None.

    Raises:
        InvalidMetadata: No mapping, or a key that is no string.
        InvalidSymbol: A key or a value's text holds a lone surrogate.

    >>> checked_metadata({"n": 5, "list": [1, 2]})
    {'n': '5', 'list': '[1, 2]'}
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(f"metadata must be a mapping, got {shown(metadata)}")
    return {_metadata_key(key): _metadata_text(value) for key, value in metadata.items()}


def accumulate_metadata(records: Sequence[Mapping[str, str]]) -> Metadata:
    """Per key, the distinct values of all records, sorted.

    >>> accumulate_metadata([{"k": "b"}, {"k": "a"}, {"k": "b"}])
    {'k': ['a', 'b']}
    """
    values: dict[str, set[str]] = {}
    for record in records:
        for key, value in record.items():
            values.setdefault(key, set()).add(value)
    return {key: sorted(found) for key, found in values.items()}


def _emotive_name(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidEmotives(f"an emotive's name must be a string, got {shown(name)}")
    check_text(name, "an emotive's name")
    return name


def _emotive_value(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidEmotives(f"emotive {name!a} must be a number, got {shown(value)}")
    # Comparing refuses what is not a number too, and integers that no float holds.
    if not -GREATEST <= value <= GREATEST:
        raise InvalidEmotives(
            f"emotive {name!a} must be a finite number within 1e100 of zero, got {shown(value)}"
        )
    return float(value)


def _metadata_key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidMetadata(f"a metadata key must be a string, got {shown(key)}")
    check_text(key, "a metadata key")
    return key


def _metadata_text(value: object) -> str:
    try:
        text = str(value)
    except ValueError as error:
        raise InvalidMetadata(f"a metadata value cannot be printed: {error}") from None
    check_text(text, "a metadata value")
    return text
