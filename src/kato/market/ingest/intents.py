"""Intents: which batch of a log somebody is carrying, and where ingest goes on behind it.

Both are kept in one hash of the ledger's server, and each change is one script. A group is who
ingests together: it has one intent at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kato.errors import Conflict
from kato.market.log.records import STREAM, LogReader, Position, Span
from kato.storage.ledger.connection import Connection, packed


class Intent(msgspec.Struct, frozen=True):
    """A batch that somebody is carrying to ClickHouse.

    Attributes:
        spans: Its records: of each partition at most one span, whose offsets are below 2**63.
        token: Under which ClickHouse knows it; never used for another batch.
        accepted: A bit for each of its trades, in order: whether it was new when it was claimed.
        rows: How many rows it is about.
    """

    spans: tuple[Span, ...]
    token: str
    accepted: bytes = b""
    rows: int = 0


class Intents:
    """The intents of a group, and its positions.

    They are as durable as the ledger: the embedded one answers when a change is on disk.

    Args:
        connection: To the ledger.
        group: Who ingests together; any text.
        lets_go: Whether streams of the ledger's server lose what the group is done with.
    """

    def __init__(self, connection: Connection, group: str, *, lets_go: bool = True) -> None:
        self._connection = connection
        self._group = group
        self._lets_go = lets_go
        self._key = connection.key(f"ingest:{group}")

    @classmethod
    def of(cls, connection: Connection, reader: LogReader) -> Intents:
        """Those of who ingests a log; each log has its own, as each has its own offsets.

        Raises:
            StoreUnavailable: The log does not answer.
        """
        name = reader.name
        return cls(connection, name, lets_go=name == STREAM)

    def standing(self) -> Intent | None:
        """The batch that was claimed and is not done; None if there is none.

        Raises:
            StoreUnavailable: The ledger does not answer.
        """
        found = self._connection.command("HGET", self._key, "intent")
        return None if found is None else msgspec.msgpack.decode(found, type=Intent)

    def claim(self, intent: Intent) -> None:
        """Let a batch stand. The same may be claimed again.

        Raises:
            Conflict: Another stands, or the group is not where this one begins, or a backup is
                being taken.
            StoreUnavailable: The ledger does not answer.
        """
        offsets: list[Any] = []
        for span in intent.spans:
            offsets += (_name(span), span.start, span.stop)
        claimed = self._connection.run(
            "ingest_claim", self._group, intent.token, packed(intent), *offsets
        )
        if claimed < 0:
            raise Conflict(
                "a backup is being taken", remedy="ingest goes on by itself when it is done"
            )
        if not claimed:
            raise Conflict(
                f"another process ingests for the group {self._group!a}",
                remedy="carry the batch that stands, or go on from the positions there are now",
            )

    def done(self, intent: Intent) -> None:
        """Say that ClickHouse has the batch: the group goes on behind it. May be said again.

        A log in the ledger's server lets go of its records by the same step.

        Raises:
            StoreUnavailable: The ledger does not answer.
        """
        offsets: list[Any] = []
        for span in intent.spans:
            offsets += (_name(span), span.stop, span.topic)
        lets_go = "1" if self._lets_go else "0"
        self._connection.run("ingest_done", self._group, intent.token, lets_go, *offsets)

    def positions(self) -> dict[Position, int]:
        """Where the group goes on, of each partition it was ever at: the next offset.

        Raises:
            StoreUnavailable: The ledger does not answer.
        """
        found: Mapping[bytes, bytes] = self._connection.command("HGETALL", self._key)
        return {
            msgspec.msgpack.decode(name, type=Position): int(offset)
            for name, offset in found.items()
            if name not in (b"token", b"intent")
        }

    def move(self, position: Position, offset: int) -> None:
        """Go on from another offset, as where records were lost or are to be taken again.

        Raises:
            StoreUnavailable: The ledger does not answer.
        """
        self._connection.command("HSET", self._key, _name(position), offset)


def _name(place: Position | Span) -> bytes:
    """A partition in few bytes, which are no other field's name: a list of two begins it."""
    return packed((place.topic, place.partition))
