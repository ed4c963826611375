"""Filters by name: those of KATO, and those that other packages register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from kato.errors import FilterFailed
from kato.model.filter_names import ENTRY_POINTS, entry_points_of
from kato.recall.filters.bloom import BloomFilter
from kato.recall.filters.jaccard import JaccardFilter
from kato.recall.filters.length import LengthFilter
from kato.recall.filters.minhash import MinHashFilter
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.rapidfuzz import RapidfuzzFilter

FILTERS: Mapping[str, Callable[[], PatternFilter]] = {
    "length": LengthFilter,
    "jaccard": JaccardFilter,
    "minhash": MinHashFilter,
    "bloom": BloomFilter,
    "rapidfuzz": RapidfuzzFilter,
}
"""The filters of KATO by the name that stands in ``filter_pipeline``."""


def filter_of(name: str) -> PatternFilter:
    """A new filter of that name.

    Raises:
        FilterFailed: No package registers it, two do, or it cannot be loaded.

    >>> filter_of("length").name
    'length'
    """
    own, entries = FILTERS.get(name), entry_points_of(name)
    if own is not None and not entries:
        return own()
    if own is not None or len(entries) != 1:
        where = ["kato"] * (own is not None) + [each.value for each in entries]
        raise FilterFailed(
            f"the filter {name!r} must be registered once, not by {where}",
            remedy=f"install one package that registers it in the entry points {ENTRY_POINTS!r}, "
            "under a name that KATO does not use",
        )
    return _loaded(entries[0])


def _loaded(entry: EntryPoint) -> PatternFilter:
    try:
        made = entry.load()()
    except Exception as error:
        raise FilterFailed(
            f"the filter {entry.name!r} ({entry.value}) cannot be loaded: {error!r}",
            remedy="mend or remove the package that registers it",
        ) from error
    if not isinstance(made, PatternFilter) or made.name != entry.name:
        raise FilterFailed(
            f"the filter {entry.name!r} ({entry.value}) is no filter of that name",
            remedy="see kato.recall.filters.PatternFilter",
        )
    return made
