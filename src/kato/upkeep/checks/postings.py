"""The postings of a knowledge base against its patterns; ClickHouse compares them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kato.storage.clickhouse import postings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.postings import PostingTables
from kato.upkeep.difference import Difference, Found

IDS_AT_ONCE = 1 << 20
"""Pattern ids that are compared at a time."""

_RANGE = "kb = {kb:UInt32} AND id > {after:UInt64} AND id <= {until:UInt64}"
# What stands in a posting as one number, added up: the order of rows makes no difference. Forgotten
# patterns have their postings as long as they have a row: they may be given back.
_POSTED = f"""
SELECT intDiv(id - 1, {{range:UInt64}}) AS part, sum(cityHash64(
    symbol, shape, id, frequent, others, low_pairs, high_pairs, symbols, event_ends))
FROM postings WHERE {_RANGE} AND id IN (SELECT id FROM patterns WHERE {_RANGE})
GROUP BY part
"""  # noqa: S608 - no value is written into it
_EXPECTED = f"""
SELECT intDiv(id - 1, {{range:UInt64}}) AS part, sum(cityHash64(
    arrayJoin(arrayDistinct(symbols)), shape, id, frequent, others, low_pairs, high_pairs,
    if(length(symbols) > 64, [], symbols), if(length(symbols) > 64, [], event_ends)))
FROM patterns WHERE {_RANGE} GROUP BY part
"""  # noqa: S608 - no value is written into it


def posting_differences(clickhouse: ClickHouse, kb: int, name: str) -> Iterator[Found]:
    """Ranges of patterns whose postings are not those of their symbols."""
    covered = PostingTables(clickhouse).covered(kb)
    for after in range(0, covered, IDS_AT_ONCE):
        until = min(after + IDS_AT_ONCE, covered)
        for part in _differing(clickhouse, kb, after, until):
            start, stop = part * postings.RANGE, (part + 1) * postings.RANGE
            # What was deleted between the two statements is not there any more: look again.
            if _differing(clickhouse, kb, start, stop):
                where = f"pattern ids {start + 1} to {stop}"
                texts = ("other postings", "those of the symbols")
                difference = Difference("postings", name, where, *texts)
                mend = partial(PostingTables(clickhouse).replace, kb, start, stop)
                yield Found(difference, mend=mend)


def _differing(clickhouse: ClickHouse, kb: int, after: int, until: int) -> list[int]:
    """Which ranges differ, by their number from 0."""
    given = {"kb": kb, "after": after, "until": until, "range": postings.RANGE}
    posted = dict(clickhouse.rows(_POSTED, given))
    expected = dict(clickhouse.rows(_EXPECTED, given))
    return sorted(part for part in {*posted, *expected} if posted.get(part) != expected.get(part))
