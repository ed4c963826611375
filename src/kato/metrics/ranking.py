"""Which predictions are returned, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kato.metrics.ensemble import Measures


def rank(measures: Measures, names: Sequence[str], algo: str, limit: int) -> npt.NDArray[np.int64]:
    """Indices of the survivors to return, the first ranked first.

    The highest rank value comes first, then the highest similarity, the highest frequency, and
    the first name.

    Args:
        measures: Of the survivors.
        names: The survivors' names.
        algo: The number to rank by, see :data:`kato.model.config.RANK_SORT_ALGOS`.
        limit: Most indices to return.

    Raises:
        ValueError: ``algo`` is a weighted number, and there are no weights.
    """
    order = np.lexsort(
        (
            np.array(names, np.str_),
            -measures.frequency,
            -measures.similarity,
            -measures.column(algo).astype(np.float64),
        )
    )
    return order[:limit]
