"""From a row of an older installation to a copy that can be put: what fits, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from kato.errors import InvalidInput, shown
from kato.memory import PatternCopy
from kato.memory.editing import MOST_FREQUENT, MOST_RECORDS
from kato.model.emotive import (
    Emotives,
    Metadata,
    accumulate_metadata,
    checked_emotives,
    checked_metadata,
)
from kato.model.event import Event, checked_events
from kato.model.naming import bare_name, pattern_name
from kato.model.pattern import MIN_LENGTH
from kato.model.vector import is_vector_symbol
from kato.upkeep.migration.report import LEFT_OUT, Finding
from kato.upkeep.migration.row import Row

Tell = Callable[[str, str, str], None]
"""Takes what is wrong, why, and what was done."""


class Checker:
    """Makes copies of rows.

    Args:
        add: Takes what is found.
        vector: The vector of a symbol, if one is known.
    """

    def __init__(
        self, add: Callable[[Finding], None], vector: Callable[[str], list[float] | None]
    ) -> None:
        self._add = add
        self._vector = vector

    def copy(self, row: Row) -> PatternCopy | None:
        """The copy that takes the row's place; None if there is none.

        It has no share of affinity: which pattern brought what is not known of older ones.
        """

        def tell(subject: str, reason: str, done: str) -> None:
            self._add(
                Finding(
                    where=row.where,
                    base=row.base,
                    name=row.name,
                    subject=subject,
                    reason=reason,
                    done=done,
                )
            )

        events = _events(row.events, tell)
        if events is None:
            return None
        return PatternCopy(
            events,
            _name(row.name, events, tell),
            _frequency(row.frequency, tell),
            _records(row.emotives, tell),
            _values(row.metadata, tell),
            affinity={},
            vectors=self._vectors(events, tell),
        )

    def _vectors(self, events: list[Event], tell: Tell) -> dict[str, list[float]]:
        symbols = {s for event in events for s in event if is_vector_symbol(s)}
        found = {symbol: self._vector(symbol) for symbol in sorted(symbols)}
        missing = [symbol for symbol, vector in found.items() if vector is None]
        if missing:
            reason = f"{len(missing)} symbols of vectors that are not given, {missing[0]} first"
            tell("vectors", reason, "taken without them")
        return {symbol: vector for symbol, vector in found.items() if vector is not None}


def _events(given: Any, tell: Tell) -> list[Event] | None:
    try:
        events = checked_events(given, sort=False)
    except InvalidInput as error:
        tell("events", str(error), LEFT_OUT)
        return None
    full = [event for event in events if event]
    if sum(map(len, full)) < MIN_LENGTH:
        tell("events", f"fewer than {MIN_LENGTH} symbols are no pattern", LEFT_OUT)
        return None
    if len(full) < len(events):
        tell("events", f"{len(events) - len(full)} events are empty", "taken without them")
    return full


def _name(given: Any, events: list[Event], tell: Tell) -> str:
    name = pattern_name(events)
    if not isinstance(given, str) or bare_name(given) != name:
        reason = f"{shown(given)} is not the name of its events"
        tell("name", reason, "taken under the name of its events")
    return name


def _frequency(given: Any, tell: Tell) -> int:
    if given is UNSET:
        tell("frequency", "there is none", "taken as 1")
        return 1
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        tell("frequency", f"{shown(given)} is no integer from 1", "taken as 1")
        return 1
    if given > MOST_FREQUENT:
        tell("frequency", f"{shown(given)} is above the greatest", f"taken as {MOST_FREQUENT}")
    return min(int(given), MOST_FREQUENT)


def _records(given: Any, tell: Tell) -> list[Emotives]:
    if given is UNSET or given is None:
        return []
    if isinstance(given, Mapping):
        tell("emotives", "they are no list of records", "taken as one record")
        given = [given]
    if not isinstance(given, list):
        tell("emotives", f"they are no list of records: {shown(given)}", LEFT_OUT)
        return []
    records = [_record(each, tell) for each in given]
    kept = [record for record in records if record]
    if len(kept) > MOST_RECORDS:
        tell("emotives", f"there are {len(kept)} records", f"the newest {MOST_RECORDS} taken")
    return kept[-MOST_RECORDS:]


def _record(given: Any, tell: Tell) -> Emotives:
    if not isinstance(given, Mapping):
        tell("emotives", f"a record is no mapping: {shown(given)}", LEFT_OUT)
        return {}
    record: Emotives = {}
    for name, value in given.items():
        try:
            record.update(checked_emotives({name: value}))
        except InvalidInput as error:
            tell("emotives", str(error), LEFT_OUT)
    return record


def _values(given: Any, tell: Tell) -> Metadata:
    if given is UNSET or given is None:
        return {}
    if not isinstance(given, Mapping):
        tell("metadata", f"it is no mapping: {shown(given)}", LEFT_OUT)
        return {}
    found: list[dict[str, str]] = []
    for key, values in given.items():
        if not isinstance(values, list):
            tell("metadata", f"{shown(key)} has no list of values", "taken as one value")
        for value in values if isinstance(values, list) else [values]:
            try:
                found.append(checked_metadata({key: value}))
            except InvalidInput as error:
                tell("metadata", str(error), LEFT_OUT)
    return accumulate_metadata(found)
