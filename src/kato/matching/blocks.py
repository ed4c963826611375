"""Matching blocks: the longest common run, then the same to its left and right.

The classic decomposition of difflib without junk (``spec/algorithms.md`` 6.2). Runs that touch in
both sequences cannot occur: a longer run would have been found first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kato.matching.compiled import Array, compiled, inner
from kato.matching.observed import Observed, enter_row, observed

Rectangle = tuple[int, int, int, int]
"""Start and end in the pattern, start and end in the memory."""


class BlockSpace(NamedTuple):
    """Scratch of :func:`decompose`.

    Attributes:
        blocks: int64[n, 3], the blocks found: pattern index, memory index, size; in no order.
        pending: int64[n + 2, 5], rectangles still to search, and the longest run that can be in
            each. They never overlap, so there are at most as many as observed symbols.
    """

    blocks: Array
    pending: Array


def matching_blocks(pattern: Sequence[int], memory: Sequence[int]) -> list[tuple[int, int, int]]:
    """The matching blocks of two sequences: pattern index, memory index and size of each.

    >>> matching_blocks([1, 2, 9, 3, 4], [1, 2, 3, 4])
    [(0, 0, 2), (3, 2, 2)]
    """
    known = observed(np.array([memory], np.uint32), pattern)
    codes = observed(np.array([pattern], np.uint32), memory).rows[0]
    found = blocks_of(codes, known)
    return [(first, second, size) for first, second, size in sorted(found.tolist())]


def blocks_of(pattern: Array, memory: Observed) -> Array:
    """The blocks of a pattern of codes and the first row of the memory, in no order."""
    enter_row(memory, 0)
    space = block_space(memory.rows.shape[1])
    count = decompose(pattern, len(pattern), memory, 0, space)
    return space.blocks[:count]


def block_space(observed_symbols: int) -> BlockSpace:
    """Scratch for a memory of that many symbols."""
    return BlockSpace(
        np.empty((observed_symbols, 3), np.int64), np.empty((observed_symbols + 2, 5), np.int64)
    )


@compiled
def decompose(pattern: Array, length: int, memory: Observed, row: int, space: BlockSpace) -> int:
    """Find the blocks of a pattern of codes and a row of the memory, into ``space.blocks``.

    Returns:
        How many blocks there are.
    """
    codes, pending, blocks = memory.rows[row], space.pending, space.blocks
    found = 0
    depth = _push(pending, 0, (0, length, 0, len(codes)), length)
    while depth > 0:
        depth -= 1
        left, right = pending[depth, 0], pending[depth, 1]
        low, high = pending[depth, 2], pending[depth, 3]
        rectangle, most = (left, right, low, high), pending[depth, 4]
        start, position, size = run_of_at_most(most, pattern, codes, memory, rectangle)
        if size == 0:
            continue
        blocks[found, 0], blocks[found, 1], blocks[found, 2] = start, position, size
        found += 1
        # No run beside the longest is longer.
        depth = _push(pending, depth, (left, start, low, position), size)
        depth = _push(pending, depth, (start + size, right, position + size, high), size)
    return found


@inner
def _push(pending: Array, depth: int, rectangle: Rectangle, most: int) -> int:
    left, right, low, high = rectangle
    if left >= right or low >= high:
        return depth
    pending[depth, 0], pending[depth, 1] = left, right
    pending[depth, 2], pending[depth, 3], pending[depth, 4] = low, high, most
    return depth + 1


@compiled
def longest_run(
    pattern: Array, codes: Array, memory: Observed, rectangle: Rectangle
) -> tuple[int, int, int]:
    """Pattern index, memory index and size of the longest common run in a rectangle."""
    return run_of_at_most(len(pattern), pattern, codes, memory, rectangle)


@compiled
def run_of_at_most(
    most: int, pattern: Array, codes: Array, memory: Observed, rectangle: Rectangle
) -> tuple[int, int, int]:
    """The longest common run in a rectangle that is known to have none longer than ``most``."""
    # Ties: the smallest pattern index, then the smallest memory index. Starts are visited in that
    # order, and only a longer run replaces the one held.
    left, right, low, high = rectangle
    best_start, best_position, best = 0, 0, 0
    for start in range(left, right):
        if min(most, right - start) <= best:
            break
        code = pattern[start]
        position = memory.first[code] if code >= 0 else -1
        while position >= 0 and high - position > best:
            if position >= low and not (
                start > left and position > low and pattern[start - 1] == codes[position - 1]
            ):
                size = _run_length(pattern, codes, (start, right, position, high))
                if size > best:
                    best_start, best_position, best = start, position, size
            position = memory.following[position]
    return best_start, best_position, best


@inner
def _run_length(pattern: Array, codes: Array, rectangle: Rectangle) -> int:
    start, right, position, high = rectangle
    size = 1
    while (
        start + size < right
        and position + size < high
        and pattern[start + size] == codes[position + size]
    ):
        size += 1
    return size
