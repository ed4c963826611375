"""Which predictions are returned, and in which order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.metrics.ensemble import Measures


def rank(
    measures: Measures, names: npt.NDArray[np.uint8], algo: str, limit: int
) -> npt.NDArray[np.int64]:
    """Indices of the survivors to return, the first ranked first.

    The highest rank value comes first, then the highest similarity, the highest frequency, and
    the first name.

    Args:
        measures: Of the survivors.
        names: uint8[k, 20], the survivors' names; they sort as their text in hexadecimal does.
        algo: The number to rank by, see :data:`kato.model.config.RANK_SORT_ALGOS`.
        limit: Most indices to return.

    Raises:
        ValueError: ``algo`` is a weighted number, and there are no weights.
    """
    order = np.lexsort(
        (
            np.ascontiguousarray(names).view(f"S{names.shape[1]}").ravel(),
            -measures.frequency,
            -measures.similarity,
            -measures.column(algo).astype(np.float64),
        )
    )
    return order[:limit]
