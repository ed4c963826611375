"""The longest common subsequence, 64 observed symbols at a time."""

from __future__ import annotations

import numpy as np

from kato.matching.bits import bit_count
from kato.matching.compiled import Array, compiled

_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@compiled
def common_subsequence(pattern: Array, length: int, masks: Array, row: Array) -> int:
    """Length of the longest common subsequence of a pattern and the memory.

    Bit-parallel (Hyyrö, *Bit-parallel LCS-length computation revisited*, 2004): bit j of the row
    is 0 where observed symbol j lengthens the subsequence, and the zeros are its length.

    Args:
        pattern: Codes; only the first ``length`` count, negative ones match nothing.
        length: Number of symbols of the pattern.
        masks: uint64[codes, words], bit j % 64 of word j // 64 is set where the observed symbol j
            has the code.
        row: uint64[words], scratch.
    """
    words = len(row)
    row[:] = _ONES
    for index in range(length):
        code = pattern[index]
        if code < 0:
            continue
        carry = _ZERO
        for word in range(words):
            old = row[word]
            common = old & masks[code, word]
            partial = old + common
            total = partial + carry
            carry = _ONE if partial < old or total < partial else _ZERO
            row[word] = total | (old - common)
    zeros = 0
    for word in range(words):
        zeros += int(bit_count(~row[word]))
    return zeros
