"""How good a row can be, by what is known of it so far.

The arguments are those of :mod:`kato.recall.bounds`. Every bound is computed by the operations of
:func:`kato.matching.kernel.preliminary_potential`, in their order, and rounding is monotonic: a
bound and a potential can be compared as they are.
"""

from __future__ import annotations

import numpy as np

from kato.matching.compiled import Array, compiled
from kato.matching.kernel import preliminary_potential

_NEVER = 2**31


@compiled
def most_potential(
    common: int, run: int, length: int, size: int, single: bool, doubled: bool
) -> float:
    """The most the preliminary potential can be, where neither argument need be reached.

    Args:
        common: Longest common subsequence at most, 1 or more.
        run: Longest common contiguous run at most, 1 or more.
        length: Symbols of the pattern.
        size: Observed symbols.
        single: Whether each event of the pattern has one symbol.
        doubled: Whether an observed symbol may stand beside itself in the pattern: then the present
            of one block may begin an event earlier (7.1, step 3).
    """
    best = -np.inf
    for matched in range(1, common + 1):
        snr = (3 * matched - size) / (matched + size)
        share = matched / length
        if matched <= run:
            confidence = 1.0
            if snr < 0 and not single:
                confidence = share
            elif snr < 0 and doubled:
                confidence = matched / (matched + 1)
            best = max(best, (share + confidence) * snr + 1.0)
        if matched > 1:
            blocks = max(2, (matched + run - 1) // run)
            confidence = 1.0 if snr >= 0 else share
            best = max(best, (share + confidence) * snr + 1.0 / blocks)
    return best


@compiled
def potential_of_run(run: int, length: int, size: int, single: bool, doubled: bool) -> float:
    """The potential if the longest run is the only block: exact where events have one symbol.

    Else the most it can be. The event before the run joins the present if it is the run's first
    symbol once more (7.1, step 3).
    """
    if run == 0:
        return 0.0
    present = run + 1 if doubled else run
    if not single:
        present = length if 3 * run < size else run
    return preliminary_potential(run, length, present, size, 1)


@compiled
def potential_of_blocks(run: int, lcs: int, length: int, size: int) -> float:
    """The most the potential can be if the longest run is not the only block."""
    best = -np.inf
    for matched in range(run + 1, lcs + 1):
        present = length if 3 * matched < size else matched
        blocks = max(2, (matched + run - 1) // run)
        best = max(best, preliminary_potential(matched, length, present, size, blocks))
    return best


@compiled
def least_common(length: int, size: int, threshold: float) -> int:
    """The least common subsequence that is similar enough, as similarity is rounded."""
    if threshold == 0:
        return 0
    least = max(1, int(threshold * (length + size) / 2) - 1)
    while ((2.0 * least / (length + size)) * 100.0) / 100.0 < threshold:
        least += 1
    return least


@compiled
def fill_least_common(lengths: Array, size: int, threshold: float, least: Array) -> None:
    """Write :func:`least_common` for patterns of some lengths."""
    for index in range(len(lengths)):
        least[index] = least_common(lengths[index], size, threshold)


@compiled
def least_overlap(floor: float, run: int, length: int, size: int, single: bool) -> int:
    """The least overlap whose bound reaches the floor, where no run is longer than ``run``."""
    # The bound grows with the overlap.
    low, high = 1, min(size, length) + 1
    while low < high:
        middle = (low + high) // 2
        if most_potential(middle, min(middle, run), length, size, single, True) >= floor:
            high = middle
        else:
            low = middle + 1
    return low if low <= min(size, length) else _NEVER
