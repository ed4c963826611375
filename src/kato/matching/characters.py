"""How alike two texts are by their characters (``spec/algorithms.md`` 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist, cpdist

from kato.matching.candidates import Candidates

Floats = npt.NDArray[np.float64]


def character_ratio(first: str, second: str) -> float:
    """Share of the characters of two texts that a common subsequence covers, 0 to 1.

    This is the normalised Indel similarity, evaluated as ``spec/algorithms.md`` 6.1 says.

    >>> character_ratio("bannana", "banana")
    0.923076923076923
    """
    common = LCSseq.similarity(first, second)
    return float(ratio_of(np.array([len(first) + len(second)]), np.array([common]))[0])


def ratio_of(characters: npt.NDArray[np.integer], common: npt.NDArray[np.integer]) -> Floats:
    """Ratios from the characters of both texts together and of their common subsequence."""
    whole = np.maximum(characters, 1)  # two empty texts are equal: 1 - 0/1
    ratios: Floats = ((1 - (characters - 2 * common) / whole) * 100) / 100
    return ratios


def joined_texts(candidates: Candidates, texts: Mapping[int, str]) -> list[str]:
    """The symbols of each candidate, joined by one space each."""
    words = [texts[symbol] for symbol in candidates.symbols.tolist()]
    bounds = candidates.offsets.tolist()
    return [" ".join(words[start:end]) for start, end in pairwise(bounds)]


def similarities_to_one(memory: str, patterns: Sequence[str]) -> Floats:
    """The ratio of one text to each of the others."""
    # SIMD over many patterns; an integer dtype makes cdist count instead of rounding.
    common = cdist([memory], patterns, scorer=LCSseq.similarity, dtype=np.int32)[0]
    return ratio_of(text_lengths(patterns) + len(memory), common.astype(np.int64))


def similarities_in_pairs(memories: Sequence[str], patterns: Sequence[str]) -> Floats:
    """The ratio of each text to the one beside it."""
    common = cpdist(memories, patterns, scorer=LCSseq.similarity, dtype=np.int32)
    return ratio_of(text_lengths(patterns) + text_lengths(memories), common.astype(np.int64))


def text_lengths(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """The number of code points of each text."""
    return np.fromiter(map(len, texts), np.int64, len(texts))
