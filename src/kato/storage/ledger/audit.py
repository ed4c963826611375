"""What the ledger holds, asked so that it can be compared with ClickHouse while others learn.

While the journal is held, ClickHouse stands still, and what is learned meanwhile is in the journal.
Each answer says up to which of its entries it counts.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.errors import Conflict
from kato.storage.ledger.connection import Connection, packed
from kato.storage.ledger.journal import (
    Entry,
    State,
    decoded,
    unpacked_emotives,
    unpacked_metadata,
    unpacked_records,
)

IntArray = npt.NDArray[np.int64]

HOLD_MS = 30_000
"""How long the journal is held unless it is held on: nobody waits longer for one that died."""

WAIT_SECONDS = 60.0


class Gone(Exception):
    """The knowledge base was cleared or forgotten meanwhile."""


class HeldPatterns(msgspec.Struct, frozen=True):
    """What the ledger holds of some patterns at one moment.

    Attributes:
        sequence: The journal's last entry that counts.
        ids: Pattern id by name asked for, 0 where there is none.
        frequencies: Frequency by id asked for, 0 where there is none.
        entries: By block of 64 ids, how many frequencies it has.
        parts: ``emotives``, ``metadata`` and ``felt``: by id asked for, as packed, or empty; none
            at all where no pattern has any.
    """

    sequence: int
    ids: list[int]
    frequencies: list[int]
    entries: list[int]
    parts: dict[str, list[bytes]]

    def state(self, place: int) -> State:
        """What the pattern at a place carries."""
        emotives, metadata, felt = (
            self.part(name, place) for name in ("emotives", "metadata", "felt")
        )
        return State(
            unpacked_records(emotives) if emotives else [],
            unpacked_metadata(metadata) if metadata else {},
            unpacked_emotives(felt) if felt else {},
        )

    def part(self, name: str, place: int) -> bytes:
        """A part of that, as packed; empty where there is none."""
        return self.parts[name][place] if self.parts[name] else b""


class HeldSymbols(msgspec.Struct, frozen=True):
    """What the ledger holds of some symbols at one moment.

    Attributes:
        sequence: The journal's last entry that counts.
        ids: Symbol id by text asked for, as kept, or empty.
        counts: By id asked for, as kept, or empty.
        affinities: By id asked for, as packed, or empty.
        inherited: Likewise, the part of them that came with a move.
    """

    sequence: int
    ids: list[bytes]
    counts: list[bytes]
    affinities: list[bytes]
    inherited: list[bytes]


class HeldTotals(msgspec.Struct, frozen=True):
    """A knowledge base's totals at one moment, and how many entries its hashes have.

    Attributes:
        sequence: The journal's last entry that counts.
        totals: By field of the totals.
        entries: By hash; those of names are added up over its buckets.
    """

    sequence: int
    totals: dict[str, int]
    entries: dict[str, int]


class Fix(msgspec.Struct, frozen=True):
    """A field that is to be set right.

    Attributes:
        key: The hash behind the number; empty for the totals, ``name`` for that of a name's bucket.
        field: The field.
        seen: What it held; empty if nothing.
        should: What it shall hold; empty to remove it.
    """

    key: str
    field: bytes | str | int
    seen: bytes | str | int
    should: bytes | str | int


class Audit:
    """Asks for one knowledge base.

    Args:
        connection: The ledger.
        name: The knowledge base's name.
        kb: Its number. Once the name has another one, everything raises :class:`Gone`.

    Attributes:
        name: As given.
        kb: As given.
    """

    def __init__(self, connection: Connection, name: str, kb: int) -> None:
        self._connection = connection
        self.name = name
        self.kb = kb

    def patterns(
        self, names: bytes, ids: Sequence[int], first_block: int, last_block: int
    ) -> HeldPatterns:
        """What is held of patterns; of the blocks, how many frequencies they have.

        Args:
            names: 20 bytes a pattern.
            ids: Their ids.
            first_block: The first block of 64 ids.
            last_block: The last one.
        """
        sequence, numbers, *parts = self._ask(
            "audit_patterns", names, packed(list(ids)), first_block, last_block
        )
        found, frequencies, entries = msgspec.msgpack.decode(
            numbers, type=tuple[list[int], list[int], list[int]]
        )
        by_name = dict(zip(("emotives", "metadata", "felt"), parts, strict=True))
        return HeldPatterns(sequence, found, frequencies, entries, by_name)

    def symbols(self, texts: dict[int, str]) -> HeldSymbols:
        """What is held of symbols, by id and text."""
        ids = packed(list(texts)), packed(list(texts.values()))
        return HeldSymbols(*self._ask("audit_symbols", *ids))

    def totals(self) -> HeldTotals:
        """What is held of the whole."""
        sequence, *numbers = self._ask("audit_totals")
        totals = dict(zip(_TOTALS, numbers, strict=False))
        return HeldTotals(
            sequence, totals, dict(zip(_HASHES, numbers[len(_TOTALS) :], strict=True))
        )

    def mend(self, fixes: Sequence[Fix]) -> int:
        """Set fields right that still are what was seen; answers how many are right now."""
        arguments = [(fix.key, fix.field, fix.seen, fix.should) for fix in fixes]
        flat = [each for fix in arguments for each in fix]
        return int(self._connection.run("mend", self.name, self.kb, *flat))

    def _ask(self, script: str, *arguments: object) -> list[Any]:
        answer: list[Any] = self._connection.run(script, self.name, self.kb, *arguments)
        if answer[0] == -1:
            raise Gone
        return answer


_TOTALS = (
    *("patterns", "frequencies", "symbols", "occurrences"),
    *("next_pattern", "next_symbol", "forgotten", "restored"),
)
_HASHES = ("name", "symbol", "count", "affinity", "emotives", "metadata", "felt")


class HeldJournal:
    """The journal while it is held.

    Attributes:
        done: The last sequence ClickHouse has, as long as it is held.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._token = secrets.token_hex(16)
        self.done = 0

    def hold(self) -> bool:
        """Hold it, or hold it on; whether ClickHouse stands still by now.

        Raises:
            Conflict: It was not held on in time.
        """
        is_held, done, intent = self._connection.run("hold", self._token, HOLD_MS)
        if self.done and is_held == 1 and (done != self.done or intent):
            raise Conflict("the journal was let go of too early", remedy="run it again")
        if is_held == 1 and not intent:
            self.done = done
        return is_held == 1 and not intent

    def release(self) -> None:
        """Let go of it."""
        self._connection.run("hold", self._token, 0)

    def entries(self, after: int, until: int) -> list[Entry]:
        """The entries behind a sequence, up to another."""
        if until <= after:
            return []
        key = self._connection.key("journal")
        raw = self._connection.command("XRANGE", key, f"{after + 1}-0", f"{until}-0")
        return [decoded(entry) for entry in raw]


@contextmanager
def held(connection: Connection, carry: Callable[[], object]) -> Iterator[HeldJournal]:
    """Hold the journal for a while.

    Args:
        connection: The ledger.
        carry: Carries what was claimed to ClickHouse, if nobody else does.

    Raises:
        Conflict: Somebody else holds it, for long.
    """
    journal = HeldJournal(connection)
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while not journal.hold():
            if time.monotonic() > deadline:
                raise Conflict("somebody else holds the journal", remedy="try again later")
            carry()
            time.sleep(0.01)
        yield journal
    finally:
        journal.release()
