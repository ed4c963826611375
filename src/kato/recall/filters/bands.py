"""Fills the table of MinHash bands, some ranges of patterns a recall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import kernel_array
from kato.recall.filters.signature import cut_bands, permutations, token_hash
from kato.recall.query import Query
from kato.storage.clickhouse.bands import BandShape
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

RANGE = 8_192
"""Pattern ids whose bands are added at a time; a remainder is signed at every recall."""

RANGES = 16
"""Ranges that one recall adds at most."""

MOST_BANDS = 64
"""Of more bands a pattern, the table would be larger than it is worth."""


class TokenHashes:
    """Token hashes of the symbols of one knowledge base, each computed once.

    >>> hashes = TokenHashes()
    >>> hashes.covering(np.array([1], np.uint32), lambda ids: {1: "a"}).tolist()
    [0, 937752454]
    """

    def __init__(self) -> None:
        self._hashes = np.zeros(0, np.uint32)
        self._known = np.zeros(0, np.bool_)

    def covering(
        self,
        symbols: npt.NDArray[np.uint32],
        texts_of: Callable[[Sequence[int]], Mapping[int, str]],
    ) -> npt.NDArray[np.uint32]:
        """The hashes by symbol id, those of ``symbols`` among them."""
        self._reach(int(symbols.max(initial=0)) + 1)
        wanted = np.zeros_like(self._known)
        wanted[symbols] = True
        fresh = np.flatnonzero(wanted & ~self._known)
        if len(fresh):
            texts = texts_of(fresh.tolist())
            self._hashes[fresh] = [token_hash(texts[number]) for number in fresh.tolist()]
            self._known[fresh] = True
        return self._hashes

    def _reach(self, size: int) -> None:
        more = max(0, size - len(self._known))
        self._hashes = np.pad(self._hashes, (0, more))
        self._known = np.pad(self._known, (0, more))


def covered(query: Query, tables: PatternTables, shape: BandShape, hashes: TokenHashes) -> int:
    """The id up to which the patterns' bands are in their table, after adding some that are not.

    Nothing is added of the journal's tail, nor while another thread adds.
    """
    table, stored = tables.bands, query.first_of_tail - 1
    whole = stored - stored % RANGE
    until = table.covered(query.kb, shape, whole)
    if until >= whole or not table.filling.acquire(blocking=False):
        return until
    try:
        until = table.covered(query.kb, shape, whole)
        for _ in range(min(RANGES, (whole - until) // RANGE)):
            _add(query, tables, shape, hashes, until)
            until += RANGE
    finally:
        table.filling.release()
    return until


def _add(
    query: Query, tables: PatternTables, shape: BandShape, hashes: TokenHashes, after: int
) -> None:
    """Add the range behind an id."""
    until = after + RANGE
    found = tables.where(
        query.kb,
        "id > {after:UInt64} AND id <= {until:UInt64}",
        {"after": after, "until": until},
        hide=False,  # what is forgotten may be given back; until then its bands find nothing
    )
    bands = bands_of_patterns(found, shape, hashes.covering(found.symbols, query.texts_of))
    tables.bands.add(query.kb, shape, found.ids, bands, until)


def bands_of_patterns(
    patterns: Sequences, shape: BandShape, hashes: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    """uint32[k, bands], the low halves of the patterns' bands."""
    bands = np.empty((len(patterns.ids), shape.bands), np.uint32)
    cut_bands(
        kernel_array(patterns.symbols, np.uint32),
        kernel_array(patterns.offsets, np.int64),
        hashes,
        permutations(shape.rows * shape.bands),
        bands,
    )
    return bands
