"""The table of MinHash bands against bands that are computed again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from kato.recall.filters import bands
from kato.recall.filters.bands import TokenHashes, bands_of_patterns
from kato.storage.clickhouse.bands import BandShape, BandTable
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences
from kato.upkeep.difference import Difference, Found
from kato.upkeep.stored import Stored

IDS_AT_ONCE = 1 << 20
"""Pattern ids whose rows are summed at a time: the table is not in the order of ids."""

_SHAPES = """
SELECT rows, bands, max(until) FROM minhash_coverage WHERE kb = {kb:UInt32}
GROUP BY rows, bands ORDER BY rows, bands DESC
"""
# A row as one number, added up: the same rows have the same sum, in whatever order they are read.
# Forgotten patterns have their bands as long as they have a row: they may be given back.
_SUMS = """
SELECT intDiv(id - 1, {range:UInt64}) AS part,
    sum((toUInt64(band) + 1) * (id * 2654435761 + position + 1))
FROM minhash_bands FINAL
WHERE kb = {kb:UInt32} AND rows = {rows:UInt8} AND position < {bands:UInt8}
AND id > {after:UInt64} AND id <= {until:UInt64} AND id IN (
    SELECT id FROM patterns WHERE kb = {kb:UInt32}
    AND id > {after:UInt64} AND id <= {until:UInt64})
GROUP BY part
"""


def band_differences(clickhouse: ClickHouse, kb: int, name: str) -> Iterator[Found]:
    """Ranges of patterns whose bands are not those of their symbols."""
    for rows, count, until in clickhouse.rows(_SHAPES, {"kb": kb}):
        check = _Bands(clickhouse, kb, name, BandShape(rows, count))
        step = max(bands.RANGE, IDS_AT_ONCE - IDS_AT_ONCE % bands.RANGE)
        for after in range(0, until, step):
            yield from check.differences(after, min(after + step, until))


class _Bands:
    def __init__(self, clickhouse: ClickHouse, kb: int, name: str, shape: BandShape) -> None:
        self._clickhouse = clickhouse
        self._table = BandTable(clickhouse)
        self._tables = PatternTables(clickhouse)
        self._stored = Stored(clickhouse)
        self._hashes = TokenHashes()
        self._kb, self._name, self._shape = kb, name, shape

    def differences(self, after: int, until: int) -> Iterator[Found]:
        sums = self._sums(after, until)
        for start in range(after, until, bands.RANGE):
            stop = min(start + bands.RANGE, until)
            part = start // bands.RANGE
            if sums.get(part, 0) == self._sum(*self._made(start, stop)):
                continue
            # What was deleted in between is not there any more: look at it at one moment.
            found = self._made(start, stop)
            if self._sums(start, stop).get(part, 0) != self._sum(*found):
                yield self._found(start, stop)

    def _found(self, after: int, until: int) -> Found:
        shape = f"{self._shape.bands} bands of {self._shape.rows}"
        where = f"pattern ids {after + 1} to {until}, {shape}"
        difference = Difference("bands", self._name, where, "other bands", "those of the symbols")
        return Found(difference, mend=partial(self._mend, after, until))

    def _mend(self, after: int, until: int) -> None:
        found, made = self._made(after, until)
        self._table.replace(self._kb, self._shape, found.ids, made, (after, until))

    def _made(self, after: int, until: int) -> tuple[Sequences, npt.NDArray[np.uint32]]:
        found = self._stored.sequences(self._kb, after + 1, until, hide=False)
        hashes = self._hashes.covering(
            found.symbols, lambda ids: self._tables.texts(self._kb, list(ids))
        )
        return found, bands_of_patterns(found, self._shape, hashes)

    def _sums(self, after: int, until: int) -> dict[int, int]:
        given = {"kb": self._kb, "rows": self._shape.rows, "bands": self._shape.bands}
        ids = {"after": after, "until": until, "range": bands.RANGE}
        return dict(self._clickhouse.rows(_SUMS, given | ids))

    def _sum(self, found: Sequences, made: npt.NDArray[np.uint32]) -> int:
        """As the statement sums rows, modulo 2**64."""
        ids = found.ids.astype(np.uint64)[:, None] * np.uint64(2654435761)
        positions = np.arange(self._shape.bands, dtype=np.uint64) + np.uint64(1)
        return int(((made.astype(np.uint64) + np.uint64(1)) * (ids + positions)).sum())
