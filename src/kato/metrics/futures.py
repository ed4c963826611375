"""Futures that several patterns share (``spec/algorithms.md`` 7.4, predictive information)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, allocating, compiled
from kato.matching.kernel import Patterns

_SEPARATOR = -1
_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)  # as a signed 64-bit integer: products wrap around


class Futures(msgspec.Struct, frozen=True, eq=False):
    """The g distinct futures of k survivors, the one with the highest potential first.

    Two futures are the same if each of their events holds the same symbols as often, in any order.

    Attributes:
        group: int64[k], the future of each survivor as an index; -1 if it has none.
        first: int64[g], the survivor with the smallest pattern id that has the future.
        aggregate_potential: float64[g], share of the future in all frequency * similarity.
        supporting_patterns: int64[g], how many survivors have the future.
        total_weighted_frequency: float64[g], their sum of frequency * similarity.
    """

    group: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    aggregate_potential: npt.NDArray[np.float64]
    supporting_patterns: npt.NDArray[np.int64]
    total_weighted_frequency: npt.NDArray[np.float64]


def grouped_futures(
    patterns: Patterns,
    present_end: npt.NDArray[np.int32],
    present_events_end: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
) -> Futures:
    """Group survivors by future.

    Args:
        patterns: The survivors, by ascending id.
        present_end: Symbols up to the end of the present.
        present_events_end: Events up to the end of the present.
        weights: Frequency * similarity of each survivor.
    """
    groups = group_futures(patterns, present_end, present_events_end, weights)
    totals, first, supporting = groups.totals, groups.first, groups.supporting
    whole = groups.whole
    aggregate = totals / whole if whole > 0 else np.zeros(len(totals))
    order = np.lexsort((first, -supporting, -aggregate))
    place = np.empty(len(order) + 1, np.int64)
    place[order], place[-1] = np.arange(len(order)), -1
    return Futures(
        place[groups.group], first[order], aggregate[order], supporting[order], totals[order]
    )


class Groups(NamedTuple):
    """The distinct futures by first appearance, as in :class:`Futures`.

    Attributes:
        group: int64[k], -1 where there is none.
        first: int64[g].
        supporting: int64[g].
        totals: float64[g], sums of weights in the order of pattern ids.
        whole: The sum of the weights of all patterns with a future, in that order too.
    """

    group: Array
    first: Array
    supporting: Array
    totals: Array
    whole: float


@allocating
def group_futures(
    patterns: Patterns, present_end: Array, present_events_end: Array, weights: Array
) -> Groups:
    """Group survivors by future, and add up their weights."""
    count = len(present_end)
    text, bounds = _canonical_futures(patterns, present_end, present_events_end)
    capacity = 16
    while capacity < 2 * count:
        capacity *= 2
    slots = np.full(capacity, -1, np.int64)
    group, first = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    supporting, totals = np.zeros(count, np.int64), np.zeros(count, np.float64)
    groups, whole = 0, 0.0
    for index in range(count):
        if bounds[index] == bounds[index + 1]:
            continue
        slot = _hash(text[bounds[index] : bounds[index + 1]]) & (capacity - 1)
        while slots[slot] >= 0 and not _equal(text, bounds, first[slots[slot]], index):
            slot = (slot + 1) & (capacity - 1)
        if slots[slot] < 0:
            slots[slot] = groups
            first[groups] = index
            groups += 1
        group[index] = slots[slot]
        supporting[slots[slot]] += 1
        totals[slots[slot]] += weights[index]
        whole += weights[index]
    return Groups(group, first[:groups], supporting[:groups], totals[:groups], whole)


@allocating
def _canonical_futures(
    patterns: Patterns, present_end: Array, present_events_end: Array
) -> tuple[Array, Array]:
    # One text per future: the sorted symbols of each event, a separator behind each event.
    text = np.empty(2 * len(patterns.symbols) + len(patterns.event_ends), np.int64)
    bounds = np.zeros(len(present_end) + 1, np.int64)
    size = 0
    for index in range(len(present_end)):
        low = patterns.event_offsets[index]
        ends = patterns.event_ends[low : patterns.event_offsets[index + 1]]
        symbols = patterns.symbols[patterns.offsets[index] : patterns.offsets[index + 1]]
        position = present_end[index]
        events = len(ends) if len(ends) > 0 else len(symbols)
        for event in range(present_events_end[index], events):
            end = ends[event] if len(ends) > 0 else event + 1
            start = size
            while position < end:
                text[size] = symbols[position]
                position += 1
                size += 1
            _sort(text, start, size)
            text[size] = _SEPARATOR
            size += 1
        bounds[index + 1] = size
    return text, bounds


@compiled
def _sort(values: Array, start: int, end: int) -> None:
    # Shell's sort: events are mostly of one symbol, and numpy's sort takes seconds to compile.
    gap = 1
    while gap < (end - start) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for index in range(start + gap, end):
            value = values[index]
            place = index
            while place >= start + gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3


@compiled
def _hash(text: Array) -> int:
    code = np.int64(len(text))
    for value in text:
        code = (code ^ value) * _FACTOR
        code ^= (code >> 29) & 0x7FFFFFFFF
    return int(code)


@compiled
def _equal(text: Array, bounds: Array, first: int, second: int) -> bool:
    shift = bounds[second] - bounds[first]
    if bounds[first + 1] - bounds[first] != bounds[second + 1] - bounds[second]:
        return False
    for position in range(bounds[first], bounds[first + 1]):
        if text[position] != text[position + shift]:
            return False
    return True
