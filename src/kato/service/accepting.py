"""Which of the forms there are a client likes best."""

from __future__ import annotations

from collections.abc import Sequence

JSON = "application/json"
TEXT = "text/plain"
OPENMETRICS = "application/openmetrics-text"

KINDS = (JSON, OPENMETRICS, TEXT)


def best_of(accept: str) -> str:
    """The form of measures that an ``Accept`` header likes best.

    Text is told only to those who ask for it by name, and no less than for JSON: programs that
    take anything, or list JSON and text side by side, are old clients.

    >>> best_of(""), best_of("*/*"), best_of("text/plain")
    ('application/json', 'application/json', 'text/plain')
    >>> best_of("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1")
    'application/openmetrics-text'
    >>> best_of("application/json, text/plain, */*")
    'application/json'
    """
    return preferred(accept, KINDS)


def preferred(accept: str, kinds: Sequence[str]) -> str:
    """Of several forms the one that an ``Accept`` header names and likes best, or the first.

    >>> preferred("text/csv, application/json;q=0.5", ("application/json", "text/csv"))
    'text/csv'
    """
    liked = dict.fromkeys(kinds, 0.0)
    for part in accept.split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        if name.lower() in liked:
            liked[name.lower()] = _quality(parameters)
    best = max(kinds, key=lambda kind: liked[kind])  # the first of equals
    return best if liked[best] else kinds[0]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.lower().startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
