"""The bits of a word."""

from __future__ import annotations

import numpy as np

from kato.matching.compiled import compiled

_ONE, _TWO, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
_PAIRS = np.uint64(0x5555555555555555)
_QUADS = np.uint64(0x3333333333333333)
_BYTES = np.uint64(0x0F0F0F0F0F0F0F0F)
_SUM = np.uint64(0x0101010101010101)
_TOP = np.uint64(56)


@compiled
def bit_count(word: np.uint64) -> np.int32:
    """How many bits are set.

    >>> bit_count(np.uint64(0b1011))
    3
    """
    # numba has no population count; of this sum by pairs, quads and bytes LLVM makes one.
    word = word - ((word >> _ONE) & _PAIRS)
    word = (word & _QUADS) + ((word >> _TWO) & _QUADS)
    word = (word + (word >> _FOUR)) & _BYTES
    return np.int32((word * _SUM) >> _TOP)
