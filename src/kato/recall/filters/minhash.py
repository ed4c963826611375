"""``minhash``: patterns whose signature resembles the memory's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kato.errors import InvalidConfig
from kato.matching import Candidates
from kato.matching.compiled import kernel_array
from kato.model.config import SessionConfig
from kato.recall.condition import Condition
from kato.recall.filters.bands import MOST_BANDS, TokenHashes, covered
from kato.recall.filters.signature import (
    Sought,
    bands_of,
    mark_resembling,
    permutations,
    signature_of,
)
from kato.recall.query import Query
from kato.storage.clickhouse.bands import WITH_A_BAND, BandShape
from kato.storage.clickhouse.patterns import PatternTables


class MinHashFilter:
    """Keeps patterns by the MinHash signature of their symbols (``spec/algorithms.md`` 4, 5).

    A pattern must share a band with the memory, whichever, and the share of equal signature values
    must reach ``minhash_threshold``. ``minhash_num_hashes``, ``minhash_bands`` and
    ``minhash_rows`` apply as the session says them (Q15).

    The threshold estimates Jaccard similarity J; a band is shared with a probability of
    1 − (1 − J^rows)^bands, by default 18.6 % at 0.4, 47.0 % at 0.5 and 97.5 % at 0.7.

    Raises:
        InvalidConfig: ``minhash_rows`` is above ``minhash_num_hashes``, so there is no band.

    >>> from kato.matching import Observation
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["a"], ["b"]], {"a": 1, "b": 2})
    >>> texts = {1: "a", 2: "b", 3: "c"}
    >>> def texts_of(ids):
    ...     return texts
    >>> nothing = TailView([], set(), {}, {})
    >>> query = Query(1, memory, SessionConfig(), nothing, 2, texts_of, lambda: texts)
    >>> MinHashFilter().keeps(query, Candidates.of([(1, [[2], [1]]), (2, [[3], [3]])])).tolist()
    [True, False]
    """

    name = "minhash"

    def __init__(self) -> None:
        self._memory: _Memory | None = None

    def keeps(self, query: Query, candidates: Candidates) -> npt.NDArray[np.bool_]:
        """bool[k], which patterns have a band of the memory and a signature like it."""
        memory = self._memory_of(query)
        hashes = memory.hashes.covering(candidates.symbols, query.texts_of)
        keeps = np.zeros(len(candidates), np.bool_)
        symbols = kernel_array(candidates.symbols, np.uint32)
        offsets = kernel_array(candidates.offsets, np.int64)
        mark_resembling(symbols, offsets, hashes, memory.sought, keeps)
        return keeps

    def condition(self, query: Query, tables: PatternTables) -> Condition | None:
        """That a pattern has a band of the memory, as far as the table of bands reaches."""
        memory, shape = self._memory_of(query), band_shape(query.config)
        if shape.bands > MOST_BANDS:
            return None
        until = covered(query, tables, shape, memory.hashes)
        if not until:
            return None
        sought = np.unique(memory.sought.bands.astype(np.uint32)).tolist()
        parameters = {"rows": shape.rows, "bands": shape.bands, "sought": sought, "covered": until}
        return Condition(WITH_A_BAND, parameters)

    def _memory_of(self, query: Query) -> _Memory:
        if self._memory is None or self._memory.query is not query:
            self._memory = _Memory(query)
        return self._memory


class _Memory:
    """What is found out once a query, not once a block of candidates."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.sought = _sought(query)
        self.hashes = TokenHashes()


def band_shape(config: SessionConfig) -> BandShape:
    """How signatures are cut: into the bands that are configured, or as many as there are values.

    >>> band_shape(SessionConfig(minhash_bands=20, minhash_rows=7, minhash_num_hashes=100))
    BandShape(rows=7, bands=14)
    """
    hashes, rows = config.minhash_num_hashes, config.minhash_rows
    if rows > hashes:
        raise InvalidConfig({"minhash_rows": f"Must be at most minhash_num_hashes ({hashes})"})
    return BandShape(rows, hashes // rows)


def _sought(query: Query) -> Sought:
    config, shape = query.config, band_shape(query.config)
    signature = signature_of(query.observation.texts, config.minhash_num_hashes)
    return Sought(
        permutations(config.minhash_num_hashes),
        kernel_array(signature, np.uint64),
        np.sort(bands_of(signature, shape.bands, shape.rows)),
        config.minhash_rows,
        float(config.minhash_threshold),
    )
