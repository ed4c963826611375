"""How much two sequences have in common (``spec/algorithms.md`` 6.1 and 6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

Block = tuple[int, int, int]
"""Where a run begins in the pattern and in the memory, and its size."""


def subsequence_length(first: Sequence[object], second: Sequence[object]) -> int:
    """Length of the longest common subsequence, by the textbook's table.

    >>> subsequence_length("abcbdab", "bdcaba")
    4
    """
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for at, other in enumerate(second):
            row.append(above[at] + 1 if one == other else max(above[at + 1], row[at]))
        above = row
    return above[-1]


def symbol_similarity(pattern: Sequence[int], memory: Sequence[int]) -> float:
    """Similarity of two sequences of symbols, 0 to 1.

    >>> symbol_similarity([1, 2], [1, 2, 3, 4])
    0.6666666666666665
    """
    common = subsequence_length(pattern, memory)
    return ((2 * common / (len(pattern) + len(memory))) * 100) / 100


def text_similarity(first: str, second: str) -> float:
    """Similarity of two texts by their characters, 0 to 1.

    >>> text_similarity("hello world", "hello there")
    0.6363636363636364
    """
    whole = len(first) + len(second)
    if whole == 0:
        return 1.0
    return ((1 - (whole - 2 * subsequence_length(first, second)) / whole) * 100) / 100


def matching_blocks(pattern: Sequence[int], memory: Sequence[int]) -> list[Block]:
    """The matching blocks from left to right, by the standard library's difflib.

    >>> matching_blocks([1, 2, 9, 3, 4], [1, 2, 3, 4])
    [(0, 0, 2), (3, 2, 2)]
    """
    matcher = SequenceMatcher(None, pattern, memory, autojunk=False)
    return [(run.a, run.b, run.size) for run in matcher.get_matching_blocks() if run.size]
