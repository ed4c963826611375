"""How good a match can be at best, before its blocks are known.

Let M of the n observed symbols be matched in a pattern of m symbols, s = (3M - n) / (M + n) the
signal to noise, L the longest common subsequence (M <= L) and R the longest common contiguous run.
The preliminary potential (``spec/algorithms.md`` 7.3) is (M/m + confidence) * s + 1/blocks. Either
there is one block, then M <= R; or there are at least max(2, ceil(M/R)) of them. Confidence is at
most 1 and at least M/m, so for s >= 0 the value is at most (M/m + 1) * s + 1/blocks and for s < 0
at most (2M/m) * s + 1/blocks. The greatest over M = 1..L bounds the potential from above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates, Observation
from kato.matching.alignment import kernel_patterns
from kato.matching.blocks import longest_run
from kato.matching.compiled import Array, compiled, kernel_array
from kato.matching.kernel import Patterns, coded_pattern
from kato.matching.observed import Observed, enter_row, observed
from kato.matching.subsequence import common_subsequence

Floats = npt.NDArray[np.float64]


def similarities_and_bounds(
    observation: Observation, candidates: Candidates
) -> tuple[Floats, Floats]:
    """Similarity of each candidate, and the most its preliminary potential can be.

    >>> memory = Observation.of([["b"], ["c"]], {"b": 2, "c": 3})
    >>> similarity, bound = similarities_and_bounds(memory, Candidates.of([(1, [[1], [2], [3]])]))
    >>> similarity.tolist(), bound.round(6).tolist()
    ([0.8], [2.666667])
    """
    symbols = kernel_array(observation.symbols, np.uint32)[np.newaxis]
    similarity, bound = np.zeros(len(candidates)), np.zeros(len(candidates))
    _bound_all(kernel_patterns(candidates), observed(symbols), similarity, bound)
    return similarity, bound


@compiled
def potential_bound(lcs: int, run: int, length: int, size: int) -> float:
    """The most the preliminary potential can be; 0 where nothing is common.

    Args:
        lcs: Longest common subsequence, L.
        run: Longest common contiguous run, R.
        length: Symbols of the pattern, m.
        size: Observed symbols, n.
    """
    best = -10.0 if lcs > 0 else 0.0
    for matched in range(1, lcs + 1):
        snr = (3 * matched - size) / (matched + size)
        weight = matched / length + 1.0 if snr >= 0 else 2.0 * matched / length
        blocks = 1 if matched <= run else max(2, (matched + run - 1) // run)
        best = max(best, weight * snr + 1.0 / blocks)
    return best


@compiled
def _bound_all(patterns: Patterns, memory: Observed, similarity: Array, bound: Array) -> None:
    enter_row(memory, 0)
    size = memory.rows.shape[1]
    bits = np.zeros(memory.masks.shape[1], np.uint64)
    longest = 0
    for index in range(len(bound)):
        longest = max(longest, patterns.offsets[index + 1] - patterns.offsets[index])
    room = np.zeros(longest, np.int64)
    for index in range(len(bound)):
        pattern = coded_pattern(patterns, index, memory, room)
        length = len(pattern)
        lcs = common_subsequence(pattern, length, memory.masks, bits)
        run = 0
        if lcs > 0:
            _, _, run = longest_run(pattern, memory.rows[0], memory, (0, length, 0, size))
        similarity[index] = ((2.0 * lcs / (length + size)) * 100.0) / 100.0
        bound[index] = potential_bound(lcs, run, length, size)
