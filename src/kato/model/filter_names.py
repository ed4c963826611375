"""The names a ``filter_pipeline`` may hold."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

FILTERS = ("length", "jaccard", "minhash", "bloom", "rapidfuzz")
"""KATO's own."""

ENTRY_POINTS = "kato.filters"
"""The group of entry points under which other packages register filters by name."""


def filter_names() -> tuple[str, ...]:
    """KATO's own, then those of other packages, sorted.

    >>> filter_names()[:5]
    ('length', 'jaccard', 'minhash', 'bloom', 'rapidfuzz')
    """
    return *FILTERS, *sorted({each.name for each in _registered()} - set(FILTERS))


def entry_points_of(name: str) -> list[EntryPoint]:
    """Where packages say that the filter of that name is; nothing is loaded.

    >>> entry_points_of("length")
    []
    """
    return [each for each in _registered() if each.name == name]


@cache
def _registered() -> tuple[EntryPoint, ...]:
    # Reads what every installed package registers: once a process, and only if it is asked for.
    return tuple(entry_points(group=ENTRY_POINTS))
