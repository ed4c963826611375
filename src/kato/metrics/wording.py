"""Symbols as words: many at a time, parted into events."""

from __future__ import annotations

from itertools import compress, pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.model.event import Event

_Item = TypeVar("_Item")

Bounds = npt.NDArray[np.int64]


Texts = npt.NDArray[np.object_]
"""Texts of symbols, each at its id."""


def worded(symbols: npt.NDArray[np.uint32], texts: Texts) -> list[str]:
    """The text of each symbol."""
    words: list[str] = texts[symbols].tolist()
    return words


def parted(items: list[_Item], bounds: Bounds) -> list[list[_Item]]:
    """The items in parts, where part j is ``items[bounds[j]:bounds[j + 1]]``.

    >>> parted(["a", "b", "c"], np.array([0, 2, 2, 3]))
    [['a', 'b'], [], ['c']]
    """
    if _each_alone(items, bounds):
        return [[item] for item in items]
    return [items[start:end] for start, end in pairwise(bounds.tolist())]


def chosen(items: list[_Item], wanted: npt.NDArray[np.bool_], bounds: Bounds) -> list[list[_Item]]:
    """The parts as of :func:`parted`, less the items that are not wanted.

    >>> chosen(["a", "b", "c"], np.array([True, False, False]), np.array([0, 2, 2, 3]))
    [['a'], [], []]
    """
    if _each_alone(items, bounds):
        return [[item] if flag else [] for item, flag in zip(items, wanted.tolist(), strict=True)]
    before = np.zeros(len(wanted) + 1, np.int64)
    np.cumsum(wanted, out=before[1:])
    return parted(list(compress(items, wanted.tolist())), before[bounds])


def _each_alone(items: list[_Item], bounds: Bounds) -> bool:
    """Whether every part is one item: most events are one symbol."""
    return len(bounds) == len(items) + 1 and bool((bounds[1:] > bounds[:-1]).all())


def worded_events(patterns: Candidates, texts: Texts) -> list[list[Event]]:
    """The events of each pattern in texts."""
    bounds, offsets = patterns.event_bounds()
    return parted(parted(worded(patterns.symbols, texts), bounds), offsets)
