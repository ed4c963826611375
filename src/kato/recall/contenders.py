"""The best of many candidates, aligning no more of them than it takes."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import (
    Alignment,
    Candidates,
    Matcher,
    Observation,
    TokenMatcher,
    align,
    qualifies,
)
from kato.matching import best as best_indices
from kato.recall.bounds import similarities_and_bounds

Indices = npt.NDArray[np.int64]

_SLACK = 1e-9
"""The bound and the potential are rounded differently; neither by this much."""


class Contest(msgspec.Struct, frozen=True):
    """What decides who stays.

    Attributes:
        recall_threshold: Least similarity.
        limit: How many stay.
        floor: A preliminary potential that is reached elsewhere ``limit`` times already.
    """

    recall_threshold: float
    limit: int
    floor: float = -np.inf


def contenders(
    observation: Observation, candidates: Candidates, matcher: Matcher, contest: Contest
) -> tuple[Indices, Alignment]:
    """Indices, ascending, and alignment of the best candidates that match.

    None of the ``limit`` best is left out; what cannot be among the best by the floor may be.
    """
    if isinstance(matcher, TokenMatcher):
        return _by_bounds(observation, candidates, contest)
    return _all_aligned(observation, candidates, matcher, contest)


def _all_aligned(
    observation: Observation, candidates: Candidates, matcher: Matcher, contest: Contest
) -> tuple[Indices, Alignment]:
    alignment = align(observation, candidates, matcher)
    # One observed symbol: which patterns qualify is decided by their first symbol alone (Q26).
    threshold = contest.recall_threshold if len(observation) > 1 else 0.0
    matching = np.flatnonzero(qualifies(alignment, threshold))
    kept = best_indices(alignment.take(matching), candidates.take(matching), contest.limit)
    return matching[kept], alignment.take(matching[kept])


def _by_bounds(
    observation: Observation, candidates: Candidates, contest: Contest
) -> tuple[Indices, Alignment]:
    """Align in the order of the bounds, until none that is left can reach the worst one kept."""
    order, bounds = _in_order_of_bounds(observation, candidates, contest)
    aligned = np.zeros(0, np.int64)
    alignment = align(observation, candidates.take(aligned), TokenMatcher())
    size, floor = 2 * contest.limit, contest.floor
    while len(aligned) < len(order) and bounds[len(aligned)] + _SLACK >= floor:
        chunk = order[len(aligned) : len(aligned) + size]
        part = align(observation, candidates.take(chunk), TokenMatcher())
        aligned = np.concatenate([aligned, chunk])
        alignment = Alignment.join([alignment, part])
        floor = max(floor, _worst_kept(alignment, contest.limit))
    ascending = np.argsort(aligned, kind="stable")
    found, alignment = aligned[ascending], alignment.take(ascending)
    kept = best_indices(alignment, candidates.take(found), contest.limit)
    return found[kept], alignment.take(kept)


def _in_order_of_bounds(
    observation: Observation, candidates: Candidates, contest: Contest
) -> tuple[Indices, npt.NDArray[np.float64]]:
    similarity, bounds = similarities_and_bounds(observation, candidates)
    eligible = bounds + _SLACK >= contest.floor
    if len(observation) > 1:
        eligible &= similarity >= contest.recall_threshold
        if contest.recall_threshold > 0:
            eligible &= similarity > 0
    indices = np.flatnonzero(eligible)
    order = indices[np.argsort(-bounds[indices], kind="stable")]
    return order, bounds[order]


def _worst_kept(alignment: Alignment, limit: int) -> float:
    preliminary = alignment.preliminary
    if len(preliminary) < limit:
        return -np.inf
    return float(np.partition(preliminary, -limit)[-limit])
