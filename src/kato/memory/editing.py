"""Edits of patterns: what may be changed, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kato.errors import InvalidEmotives, InvalidMetadata, InvalidSearch, shown
from kato.model.emotive import (
    Emotives,
    Metadata,
    accumulate_metadata,
    checked_emotives,
    checked_metadata,
)
from kato.storage.ledger.counters import Edit

MOST_FREQUENT = 10**9
"""The greatest frequency a pattern can be given: sums of many must stay countable."""

MOST_RECORDS = 100
"""Emotive records a pattern can carry: the greatest ``persistence``."""


def checked_edit(
    frequency: int | None,
    emotives: Sequence[Mapping[str, float]] | None,
    metadata: Mapping[str, Sequence[Any]] | None,
) -> Edit:
    """An edit as the ledger takes it.

    Raises:
        InvalidInput: It changes nothing, or to something that cannot be.

    >>> edit = checked_edit(2, [{"joy": 1}, {"joy": 2}], {"day": [3, 3]})
    >>> edit.emotives, edit.metadata
    ((['{"joy":1.0}', '{"joy":2.0}'], {'joy': 3.0}), {'day': ['3']})
    """
    if frequency is None and emotives is None and metadata is None:
        raise InvalidSearch(
            "the edit changes nothing", remedy="give a frequency, emotives or metadata"
        )
    if frequency is not None:
        check_frequency(frequency)
    records = None if emotives is None else checked_records(emotives)
    return Edit(
        frequency,
        None if records is None else (_as_json(records), summed(records)),
        None if metadata is None else checked_values(metadata),
    )


def check_frequency(frequency: object) -> None:
    """Refuse a frequency that a pattern cannot have.

    Raises:
        InvalidSearch: It is no integer from 1 to 1e9.
    """
    is_number = isinstance(frequency, int) and not isinstance(frequency, bool)
    if not is_number or frequency not in range(1, MOST_FREQUENT + 1):
        raise InvalidSearch(
            f"a frequency is an integer from 1 to {MOST_FREQUENT}, got {shown(frequency)}",
            remedy="forget the pattern if it is to be there no more",
        )


def checked_records(emotives: Sequence[Mapping[str, float]]) -> list[Emotives]:
    """Emotive records, oldest first, those without any left out.

    Raises:
        InvalidEmotives: It is no list of records, or there are too many.
    """
    if isinstance(emotives, (str, bytes)) or not isinstance(emotives, Sequence):
        raise InvalidEmotives(f"emotives must be a list of records, got {shown(emotives)}")
    if len(emotives) > MOST_RECORDS:
        raise InvalidEmotives(
            f"a pattern carries at most {MOST_RECORDS} emotive records, got {len(emotives)}"
        )
    return [record for record in map(checked_emotives, emotives) if record]


def checked_values(metadata: Mapping[str, Sequence[Any]]) -> Metadata:
    """By key, the distinct values as text, sorted; keys without values are left out.

    Raises:
        InvalidMetadata: It is no mapping to lists.

    >>> checked_values({"day": [2, 1, "2"], "none": []})
    {'day': ['1', '2']}
    """
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(f"metadata must be a mapping, got {shown(metadata)}")
    wrong = next((v for v in metadata.values() if not isinstance(v, (list, tuple))), None)
    if wrong is not None:
        raise InvalidMetadata(f"metadata must map keys to lists of values, got {shown(wrong)}")
    single = [{key: value} for key, values in metadata.items() for value in values]
    return accumulate_metadata([checked_metadata(each) for each in single])


def summed(records: Sequence[Emotives]) -> Emotives:
    """What records add to affinity sums, each as if it was learned by itself.

    >>> summed([{"joy": 1.0, "sad": 0.5}, {"joy": 2.0}])
    {'joy': 3.0, 'sad': 0.5}
    """
    sums: Emotives = {}
    for record in records:
        for name, value in record.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums


def _as_json(records: Sequence[Emotives]) -> list[str]:
    return [msgspec.json.encode(record).decode() for record in records]
