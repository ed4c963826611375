"""A sample of patterns, kept in the process: it tells how good the best will be at least."""

from __future__ import annotations

import threading
from collections import OrderedDict

from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

PATTERNS = 8192
"""Pattern ids a sample covers; about half a megabyte."""

KEPT = 32
"""Samples that are kept at the same time."""


class Samples:
    """Samples of the knowledge bases that were asked last; safe for threads.

    Any patterns will do, as long as none of them is forgotten: so a sample is taken anew whenever
    the knowledge base has forgotten one.

    Args:
        tables: Where the patterns are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables
        self._lock = threading.Lock()
        self._samples: OrderedDict[tuple[int, int], Sequences] = OrderedDict()

    def of(self, query: Query) -> Sequences | None:
        """The sample of the query's knowledge base; None if that is too small to need one."""
        if query.last_pattern < 2 * PATTERNS:
            return None
        key = query.kb, query.forgotten
        with self._lock:
            sample = self._samples.get(key)
            if sample is not None:
                self._samples.move_to_end(key)
                return sample
        sample = self._taken(query)
        if len(sample.ids) < PATTERNS // 2:
            return sample  # ClickHouse has not got them yet, or few are left
        with self._lock:
            self._samples[key] = sample
            if len(self._samples) > KEPT:
                self._samples.popitem(last=False)
        return sample

    def _taken(self, query: Query) -> Sequences:
        found = self._tables.where(query.kb, "id <= {last:UInt64}", {"last": PATTERNS})
        return found.without(query.tail.forgotten)
