"""``kato rebuild index``: the files of the recall index from the sequences."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from kato.memory import Memory
from kato.recall.index.catalog import FILED
from kato.upkeep.stored import Stored

Progress = Callable[[int, int], None]
"""Told how many pattern ids are indexed, and of how many."""


def rebuild_index(memory: Memory, progress: Progress = lambda _done, _total: None) -> int:
    """Index the patterns of all knowledge bases that are large enough for files anew.

    The smaller ones have their index in the memory of each process only. A call that is cut off
    leaves nothing that is wrong; what is missing is indexed by the recalls that follow.

    Args:
        memory: Whose index.
        progress: Told how far it is.

    Returns:
        How many pattern ids are indexed.

    Raises:
        Conflict: Another process indexes one of them.
        StoreUnavailable: ClickHouse cannot be read.
    """
    memory.flush()
    with closing(memory.clickhouse()) as clickhouse:
        stored = Stored(clickhouse)
        lasts = {kb: stored.last_pattern(kb) for kb in memory.numbers().values()}
    large = {kb: last for kb, last in lasts.items() if last >= FILED}
    done, total = 0, sum(large.values())
    for kb, last in large.items():
        for covered in memory.recall_index().rebuild(kb, last):
            progress(done + covered, total)
        done += last
    return done
