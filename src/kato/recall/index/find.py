"""The best patterns of several segments."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import Observation
from kato.recall.index.best import Best, best_of
from kato.recall.index.first import search_first
from kato.recall.index.search import search
from kato.recall.index.segment import Shelved
from kato.recall.index.sought import sought_of
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


def find(
    shelves: Sequence[Shelved],
    observation: Observation,
    threshold: float,
    limit: int,
    work: npt.NDArray[np.int64],
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
    best = best_of(limit)
    if len(observation) == 1:
        symbol = int(observation.symbols[0])
        for number, shelf in enumerate(shelves):
            search_first(shelf, number, symbol, best, work)
    else:
        sought = sought_of(observation, threshold)
        for sampling in (True, False):
            for number, shelf in enumerate(shelves):
                search(shelf, number, sought, sampling, best, work)
    return _found(shelves, best)


def _found(shelves: Sequence[Shelved], best: Best) -> Sequences:
    places = best.places[: best.size[0]]
    parts = [shelf.sequences(_rows(places, number)) for number, shelf in enumerate(shelves)]
    return Sequences.join(parts)


def _rows(places: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.int64]:
    rows: npt.NDArray[np.int64] = places[places[:, 0] == number, 1]
    return rows
