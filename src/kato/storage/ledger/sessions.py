"""Where sessions are kept: one hash each, with a version that guards every step."""

from __future__ import annotations

import msgspec

from kato.storage.ledger.connection import SHARD, Connection


class Kept(msgspec.Struct, frozen=True):
    """A session as it is kept.

    Attributes:
        version: Steps taken so far.
        kb: Name of its knowledge base.
        state: Its state, encoded.
    """

    version: int
    kb: str
    state: bytes


class Sessions:
    """Loads and removes sessions; steps are kept by :meth:`Counters.learn`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, session: str) -> Kept | None:
        """The session, or None if it never existed, was removed, or expired."""
        key = f"{SHARD}:session:{session}"
        version, kb, state = self._connection.command("HMGET", key, "version", "kb", "state")
        if version is None:
            return None
        return Kept(int(version), kb.decode(), state)

    def remove(self, session: str) -> bool:
        """Remove the session; False if it was not there."""
        return bool(self._connection.command("DEL", f"{SHARD}:session:{session}"))
