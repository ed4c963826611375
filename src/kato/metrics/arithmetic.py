"""What computes the numbers of predictions, chosen as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kato.matching import Alignment, Candidates, Observation
from kato.metrics.ensemble import Corpus, Measures, measure
from kato.metrics.spans import Comparison, compare


class Measure(Protocol):
    """Measures an ensemble, see :func:`kato.metrics.measure`."""

    def __call__(  # noqa: PLR0913, PLR0917, as measure itself
        self,
        observation: Observation,
        survivors: Candidates,
        alignment: Alignment,
        frequencies: npt.NDArray[np.int64],
        symbol_ids: npt.NDArray[np.uint32],
        members: npt.NDArray[np.int64],
        corpus: Corpus,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> Measures:
        """Every number of every survivor."""


class Arithmetic(NamedTuple):
    """What computes the numbers.

    Attributes:
        measure: Measures an ensemble.
        compare: Compares the memory with patterns.
    """

    measure: Measure
    compare: Callable[[Observation, Candidates, Alignment], Comparison]


COMPILED = Arithmetic(measure, compare)
"""By compiled kernels."""
