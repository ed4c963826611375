"""Patterns by symbol: derived from the table of patterns, for recall in large knowledge bases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from secrets import token_hex

import msgspec
import numpy as np
import numpy.typing as npt

from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.native import Column, columns_of
from kato.storage.clickhouse.patterns import NOT_FORGOTTEN
from kato.storage.clickhouse.signatures import Reaching
from kato.storage.ledger.journal import Sequences

LEAST = 100_000
"""Knowledge bases with fewer patterns have no postings: to scan them is as good."""

RANGE = 16_384
"""Pattern ids that are inserted at once. Postings that exist stand in ranges of this size."""

# All in one block, however large, in one fixed order: its token is then the range's. What is
# forgotten is there too until it is deleted: it may be given back.
_INSERT = """
INSERT INTO postings
    (kb, symbol, shape, id, frequent, others, low_pairs, high_pairs, symbols, event_ends)
SELECT kb, arrayJoin(arrayDistinct(symbols)) AS symbol, shape, id,
    frequent, others, low_pairs, high_pairs,
    if(length(symbols) > 64, [], symbols), if(length(symbols) > 64, [], event_ends)
FROM patterns
WHERE kb = {kb:UInt32} AND id > {after:UInt64} AND id <= {until:UInt64}
ORDER BY kb, symbol, shape, id
SETTINGS insert_deduplication_token = {token:String}, insert_deduplicate = 1,
    deduplicate_insert_select = 'force_enable', max_insert_threads = 1,
    max_insert_block_size = 4294967296, min_insert_block_size_rows = 4294967296,
    min_insert_block_size_bytes = 0
"""


class Wanted(msgspec.Struct, frozen=True):
    """Which postings to read, and what the signatures of their patterns must say.

    Attributes:
        keys: Symbols and shapes; of each pattern one of its symbols stands here with its shape.
        signatures: Those of patterns that may be good enough.
    """

    keys: list[tuple[int, int]]
    signatures: Reaching


class Found(msgspec.Struct, frozen=True, eq=False):
    """What postings said.

    Attributes:
        sequences: Patterns, ids ascending; their names are zeros.
        unread: Ids, ascending, of patterns too long to stand in the postings.
    """

    sequences: Sequences
    unread: list[int]


class PostingTables:
    """Builds and reads the postings.

    Args:
        clickhouse: Where the tables are.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def covered(self, kb: int) -> int:
        """The greatest id up to which the postings hold every pattern; 0 if there are none."""
        return _covered(self._clickhouse, kb)

    def extend(self, kb: int, until: int, progress: Callable[[int], None] = lambda _: None) -> int:
        """Build further, range by range, on a connection of its own.

        A range that was cut off is inserted again under its token, so nothing is there twice.

        Args:
            kb: The knowledge base's number.
            until: An id up to which ClickHouse has every pattern.
            progress: Told after each range what is covered.

        Returns:
            What is covered.

        Raises:
            StoreUnavailable: ClickHouse fails; what is covered stays.
        """
        with closing(self._clickhouse.another()) as clickhouse:
            covered = _covered(clickhouse, kb)
            while until >= LEAST and covered + RANGE <= until:
                _insert(clickhouse, kb, covered, covered + RANGE)
                covered += RANGE
                progress(covered)
            return covered

    def replace(self, kb: int, after: int, until: int) -> None:
        """Put the postings of a range that was built before in their place again."""
        given = {"kb": kb, "after": after, "until": until}
        self._clickhouse.command(
            "DELETE FROM postings WHERE kb = {kb:UInt32} "
            "AND id > {after:UInt64} AND id <= {until:UInt64}",
            given,
        )
        # Under a token of its own: the range's is known, and nothing would be inserted.
        self._clickhouse.command(_INSERT, {**given, "token": token_hex(16)})

    def read(
        self, kb: int, wanted: Wanted, ids: tuple[int, int], limit: int, *, hide: bool
    ) -> Found | None:
        """The patterns under the pairs that may share enough; None if they are too many.

        Args:
            kb: The knowledge base's number.
            wanted: Which.
            ids: They lie behind the first and up to the second.
            limit: Most postings to answer.
            hide: Leave out what is forgotten; not needed where nothing ever was.
        """
        hidden = NOT_FORGOTTEN if hide else "true"
        after, until = ids
        enough, given = wanted.signatures.condition()
        answer = self._clickhouse.native(
            "SELECT id, symbols, event_ends FROM postings "  # noqa: S608 - conditions are ours
            "WHERE kb = {kb:UInt32} AND (symbol, shape) IN "
            "CAST({keys:String}, 'Array(Tuple(UInt32, UInt8))') "
            "AND id > {after:UInt64} AND id <= {until:UInt64} "
            f"AND {enough} AND {hidden} LIMIT {{limit:UInt64}}",
            {
                "kb": kb,
                "after": after,
                "until": until,
                "limit": limit + 1,
                "keys": str(wanted.keys),
                **given,
            },
        )
        columns = columns_of(answer)
        rows = len(columns["id"].values) if columns else 0
        return _found(columns) if rows <= limit else None

    def names(self, kb: int, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """uint8[k, 20], the names of patterns, whose ids ascend; zeros where one is gone."""
        names = np.zeros((len(ids), 20), np.uint8)
        answer = self._clickhouse.native(
            "SELECT id, name FROM patterns WHERE kb = {kb:UInt32} AND id IN {ids:Array(UInt64)}",
            {"kb": kb, "ids": ids.tolist()},
        )
        columns = columns_of(answer)
        if columns:
            places = np.searchsorted(ids, columns["id"].values.astype(np.int64))
            names[places] = columns["name"].values
        return names


def _covered(clickhouse: ClickHouse, kb: int) -> int:
    rows = clickhouse.rows(
        "SELECT max(until) FROM posting_coverage WHERE kb = {kb:UInt32}", {"kb": kb}
    )
    return int(rows[0][0])


def _insert(clickhouse: ClickHouse, kb: int, after: int, until: int) -> None:
    given = {"kb": kb, "until": until}
    clickhouse.command(_INSERT, {**given, "after": after, "token": f"{kb} {after} {until}"})
    clickhouse.command(
        "INSERT INTO posting_coverage (kb, until) VALUES ({kb:UInt32}, {until:UInt64})", given
    )


def _found(columns: dict[str, Column]) -> Found:
    """Each pattern once, by ascending id; it may stand under several symbols."""
    if not columns:
        return Found(Sequences.none(), [])
    ids, first = np.unique(columns["id"].values.astype(np.int64), return_index=True)
    symbols, offsets = _gathered(columns["symbols"], first)
    ends, event_offsets = _gathered(columns["event_ends"], first)
    names = np.zeros((len(ids), 20), np.uint8)
    sequences = Sequences(ids, names, symbols, offsets, ends.astype(np.int32), event_offsets)
    unread = np.diff(offsets) == 0
    if not unread.any():
        return Found(sequences, [])
    return Found(sequences.take(np.flatnonzero(~unread)), ids[unread].tolist())


def _gathered(
    column: Column, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The arrays of some rows in their order, and the offsets of those."""
    assert column.offsets is not None  # noqa: S101 - for the type checker
    starts = column.offsets[rows]
    lengths = column.offsets[rows + 1] - starts
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return column.values[places].astype(np.uint32, copy=False), offsets
