"""The best patterns of several segments."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import Observation
from kato.recall.index.best import Best, best_of, worst_of
from kato.recall.index.first import search_first
from kato.recall.index.gather import ALL, SAMPLE, SAMPLED, Part
from kato.recall.index.overlap import CHUNK
from kato.recall.index.search import search
from kato.recall.index.segment import Shelved
from kato.recall.index.sought import Sought, sought_of
from kato.storage.ledger.journal import Sequences


class Work(msgspec.Struct, frozen=True):
    """What it took to find them.

    Attributes:
        rows: Patterns whose overlap was counted.
        postings: Postings read.
        read: Patterns whose symbols were read.
        aligned: Patterns that were aligned.
        offered: Patterns that were among the best for a while.
    """

    rows: int
    postings: int
    read: int
    aligned: int
    offered: int


WORK = len(Work.__struct_fields__)

LEAST_SAMPLED = 4 * CHUNK
"""Fewer rows are looked at without a sample first."""

IntArray = npt.NDArray[np.int64]


def find(
    shelves: Sequence[Shelved],
    observation: Observation,
    threshold: float,
    limit: int,
    work: IntArray,
) -> Sequences:
    """The best patterns, by ascending id.

    Args:
        shelves: Where to look, ids ascending from one to the next.
        observation: The memory, of one symbol or more; of one, those that begin with it are found,
            whatever the threshold is.
        threshold: Least similarity.
        limit: How many patterns at most.
        work: int64[5], is added to, in the order of :class:`Work`.
    """
    if len(observation) == 1:
        best, symbol = best_of(limit), int(observation.symbols[0])
        for number, shelf in enumerate(shelves):
            search_first(shelf, number, symbol, best, work)
    else:
        best = _best(shelves, sought_of(observation, threshold), limit, work)
    return _found(shelves, best)


def _best(shelves: Sequence[Shelved], sought: Sought, limit: int, work: IntArray) -> Best:
    floor = _likely_floor(shelves, sought, limit, work)
    best = _searched(shelves, sought, ALL, best_of(limit, floor), work)
    if best.size[0] == limit or floor == -np.inf:
        return best
    # Fewer reach the floor than the sample made believe: look without one.
    return _searched(shelves, sought, ALL, best_of(limit), work)


def _likely_floor(shelves: Sequence[Shelved], sought: Sought, limit: int, work: IntArray) -> float:
    """A potential that as many rows reach as are wanted, by what a sample of them says."""
    rows = sum(len(shelf.segment.ids) for shelf in shelves)
    expected = limit * sum(_sampled(len(shelf.segment.ids)) for shelf in shelves) / max(1, rows)
    # Three standard deviations more than are expected in the sample, if rows are independent.
    enough = math.ceil(expected + 3 * math.sqrt(expected) + 3)
    if rows < LEAST_SAMPLED:
        return -np.inf
    sample = best_of(min(enough, limit))
    return worst_of(_searched(shelves, sought, SAMPLE, sample, work)).potential


def _sampled(rows: int) -> int:
    """Of so many rows, those that are in the sample."""
    return rows // CHUNK * SAMPLED + min(rows % CHUNK, SAMPLED)


def _searched(
    shelves: Sequence[Shelved], sought: Sought, part: Part, best: Best, work: IntArray
) -> Best:
    for number, shelf in enumerate(shelves):
        search(shelf, number, sought, part, best, work)
    return best


def _found(shelves: Sequence[Shelved], best: Best) -> Sequences:
    places = best.places[: best.size[0]]
    parts = [shelf.sequences(_rows(places, number)) for number, shelf in enumerate(shelves)]
    return Sequences.join(parts)


def _rows(places: IntArray, number: int) -> IntArray:
    rows: IntArray = places[places[:, 0] == number, 1]
    return rows
