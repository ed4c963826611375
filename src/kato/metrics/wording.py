"""Symbols as words: many at a time, parted into events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress, pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.model.event import Event

_Item = TypeVar("_Item")

Bounds = npt.NDArray[np.int64]


def worded(symbols: npt.NDArray[np.uint32], texts: Mapping[int, str]) -> list[str]:
    """The text of each symbol."""
    return list(map(texts.__getitem__, symbols.tolist()))


def parted(items: Sequence[_Item], bounds: Bounds) -> list[list[_Item]]:
    """The items in parts, where part j is ``items[bounds[j]:bounds[j + 1]]``.

    >>> parted(["a", "b", "c"], np.array([0, 2, 2, 3]))
    [['a', 'b'], [], ['c']]
    """
    if len(bounds) == len(items) + 1 and (np.diff(bounds) == 1).all():
        return [[item] for item in items]
    return [list(items[start:end]) for start, end in pairwise(bounds.tolist())]


def chosen(
    items: Sequence[_Item], wanted: npt.NDArray[np.bool_], bounds: Bounds
) -> list[list[_Item]]:
    """The items in parts as of :func:`parted`, less those that are not wanted.

    >>> chosen(["a", "b", "c"], np.array([True, False, False]), np.array([0, 2, 2, 3]))
    [['a'], [], []]
    """
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(wanted)])
    return parted(list(compress(items, wanted.tolist())), before[bounds])


def worded_events(patterns: Candidates, texts: Mapping[int, str]) -> list[list[Event]]:
    """The events of each pattern in texts."""
    bounds, offsets = patterns.event_bounds()
    return parted(parted(worded(patterns.symbols, texts), bounds), offsets)
