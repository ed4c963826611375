"""``minhash``: patterns whose signature resembles the memory's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kato.errors import InvalidConfig
from kato.matching import Candidates
from kato.matching.compiled import kernel_array
from kato.model.config import SessionConfig
from kato.recall.filters.signature import (
    Sought,
    bands_of,
    mark_resembling,
    permutations,
    signature_of,
    token_hash,
)
from kato.recall.query import Query


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
        if self._memory is None or self._memory.query is not query:
            self._memory = _Memory(query)
        hashes = self._memory.hashes.covering(candidates.symbols, query.texts_of)
        keeps = np.zeros(len(candidates), np.bool_)
        symbols = kernel_array(candidates.symbols, np.uint32)
        offsets = kernel_array(candidates.offsets, np.int64)
        mark_resembling(symbols, offsets, hashes, self._memory.sought, keeps)
        return keeps


class _Memory:
    """What is found out once a query, not once a block of candidates."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.sought = _sought(query)
        self.hashes = TokenHashes()


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


def band_count(config: SessionConfig) -> int:
    """Bands of a signature: what is configured, or as many as there are values for.

    >>> band_count(SessionConfig(minhash_bands=20, minhash_rows=7, minhash_num_hashes=100))
    14
    """
    hashes, rows = config.minhash_num_hashes, config.minhash_rows
    if rows > hashes:
        raise InvalidConfig({"minhash_rows": f"Must be at most minhash_num_hashes ({hashes})"})
    return config.minhash_bands if config.minhash_bands * rows == hashes else hashes // rows


def _sought(query: Query) -> Sought:
    config = query.config
    signature = signature_of(query.observation.texts, config.minhash_num_hashes)
    return Sought(
        permutations(config.minhash_num_hashes),
        kernel_array(signature, np.uint64),
        np.sort(bands_of(signature, band_count(config), config.minhash_rows)),
        config.minhash_rows,
        float(config.minhash_threshold),
    )
