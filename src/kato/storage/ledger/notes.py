"""What was agreed on for a knowledge base: the first to say it decides."""

from __future__ import annotations

from kato.storage.ledger.connection import Connection


class Notes:
    """Texts by the name of a knowledge base, about one subject.

    Args:
        connection: The ledger.
        subject: What they are about.
    """

    def __init__(self, connection: Connection, subject: str) -> None:
        self._connection = connection
        self._key = self._connection.key(f"notes:{subject}")

    def read(self, name: str) -> bytes | None:
        """What was agreed on; None if nothing was."""
        note: bytes | None = self._connection.command("HGET", self._key, name)
        return note

    def agree(self, name: str, note: bytes) -> bytes:
        """Agree on this, unless something is agreed on; answers what is."""
        self._connection.command("HSETNX", self._key, name, note)
        agreed = self.read(name)
        return note if agreed is None else agreed

    def write(self, name: str, note: bytes) -> None:
        """Put this in place of what was agreed on."""
        self._connection.command("HSET", self._key, name, note)

    def remove(self, name: str) -> None:
        """Agree on nothing."""
        self._connection.command("HDEL", self._key, name)
