"""Fuzzy matching: observed symbols are taken for similar ones of the pattern, then it is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

from kato.matching.characters import ratio_of, text_lengths
from kato.matching.codes import NONE, code_of
from kato.matching.compiled import Array, compiled, kernel_array
from kato.matching.observed import Observed

_CELLS = 1 << 20
"""Ratios computed at a time: 8 MiB of them."""


class SimilarSymbols(msgspec.Struct, frozen=True, eq=False):
    """Which symbols of a knowledge base an observed text may be taken for.

    Attributes:
        texts: The distinct observed texts.
        rows: int64[pairs], the observed text of each pair, as an index; ascending.
        ids: uint32[pairs], the known symbol of each pair; ascending within a row.
        ratios: float64[pairs], the character ratio of each pair.
    """

    texts: list[str]
    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.uint32]
    ratios: npt.NDArray[np.float64]


def similar_symbols(
    observed_texts: Sequence[str],
    ids: npt.NDArray[np.uint32],
    texts: Sequence[str],
    threshold: float,
) -> SimilarSymbols:
    """The known symbols whose character ratio to an observed text is at least the threshold.

    Equal texts are among them, with ratio 1.

    Args:
        observed_texts: The observed symbols, repeats allowed.
        ids: The ids of the knowledge base's symbols, in any order.
        texts: Their texts, in the same order.
        threshold: Least ratio, above 0, inclusive.

    >>> similar = similar_symbols(["bannana"], np.array([4, 9]), ["banana", "cherry"], 0.8)
    >>> similar.ids.tolist(), similar.ratios.round(3).tolist()
    ([4], [0.923])
    """
    distinct = list(dict.fromkeys(observed_texts))
    step = max(1, _CELLS // max(1, len(distinct)))
    parts = [
        _similar_part(distinct, ids[start : start + step], texts[start : start + step], threshold)
        for start in range(0, len(texts), step)
    ]
    rows, found, ratios = (
        np.concatenate([np.zeros(0, dtype), *(part[column] for part in parts)])
        for column, dtype in enumerate((np.int64, np.uint32, np.float64))
    )
    order = np.lexsort((found, rows))
    return SimilarSymbols(distinct, rows[order], found[order], ratios[order])


def _similar_part(
    observed: list[str], ids: npt.NDArray[np.uint32], texts: Sequence[str], threshold: float
) -> tuple[Array, Array, Array]:
    # No cut-off: rapidfuzz rounds it, and drops "ab" for "a" at two thirds (seen in 3.14.6).
    common = cdist(observed, texts, scorer=LCSseq.similarity, dtype=np.int32).astype(np.int64)
    lengths = text_lengths(observed)[:, np.newaxis] + text_lengths(texts)
    ratios = ratio_of(lengths, common)
    rows, columns = np.nonzero(ratios >= threshold)
    return rows, ids[columns].astype(np.uint32), ratios[rows, columns]


class Similar(NamedTuple):
    """Similar symbols as kernels see them.

    Attributes:
        starts: int64[n], where the pairs of each observed position begin.
        ends: int64[n], where they end.
        codes: int64[pairs], the codes of the similar symbols, ascending within a position.
        ratios: float64[pairs].
    """

    starts: Array
    ends: Array
    codes: Array
    ratios: Array


class Claims(NamedTuple):
    """Scratch of :func:`rewrite`.

    Attributes:
        taken: bool[longest pattern], which pattern positions are claimed.
        cursor: int64[codes], where the search for the next equal position goes on.
    """

    taken: Array
    cursor: Array


@compiled
def rewrite(pattern: Array, observed: Array, similar: Similar, claims: Claims, row: Array) -> None:
    """Put the pattern's symbols in the place of observed ones that are similar (``row``).

    From left to right, all equal positions are claimed before any similar one; a similar one is
    the unclaimed position of the highest ratio, the lowest on ties.

    Args:
        pattern: The pattern's codes.
        observed: int64[n], the memory's codes.
        similar: The similar codes of each observed position.
        claims: Scratch.
        row: int64[n], receives the codes of the rewritten memory; -1 meanwhile marks positions
            without an equal one.
    """
    claims.taken[: len(pattern)] = False
    for code in observed:
        claims.cursor[code] = 0
    for position in range(len(observed)):
        row[position] = _claim_equal(pattern, observed[position], claims)
    for position in range(len(observed)):
        if row[position] == NONE:
            best = _claim_similar(pattern, position, similar, claims)
            row[position] = observed[position] if best < 0 else pattern[best]


@compiled
def _claim_equal(pattern: Array, code: int, claims: Claims) -> int:
    index = claims.cursor[code]
    while index < len(pattern) and pattern[index] != code:
        index += 1
    claims.cursor[code] = index + 1
    if index >= len(pattern):
        return NONE
    claims.taken[index] = True
    return code


@compiled
def _claim_similar(pattern: Array, position: int, similar: Similar, claims: Claims) -> int:
    low, high = similar.starts[position], similar.ends[position]
    best, highest = -1, 0.0
    if low == high:
        return best
    for index in range(len(pattern)):
        if pattern[index] >= 0 and not claims.taken[index]:
            ratio = _ratio(similar, low, high, pattern[index])
            if ratio > highest:
                best, highest = index, ratio
    if best >= 0:
        claims.taken[best] = True
    return best


@compiled
def _ratio(similar: Similar, low: int, high: int, code: int) -> float:
    end = high
    while low < high:
        middle = (low + high) // 2
        if similar.codes[middle] < code:
            low = middle + 1
        else:
            high = middle
    if low < end and similar.codes[low] == code:
        return float(similar.ratios[low])
    return 0.0


def similar_codes(texts: Sequence[str], similar: SimilarSymbols, memory: Observed) -> Similar:
    """The similar symbols of each observed position, by code."""
    row_of = {text: row for row, text in enumerate(similar.texts)}
    rows = np.array([row_of[text] for text in texts], np.int64)
    codes = np.array([code_of(memory.table, symbol) for symbol in similar.ids.tolist()], np.int64)
    starts = np.searchsorted(similar.rows, rows)
    ends = np.searchsorted(similar.rows, rows, side="right")
    return Similar(starts, ends, codes, kernel_array(similar.ratios, np.float64))


def nothing_similar() -> Similar:
    """No similar symbols: exact matching."""
    none = np.zeros(0, np.int64)
    return Similar(none, none, none, np.zeros(0))
