"""Texts of symbols by id, kept in the process: an id never changes its text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

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
        self._texts: OrderedDict[int, dict[int, str]] = OrderedDict()

    def texts(self, kb: int, ids: Sequence[int], tail: TailView) -> Mapping[int, str]:
        """At least the texts of these ids."""
        known = self._known(kb)
        known.update(tail.texts)
        missing = [number for number in ids if number not in known]
        if len(missing) > FEW and len(known) < SMALL:
            known.update(self._tables.vocabulary(kb, SMALL))
            missing = [number for number in missing if number not in known]
        if missing:
            known.update(self._tables.texts(kb, missing))
        return known

    def all(self, kb: int, tail: TailView) -> Mapping[int, str]:
        """The texts of all symbols, by ascending id."""
        texts = {**self._tables.vocabulary(kb), **tail.texts}
        return {number: texts[number] for number in sorted(texts)}

    def _known(self, kb: int) -> dict[int, str]:
        with self._lock:
            known = self._texts.setdefault(kb, {})
            self._texts.move_to_end(kb)
            if len(self._texts) > KEPT:
                self._texts.popitem(last=False)
            return known
