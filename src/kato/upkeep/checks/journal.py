"""The journal: all that waits is accounted for."""

from __future__ import annotations

from collections.abc import Iterator

from kato.storage.ledger.connection import Connection
from kato.upkeep.difference import Difference, Found


def journal_differences(connection: Connection) -> Iterator[Found]:
    """What does not add up; nothing of this can be mended."""
    told = connection.run("audit_journal")
    (
        sequence,
        size,
        done,
        done_bytes,
        intent_first,
        intent_last,
        waiting,
        first,
        last,
        last_bytes,
    ) = told
    yield from _compared("entries that wait", waiting, sequence - done)
    if waiting:
        yield from _compared("first entry", first, done + 1)
        yield from _compared("last entry", last, sequence)
        yield from _compared("bytes up to the last entry", last_bytes, size)
    else:
        yield from _compared("bytes that wait", size - done_bytes, 0)
    if intent_first:
        yield from _compared("first entry of the intent", intent_first, done + 1)
        yield from _compared("last entry of the intent", intent_last, min(intent_last, sequence))


def _compared(what: str, stored: int, expected: int) -> Iterator[Found]:
    if stored != expected:
        yield Found(Difference("journal", None, what, str(stored), str(expected)))
