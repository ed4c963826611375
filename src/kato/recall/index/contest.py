"""The best patterns where symbols may be alike, or similarity is told by characters.

The index bounds what a row can reach; matching itself is what it is elsewhere, batch by batch, the
highest bounds first, until none that is left reaches the worst of the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from kato.matching import Observation, SimilarSymbols
from kato.recall.index.best import Worst
from kato.recall.index.first import beginning
from kato.recall.index.gather import REST, SAMPLE, gather, gathering, wanted
from kato.recall.index.room import gathered_room
from kato.recall.index.segment import Shelved
from kato.recall.index.sought import Sought, sought_of
from kato.recall.look import Look, worst
from kato.recall.query import Recalled

BATCH = 1000
"""Rows that are aligned before the floor is looked at again; each batch is twice the last."""

_SLACK = 1e-9
"""Bounds are computed here and potentials elsewhere; they differ by less."""

_BARELY = 1e-12
"""A threshold that asks for one common symbol."""

IntArray = npt.NDArray[np.int64]


def contested(shelves: Sequence[Shelved], look: Look, work: IntArray) -> Recalled:
    """The best patterns of the segments.

    Args:
        shelves: Where to look.
        look: The query, and its floor.
        work: Is added to, see :func:`kato.recall.index.search.search`.
    """
    found = look.nothing()
    for shelf, rows, bounds in _gathered(shelves, look, work):
        order = np.argsort(-bounds, kind="stable")
        taken, size = 0, BATCH
        while taken < len(order) and bounds[order[taken]] + _SLACK >= look.floor:
            batch = rows[order[taken : taken + size]]
            found = look.better(found, look.recalled(shelf.sequences(batch)))
            look.floor = max(look.floor, worst(look.query, found))
            taken, size = taken + size, 2 * size
    return found


def _gathered(
    shelves: Sequence[Shelved], look: Look, work: IntArray
) -> Iterator[tuple[Shelved, IntArray, npt.NDArray[np.float64]]]:
    """Rows that may be among the best, and their bounds."""
    if len(look.query.observation) == 1:
        yield from _beginning(shelves, int(look.query.observation.symbols[0]))
        return
    sought = _sought(look)
    for part in (SAMPLE, REST):
        for shelf in shelves:
            begun, memory, out = gathering(shelf, sought), wanted(sought), gathered_room()
            while gather(begun, memory, part, _floor(look), out, work):
                size = out.size[0]
                yield shelf, out.rows[:size, 0].copy(), out.bounds[:size].copy()


def _beginning(
    shelves: Sequence[Shelved], symbol: int
) -> Iterator[tuple[Shelved, IntArray, npt.NDArray[np.float64]]]:
    """Rows that begin with a symbol; the bound is what single-symbol events would give."""
    for shelf in shelves:
        for rows in beginning(shelf, symbol):
            cells = np.searchsorted(shelf.segment.cell_rows, rows, side="right") - 1
            yield shelf, rows, 2.0 + 1.0 / shelf.segment.cell_lengths[cells]


def _floor(look: Look) -> Worst:
    """What reaches the floor is better than this."""
    return Worst(float(look.floor - _SLACK), -1.0, 0)


def _sought(look: Look) -> Sought:
    config, observation = look.query.config, look.query.observation
    # By characters, similarity says nothing of how many symbols are common, but one must be.
    least = config.recall_threshold
    if least > 0 and not config.use_token_matching:
        least = _BARELY
    sought = sought_of(observation, least)
    return sought if look.similar is None else _alike(sought, observation, look.similar)


def _alike(sought: Sought, observation: Observation, similar: SimilarSymbols) -> Sought:
    """What an observed symbol may be taken for counts as observed; any run may come of it."""
    occurring = np.array([observation.texts.count(text) for text in similar.texts], np.int64)
    symbols, places = np.unique(similar.ids, return_inverse=True)
    times = np.bincount(places, occurring[similar.rows], len(symbols))
    return sought._replace(
        symbols=symbols.astype(np.uint32),
        times=times.astype(np.int64),
        places=np.zeros(len(symbols), np.uint64),
        pairs=np.zeros_like(sought.pairs),
        doubles=np.zeros_like(sought.doubles[:1]),
    )
