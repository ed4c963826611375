"""The best rows so far, worst on top: a heap that lives in arrays, so kernels can fill it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.compiled import Array, compiled, inner


class Best(NamedTuple):
    """A heap of at most k rows; the one in place 0 is the first to go.

    A row is better by its preliminary potential, then its similarity, then the smaller id.

    Attributes:
        potential: float64[k].
        similarity: float64[k].
        ids: int64[k], pattern ids.
        places: int64[k, 2], segment and row.
        size: int64[1], how many there are.
        floor: float64[1], the least potential that is asked for, however few there are.
    """

    potential: Array
    similarity: Array
    ids: Array
    places: Array
    size: Array
    floor: Array


class Worst(NamedTuple):
    """What a row must surpass to be among the best."""

    potential: float
    similarity: float
    identity: int


def best_of(limit: int, floor: float = -np.inf) -> Best:
    """Room for the best ``limit`` rows of a potential of at least ``floor``.

    >>> best = best_of(1)
    >>> _ = offer(best, 1.0, 0.5, 7, 0, 70), offer(best, 1.0, 0.5, 3, 0, 30)
    >>> best.ids.tolist(), best.places.tolist()
    ([3], [[0, 30]])
    """
    return Best(
        np.zeros(limit),
        np.zeros(limit),
        np.zeros(limit, np.int64),
        np.zeros((limit, 2), np.int64),
        np.zeros(1, np.int64),
        np.full(1, floor),
    )


@inner
def floor_of(best: Best) -> float:
    """The preliminary potential a row needs at least to be among the best."""
    if best.size[0] < len(best.potential):
        return float(best.floor[0])
    return max(float(best.floor[0]), float(best.potential[0]))


@compiled
def worst_of(best: Best) -> Worst:
    """The worst of the best; while there is room, anything from the floor on is better."""
    if best.size[0] < len(best.potential):
        return Worst(best.floor[0], -np.inf, 0)
    return Worst(best.potential[0], best.similarity[0], best.ids[0])


@compiled
def is_better(potential: float, similarity: float, identity: int, worst: Worst) -> bool:
    """Whether such a row is better than the worst."""
    if potential != worst.potential:
        return bool(potential > worst.potential)
    if similarity != worst.similarity:
        return bool(similarity > worst.similarity)
    return bool(identity < worst.identity)


@compiled
def beats_worst(best: Best, potential: float, similarity: float, number: int) -> bool:
    """Whether such a row is among the best."""
    return is_better(potential, similarity, number, worst_of(best))


@compiled
def offer(
    best: Best, potential: float, similarity: float, number: int, segment: int, row: int
) -> bool:
    """Keep a row if it is among the best; answers whether it is."""
    size = best.size[0]
    if size < len(best.potential):
        best.size[0] = size + 1
        _sink_up(best, size, potential, similarity, number, segment, row)
        return True
    if not _is_worse(best, 0, potential, similarity, number):
        return False
    _sink_down(best, potential, similarity, number, segment, row)
    return True


@inner
def _is_worse(best: Best, place: int, potential: float, similarity: float, number: int) -> bool:
    """Whether the one in a place is worse than the one described."""
    if best.potential[place] != potential:
        return bool(best.potential[place] < potential)
    if best.similarity[place] != similarity:
        return bool(best.similarity[place] < similarity)
    return bool(best.ids[place] > number)


@inner
def _put(
    best: Best, place: int, potential: float, similarity: float, number: int, segment: int, row: int
) -> None:
    best.potential[place] = potential
    best.similarity[place] = similarity
    best.ids[place] = number
    best.places[place, 0] = segment
    best.places[place, 1] = row


@inner
def _move(best: Best, source: int, target: int) -> None:
    best.potential[target] = best.potential[source]
    best.similarity[target] = best.similarity[source]
    best.ids[target] = best.ids[source]
    best.places[target, 0] = best.places[source, 0]
    best.places[target, 1] = best.places[source, 1]


@inner
def _sink_up(
    best: Best, place: int, potential: float, similarity: float, number: int, segment: int, row: int
) -> None:
    while place > 0:
        parent = (place - 1) // 2
        if _is_worse(best, parent, potential, similarity, number):
            break
        _move(best, parent, place)
        place = parent
    _put(best, place, potential, similarity, number, segment, row)


@inner
def _sink_down(
    best: Best, potential: float, similarity: float, number: int, segment: int, row: int
) -> None:
    place, size = 0, best.size[0]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        other = child + 1
        if other < size and _is_worse(
            best, other, best.potential[child], best.similarity[child], best.ids[child]
        ):
            child = other
        if not _is_worse(best, child, potential, similarity, number):
            break
        _move(best, child, place)
        place = child
    _put(best, place, potential, similarity, number, segment, row)
