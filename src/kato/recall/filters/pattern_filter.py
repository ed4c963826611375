"""A filter: one condition on which patterns are looked at."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.recall.query import Query


class PatternFilter(Protocol):
    """One stage of a filter pipeline; it knows nothing of its neighbours.

    Attributes:
        name: As it is written in ``filter_pipeline``.
    """

    name: str

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates go on."""
