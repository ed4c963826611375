"""The table of MinHash bands: which patterns may resemble a memory."""

from __future__ import annotations

import threading
from secrets import token_hex

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kato.storage.clickhouse.client import ClickHouse

WITH_A_BAND = """
id > {covered:UInt64} OR id IN (
    SELECT id FROM minhash_bands WHERE kb = {kb:UInt32} AND rows = {rows:UInt8}
    AND band IN {sought:Array(UInt32)} AND position < {bands:UInt8})
"""
"""Of the patterns up to ``covered``, those that share a band; all behind them."""


class BandShape(msgspec.Struct, frozen=True):
    """How signatures are cut into bands.

    Signatures of any length begin alike, so a table of more bands serves those of fewer.

    Attributes:
        rows: Signature values a band, below 256.
        bands: Bands a pattern, below 256.
    """

    rows: int
    bands: int


class BandTable:
    """Keeps the bands of patterns, range by range of their ids; safe for threads.

    A range is inserted under a token of its own, and its coverage after it: what is cut off in
    between is done again, and nothing is there twice. Deleted patterns may leave rows behind, which
    then find nothing.

    Attributes:
        filling: Held by the thread that adds ranges: others need not do the same.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._covered: dict[tuple[int, BandShape], int] = {}
        self.filling = threading.Lock()

    def covered(self, kb: int, shape: BandShape, wanted: int) -> int:
        """The id up to which the patterns' bands are here.

        Args:
            kb: The knowledge base's number.
            shape: How signatures are cut.
            wanted: The store is asked again unless it is known to reach this id.
        """
        known = self._covered.get((kb, shape), 0)
        if known >= wanted:
            return known
        rows = self._clickhouse.rows(
            "SELECT max(until) FROM minhash_coverage "
            "WHERE kb = {kb:UInt32} AND rows = {rows:UInt8} AND bands >= {bands:UInt8}",
            {"kb": kb, "rows": shape.rows, "bands": shape.bands},
        )
        return self._know(kb, shape, int(rows[0][0]))

    def add(
        self,
        kb: int,
        shape: BandShape,
        ids: npt.NDArray[np.int64],
        bands: npt.NDArray[np.uint32],
        until: int,
    ) -> None:
        """Add the patterns of the range that ends with the id ``until``.

        Args:
            kb: The knowledge base's number.
            shape: How their signatures are cut.
            ids: int64[k], the patterns of the range, however few are left.
            bands: uint32[k, bands], their bands.
            until: The range's last id; all before the range are here.
        """
        token = f"minhash {kb} {shape.rows} {shape.bands} {until}"
        self._clickhouse.insert("minhash_bands", _rows(kb, shape, ids, bands), token)
        coverage = {"kb": kb, "rows": shape.rows, "bands": shape.bands, "until": until}
        self._clickhouse.insert("minhash_coverage", _typed(coverage), token)
        self._know(kb, shape, until)

    def replace(
        self,
        kb: int,
        shape: BandShape,
        ids: npt.NDArray[np.int64],
        bands: npt.NDArray[np.uint32],
        within: tuple[int, int],
    ) -> None:
        """Put other rows in place of those of a range of ids that was added before.

        Args:
            kb: The knowledge base's number.
            shape: How their signatures are cut.
            ids: int64[k], the patterns of the range that are left.
            bands: uint32[k, bands], their bands.
            within: The id before the range, and the range's last one.
        """
        after, until = within
        self._clickhouse.command(
            "DELETE FROM minhash_bands WHERE kb = {kb:UInt32} AND rows = {rows:UInt8} "
            "AND id > {after:UInt64} AND id <= {until:UInt64} AND position < {bands:UInt8}",
            {"kb": kb, "rows": shape.rows, "bands": shape.bands, "after": after, "until": until},
        )
        # Under a token of its own: the range's is known, and nothing would be inserted.
        self._clickhouse.insert("minhash_bands", _rows(kb, shape, ids, bands), token_hex(16))

    def _know(self, kb: int, shape: BandShape, until: int) -> int:
        self._covered[kb, shape] = until
        return until


def _rows(
    kb: int, shape: BandShape, ids: npt.NDArray[np.int64], bands: npt.NDArray[np.uint32]
) -> pa.Table:
    count = bands.size
    return pa.table(
        {
            "kb": pa.array(np.full(count, kb, np.uint32)),
            "rows": pa.array(np.full(count, shape.rows, np.uint8)),
            "band": pa.array(bands.ravel()),
            "id": pa.array(np.repeat(ids.astype(np.uint64), shape.bands)),
            "position": pa.array(np.tile(np.arange(shape.bands, dtype=np.uint8), len(ids))),
        }
    )


def _typed(coverage: dict[str, int]) -> pa.Table:
    types = {"kb": pa.uint32(), "rows": pa.uint8(), "bands": pa.uint8(), "until": pa.uint64()}
    return pa.table({name: pa.array([coverage[name]], kind) for name, kind in types.items()})
