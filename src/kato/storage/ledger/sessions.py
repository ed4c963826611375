"""Where sessions are kept: one hash each, with a version that guards every step."""

from __future__ import annotations

import time

import msgspec

from kato.storage.ledger.connection import Connection
from kato.storage.ledger.operations import Operation

_ASKED_FOR_MS = 86_400_000


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A session as it is kept.

    Attributes:
        version: Which step made its state.
        kb: Name of its knowledge base.
        state: Its state, encoded; empty if the reader has that version.
        ttl: Seconds it lives on after it was used.
        created_ms: When it began, ms since 1970.
        expires_ms: When it expires, ms since 1970.
        about: What was said about it when it began, encoded.
    """

    version: int
    kb: str
    state: bytes
    ttl: int
    created_ms: int
    expires_ms: int
    about: bytes


class SessionStep(msgspec.Struct, frozen=True):
    """A session's next state, kept by the same script that learns or clears.

    Attributes:
        session: The session's id.
        version: The version the step was computed from; 0 if the session begins with it.
        next_version: The version it makes.
        state: The new state, encoded.
        ttl: Seconds it lives on after it was used, where it begins; else None.
        about: What is said about it, encoded, where it begins.
        slides: Whether it lives on after this step as long as after its first.
    """

    session: str
    version: int
    next_version: int
    state: bytes
    ttl: int | None = None
    about: bytes = b""
    slides: bool = True

    def arguments(self) -> tuple[str | int | bytes, ...]:
        """As scripts take it."""
        return (
            self.session,
            self.version,
            self.next_version,
            int(self.slides),
            self.state,
            "" if self.ttl is None else self.ttl,
            self.about,
        )


class Sessions:
    """Visits, counts and removes sessions; their steps are kept by :class:`Counters`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def visit(self, session: str, known_version: int = 0, *, slides: bool = True) -> Kept | None:
        """The session, which lives on from now; None if it never was, was removed, or expired.

        Args:
            session: Its id.
            known_version: The version the reader has: its state is not sent again.
            slides: Whether a visit lets it live on.
        """
        answer = self._connection.run("visit", session, known_version, int(slides))
        if not answer[0]:
            return None
        version, kb, *others = answer
        return Kept(version, kb.decode(), *others)

    def exists(self, session: str) -> bool:
        """Whether it is there; it lives on no longer for it."""
        return bool(self._connection.command("EXISTS", self._connection.key(f"session:{session}")))

    def knowledge_base(self, session: str) -> str | None:
        """The name of its knowledge base, None if it is not there; it lives on no longer for it."""
        name = self._connection.command("HGET", self._connection.key(f"session:{session}"), "kb")
        return None if name is None else str(name.decode())

    def extend(self, session: str, ttl: int, operation: Operation) -> str | None:
        """Give it another time to live, in seconds, from now on.

        Returns:
            What a repeat of the operation is told; None if the session is not there.
        """
        return _told(
            self._connection.run(
                "extend", operation.id, operation.kept_ms, session, ttl, operation.told
            )
        )

    def remove(self, session: str, operation: Operation) -> str | None:
        """Remove it.

        Returns:
            What a repeat of the operation is told; None if the session was not there.
        """
        return _told(
            self._connection.run("remove", operation.id, operation.kept_ms, session, operation.told)
        )

    def told(self, operation: Operation) -> str | None:
        """What a repeat of the operation is told; None if it was not carried out."""
        answer = self._connection.answer_of(operation.id)
        return None if answer is None else str(msgspec.msgpack.decode(answer)[-1])

    def count(self) -> int:
        """How many there are."""
        now = int(time.time() * 1000)
        return int(
            self._connection.command("ZCOUNT", self._connection.key("sessions"), now, "+inf")
        )

    def expired(self, limit: int = 1000) -> list[str]:
        """Ids of sessions that expired; each is answered once, to whichever worker asks first."""
        return [session.decode() for session in self._connection.run("expired", limit)]

    def tidy(self) -> None:
        """Take those off the list that expired a day ago: nobody asked for them."""
        before = int(time.time() * 1000) - _ASKED_FOR_MS
        self._connection.command(
            "ZREMRANGEBYSCORE", self._connection.key("sessions"), "-inf", before
        )


def _told(answer: bytes) -> str | None:
    was_there, told = msgspec.msgpack.decode(answer, type=tuple[int, str])
    return told if was_there else None
