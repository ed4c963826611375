"""One archive of both stores, as of one moment, taken while learning goes on.

Why it is of one moment:

1. A :class:`~kato.storage.ledger.hold.Hold` lets no new batch be claimed, of the journal or of
   market ingest, and waits for those that stand. From then on ClickHouse holds just what the
   ledger says is done, D, and nothing more reaches it. Learning goes on into the journal.
2. The ledger's server forks and writes itself as of a moment M. That holds all counters and
   sessions at M, and the journal's entries from D to M, as the journal lets go of none before
   ClickHouse has it.
3. The tables are copied; they stand at D. That they did is checked at the end, not believed.

So the ledger at M, the tables at D and the entries between are what a crash at M would have left,
and a start carries the entries to the tables as after any crash. What was acknowledged before the
backup began was in the ledger before M.

What the tables lose meanwhile is void at D already: rows of forgotten patterns and of cleared
knowledge bases, and what retention takes. Tombstones are therefore read before what they hide.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from kato.memory import Memory
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.hold import Hold
from kato.storage.ledger.snapshot import snapshot
from kato.upkeep import archive
from kato.upkeep.archive import LEDGER, Archive, ArchiveWriter, Manifest, Piece, reading, writing
from kato.upkeep.tables import pieces, read_out, tables
from kato.upkeep.upgrade import taken_steps


class Taken(msgspec.Struct, frozen=True):
    """What a backup took.

    Attributes:
        patterns: Patterns in the tables; those of the journal's end come on top.
        written: Bytes that were written.
        taken_over: Bytes that the archive before had already.
    """

    patterns: int
    written: int
    taken_over: int


def backup(memory: Memory, target: Path, since: Path | None = None) -> Taken:
    """Take a backup of a memory, with its sessions and market.

    Args:
        memory: Other processes may use its stores too.
        target: A folder that is not there yet; if its name ends in ``.tar``, a file.
        since: The folder of an earlier archive: what has not changed since is linked, not copied,
            so both archives are whole.

    Raises:
        InvalidInput: The target is there already.
        Conflict: Another backup is being taken, or the stores did not stand still.
        StoreFull: The disk is full.
        StoreUnavailable: A store does not answer, or lets nobody copy it.

    >>> import tempfile, kato
    >>> from kato.settings import Settings
    >>> from kato.upkeep.restore import restore
    >>> folder = Path(tempfile.mkdtemp())
    >>> with kato.open(folder / "data") as memory:
    ...     _ = memory.knowledge_base().learn([["a"], ["b"]])
    ...     _ = backup(memory, folder / "monday")
    >>> _ = restore(folder / "monday", Settings.from_environment({}), folder / "again")
    >>> with kato.open(folder / "again") as memory:
    ...     memory.knowledge_base().stats().patterns
    1
    """
    with ExitStack() as stack:
        before = stack.enter_context(reading(since)) if since else None
        clickhouse = stack.enter_context(closing(memory.clickhouse()))
        writer = stack.enter_context(writing(target, before))
        copied = _copied(memory, clickhouse, writer, before)
        writer.finish(_manifest(memory, clickhouse, copied, before))
    patterns = sum(piece.rows for piece in copied if piece.table == "patterns")
    return Taken(patterns, writer.written, writer.taken_over)


def _copied(
    memory: Memory, clickhouse: ClickHouse, writer: ArchiveWriter, before: Archive | None
) -> list[Piece]:
    """Copy both stores as of one moment; answers the pieces of the tables."""
    known = set(before.manifest().pieces) if before else set()
    copied: list[Piece] = []
    with Hold(memory.ledger()) as hold:
        writer.write(LEDGER, snapshot(memory.ledger()))
        for table in tables(clickhouse):
            for piece in pieces(clickhouse, table):
                if piece in known:
                    writer.take_over(piece.file)
                else:
                    writer.write(piece.file, read_out(clickhouse, table, piece))
                copied.append(piece)
        hold.check()
    return copied


def _manifest(
    memory: Memory, clickhouse: ClickHouse, copied: list[Piece], before: Archive | None
) -> Manifest:
    return Manifest(
        format=archive.FORMAT,
        id=secrets.token_hex(16),
        release=metadata.version("kato"),
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        since=before.manifest().id if before else None,
        migrations=taken_steps(clickhouse),
        ledger_format=memory.ledger().format(),
        ledger_database=memory.ledger().database,
        ledger_shard=memory.ledger().shard,
        pieces=copied,
    )
