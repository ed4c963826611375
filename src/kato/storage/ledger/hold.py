"""A hold: ClickHouse stands still while it is copied, and learning goes on into the journal."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from typing import Self

import msgspec

from kato.errors import Conflict, StoreError
from kato.storage.ledger.connection import Connection

HELD_MS = 60_000
"""How long a hold lasts that nobody renews: its holder was killed."""

RENEWED_SECONDS = 10.0
SETTLING_SECONDS = 60.0


class Carried(msgspec.Struct, frozen=True):
    """How far ClickHouse is: while it says the same and nothing stands, no batch reached a table.

    Attributes:
        done: The journal's last sequence that ClickHouse has.
        ingested: By group of market ingest, its hash: where it goes on, and the batch that stands.
        stands: Whether a batch is being carried.
    """

    done: int
    ingested: dict[bytes, dict[bytes, bytes]]
    stands: bool


class Hold:
    """While it is open, no new batch is claimed from the journal or from a log.

    What stands is carried to its end first. If it is lost, say because the process slept, that is
    an error: what was copied meanwhile is of no one moment.

    Args:
        connection: The ledger.

    Raises:
        Conflict: Another backup is being taken, or a batch of ingest stands that nobody carries.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holder = secrets.token_hex(16)
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="kato-hold", daemon=True)

    def __enter__(self) -> Self:
        self._begin()
        self._thread.start()
        try:
            self._carried = self._settled()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def check(self) -> None:
        """Make sure that nothing reached ClickHouse since the hold began.

        Raises:
            Conflict: Something did.
        """
        if self._now() != self._carried:
            raise Conflict(
                "the hold was lost: ClickHouse was written to while it was copied",
                remedy="take the backup again",
            )

    def _begin(self) -> None:
        deadline = time.monotonic() + SETTLING_SECONDS
        while (state := self._held()) < 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        if state != 1:
            raise Conflict(
                "another backup is being taken, or ClickHouse gets nothing",
                remedy="wait for it; one that was killed is in the way for "
                f"{HELD_MS // 1000} s where the ledger is a server",
            )

    def _settled(self) -> Carried:
        deadline = time.monotonic() + SETTLING_SECONDS
        while (carried := self._now()).stands:
            if time.monotonic() > deadline:
                raise Conflict(
                    "a batch was begun that nobody carries to its end",
                    remedy="run kato market ingest, or open the memory, until it is carried",
                )
            time.sleep(0.01)
        return carried

    def _now(self) -> Carried:
        key = self._connection.key("journal:state")
        done, intent = self._connection.command("HMGET", key, "done", "intent_token")
        groups = sorted(self._connection.command("SMEMBERS", self._connection.key("ingests")))
        keys = [self._connection.key("ingest:").encode() + group for group in groups]
        found = self._connection.pipelined([("HGETALL", key) for key in keys])
        ingested = {group: dict(fields) for group, fields in zip(groups, found, strict=True)}
        stands = intent is not None or any(b"token" in fields for fields in ingested.values())
        return Carried(int(done or 0), ingested, stands)

    def _renew(self) -> None:
        while not self._released.wait(RENEWED_SECONDS):
            with suppress(StoreError):  # if it was lost by that, the check tells
                self._held()

    def _held(self) -> int:
        return int(self._connection.run("hold", self._holder, HELD_MS)[0])

    def _release(self) -> None:
        self._released.set()
        self._thread.join()
        self._connection.run("hold", self._holder, 0)


def let_go(connection: Connection) -> None:
    """End a hold, whoever has it: for the one process that may use the ledger, at its start."""
    connection.command("DEL", connection.key("held"))
