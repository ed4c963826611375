"""Filters over sets of symbols, one pattern after the other (``spec/algorithms.md`` 4 and 5)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from kato.matching import Candidates
from kato.plain.alignment import Aligner
from kato.recall.filters.minhash import band_shape
from kato.recall.filters.pattern_filter import PatternFilter
from kato.recall.filters.registered import filter_of
from kato.recall.filters.signature import PRIME, permutations, token_hash
from kato.recall.query import Query

_WORD, _LARGEST = 2**64 - 1, 2**32 - 1


class _SetFilter:
    """A filter that decides by the distinct symbols of a pattern."""

    name: str

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates go on."""
        count = len(candidates)
        rows = [set(candidates.symbols_of(at).tolist()) for at in range(count)]
        return np.array([self.keeps_one(query, symbols) for symbols in rows], np.bool_)

    @abstractmethod
    def keeps_one(self, query: Query, symbols: set[int]) -> bool:
        """Whether the pattern of these symbols goes on."""


class PlainJaccard(_SetFilter):
    """``jaccard``: enough symbols shared with the memory, in number and as a part of all."""

    name = "jaccard"

    def keeps_one(self, query: Query, symbols: set[int]) -> bool:
        """Whether the pattern of these symbols goes on."""
        observed, config = set(query.observation.symbols.tolist()), query.config
        shared = len(symbols & observed)
        part = shared / len(symbols | observed)
        return shared >= config.jaccard_min_overlap and part >= config.jaccard_threshold


class PlainBloom(_SetFilter):
    """``bloom``: any symbol shared with the memory."""

    name = "bloom"

    def keeps_one(self, query: Query, symbols: set[int]) -> bool:
        """Whether the pattern of these symbols goes on."""
        return not symbols.isdisjoint(query.observation.symbols.tolist())


class PlainMinHash(_SetFilter):
    """``minhash``: a signature that shares a band with the memory's, and enough of its values.

    No table of bands is asked; a band's number is Python's own hash of its values.
    """

    name = "minhash"

    def keeps_one(self, query: Query, symbols: set[int]) -> bool:
        """Whether the pattern of these symbols goes on."""
        config, texts = query.config, query.texts_of(sorted(symbols))
        shape, count = band_shape(config), config.minhash_num_hashes
        memory = _signature(query.observation.texts, count)
        pattern = _signature((texts[symbol] for symbol in symbols), count)
        bands = [_bands(signature, shape.rows, shape.bands) for signature in (memory, pattern)]
        equal = sum(one == other for one, other in zip(memory, pattern, strict=True))
        return not bands[0].isdisjoint(bands[1]) and equal / count >= config.minhash_threshold


def _signature(texts: Iterable[str], count: int) -> list[int]:
    multipliers, increments = (column.tolist() for column in permutations(count))
    hashes = [token_hash(text) for text in texts]
    return [
        min(((a * token + b) & _WORD) % PRIME & _LARGEST for token in hashes)
        for a, b in zip(multipliers, increments, strict=True)
    ]


def _bands(signature: list[int], rows: int, bands: int) -> set[int]:
    return {abs(hash(tuple(signature[at * rows : (at + 1) * rows]))) for at in range(bands)}


class PlainRapidfuzz:
    """``rapidfuzz``: patterns that match at ``recall_threshold``."""

    name = "rapidfuzz"

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which candidates match."""
        alignment, threshold = Aligner(query).align(candidates), query.config.recall_threshold
        rows = zip(alignment.similarity.tolist(), alignment.blocks.tolist(), strict=True)
        kept = [similar >= threshold and (not threshold or blocks > 0) for similar, blocks in rows]
        return np.array(kept, np.bool_)


PLAIN_FILTERS: Mapping[str, Callable[[], PatternFilter]] = {
    "jaccard": PlainJaccard,
    "bloom": PlainBloom,
    "minhash": PlainMinHash,
    "rapidfuzz": PlainRapidfuzz,
}
"""In the place of the filters whose loops are compiled; ``length`` has none."""


def plain_filter_of(name: str) -> PatternFilter:
    """A new filter of that name, plain if there is a plain one; raises what ``filter_of`` does.

    >>> plain_filter_of("bloom")
    <kato.plain.filters.PlainBloom object at ...>
    """
    made = filter_of(name)
    return PLAIN_FILTERS[name]() if name in PLAIN_FILTERS else made
