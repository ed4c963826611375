"""Texts of symbols by id, kept in the process: an id never changes its text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kato.errors import Conflict
from kato.metrics import Texts
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.tail import TailView

KEPT = 256
"""Knowledge bases whose texts are kept at the same time."""

FEW = 20
SMALL = 200_000
"""Of a small vocabulary all texts are fetched as soon as more than a few are missing."""


class Vocabulary:
    """Texts of symbols, of all knowledge bases; safe for threads.

    Args:
        tables: Where the texts are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def texts(self, kb: int, ids: npt.NDArray[np.uint32], tail: TailView) -> Texts:
        """At least the texts of these ids.

        Raises:
            Conflict: One has no text: its knowledge base was cleared meanwhile.
        """
        kept = self._kept_of(kb)
        missing = kept.missing(ids)
        if len(missing):
            kept.add(tail.texts)
            missing = kept.missing(missing)
        if len(missing) > FEW and kept.count < SMALL:
            kept.add(self._tables.vocabulary(kb, SMALL))
            missing = kept.missing(missing)
        if len(missing):
            kept.add(self._tables.texts(kb, np.unique(missing).tolist()))
            missing = kept.missing(missing)
        if len(missing):
            raise Conflict(f"symbol {missing[0]} was cleared meanwhile", remedy="ask again")
        return kept.texts

    def all(self, kb: int, tail: TailView) -> Mapping[int, str]:
        """The texts of all symbols, by ascending id."""
        texts = {**self._tables.vocabulary(kb), **tail.texts}
        return {number: texts[number] for number in sorted(texts)}

    def _kept_of(self, kb: int) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(kb, _Kept())
            self._kept.move_to_end(kb)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return kept


class _Kept:
    """The texts of one knowledge base that are known here.

    >>> kept = _Kept()
    >>> kept.add({2: "two"})
    >>> kept.missing(np.array([1, 2, 3], np.uint32)).tolist(), kept.texts[2], kept.count
    ([1, 3], 'two', 1)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.texts: Texts = np.empty(0, np.object_)
        self._known = np.zeros(0, np.bool_)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self._known))

    def missing(self, ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """The ids, of these, whose texts are not known."""
        known = self._known
        if len(ids) and int(ids.max()) < len(known):
            return ids[~known[ids]]
        strange = ids >= len(known)
        strange[~strange] = ~known[ids[~strange]]
        return ids[strange]

    def add(self, texts: Mapping[int, str]) -> None:
        """Keep these as well."""
        with self._lock:
            self._reach(max(texts, default=-1) + 1)
            for number, text in texts.items():
                self.texts[number] = text
            self._known[list(texts)] = True

    def _reach(self, size: int) -> None:
        # Arrays grow by copies, so a reader that has the one before still has what it asked for.
        if size > len(self._known):
            more = max(size, len(self._known) * 5 // 4) - len(self._known)
            self.texts = np.concatenate([self.texts, np.empty(more, np.object_)])
            self._known = np.concatenate([self._known, np.zeros(more, np.bool_)])
