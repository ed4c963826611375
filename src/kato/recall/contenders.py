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
from kato.recall.bounds import Bounds, bounds_of

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
    """Settle by bounds what can be, align the rest in their order, and the best in the end.

    Nothing more is aligned once no bound that is left reaches the worst of the best.
    """
    bounds = bounds_of(observation, candidates, contest.floor)
    eligible = _eligible(observation, bounds, contest)
    settled = eligible[bounds.exact[eligible]]
    open_ones = eligible[~bounds.exact[eligible]]
    potential = bounds.potential[settled]
    order = open_ones[np.argsort(-bounds.potential[open_ones], kind="stable")]
    taken, size = 0, contest.limit
    while taken < len(order):
        floor = max(contest.floor, _worst_kept(potential, contest.limit))
        if bounds.potential[order[taken]] + _SLACK < floor:
            break
        part = align(observation, candidates.take(order[taken : taken + size]), TokenMatcher())
        potential = np.concatenate([potential, part.preliminary])
        taken, size = min(taken + size, len(order)), 2 * size
    known = np.concatenate([settled, order[:taken]])
    found = known[_best(potential, bounds.similarity[known], known, contest.limit)]
    return found, align(observation, candidates.take(found), TokenMatcher())


def _eligible(observation: Observation, bounds: Bounds, contest: Contest) -> Indices:
    eligible = bounds.potential + _SLACK >= contest.floor
    if len(observation) > 1:
        eligible &= bounds.similarity >= contest.recall_threshold
        if contest.recall_threshold > 0:
            eligible &= bounds.similarity > 0
    return np.flatnonzero(eligible)


def _worst_kept(potential: npt.NDArray[np.float64], limit: int) -> float:
    if len(potential) < limit:
        return -np.inf
    return float(np.partition(potential, -limit)[-limit])


def _best(
    potential: npt.NDArray[np.float64],
    similarity: npt.NDArray[np.float64],
    indices: Indices,
    limit: int,
) -> Indices:
    """Places of the best, by potential, then similarity, then index; their indices ascend."""
    kept = np.flatnonzero(potential >= _worst_kept(potential, limit))
    ranked = np.lexsort((indices[kept], -similarity[kept], -potential[kept]))
    chosen = kept[ranked[:limit]]
    return chosen[np.argsort(indices[chosen])]
