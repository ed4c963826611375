"""The ledger while it is rebuilt: nothing is changed but by the one process that rebuilds it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from kato.errors import Conflict, StoreUnreadable
from kato.storage.ledger.connection import Connection, packed
from kato.storage.ledger.journal import State

IntArray = npt.NDArray[np.int64]

SILENT_MS = 60_000
"""How long the process that rebuilds may be silent before another one may take over."""

FILL = 40
"""Patterns a name bucket holds on average, as in ``shared.lua``."""

DONE = -1
"""How far a knowledge base is put back that is whole."""

Fields = list[bytes | str | int]
"""Of a hash: a field, its value, and so on."""


class Restored(msgspec.Struct, frozen=True):
    """Some of what a knowledge base had, to be put back in one step.

    Attributes:
        kb: The knowledge base's number.
        buckets: Its name buckets.
        until: How far it is put back with this.
        names: 20 bytes a pattern.
        ids: Their ids.
        frequencies: Their frequencies.
        hashes: By key behind the shard, more fields.
    """

    kb: int
    buckets: int
    until: int
    names: bytes = b""
    ids: list[int] = []
    frequencies: list[int] = []
    hashes: Mapping[str, Fields] = {}


class LedgerRebuild:
    """Rebuilds a ledger, in steps that may be taken again.

    Args:
        connection: The ledger.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._token = secrets.token_hex(16)

    def begin(self, *, alone: bool = False) -> dict[int, int]:
        """Refuse changes from now on; answers by number how far each was put back before.

        Args:
            alone: No other process can use the ledger, so one that rebuilt it is gone.

        Raises:
            StoreUnreadable: The ledger is not empty.
            Conflict: Another process rebuilds it, or did until a minute ago.
        """
        outcome, *told = self._connection.run("rebuild_begin", self._token, SILENT_MS, int(alone))
        if outcome == 0:
            raise StoreUnreadable(
                "the ledger is not empty: it holds more than can be rebuilt",
                remedy="use kato verify --repair; only a ledger whose files are gone is rebuilt",
            )
        if outcome < 0:
            raise self._taken_over()
        fields = zip(told[::2], told[1::2], strict=True)
        return {int(kb): int(until) for kb, until in fields if kb != b"since"}

    def step(self, restored: Restored) -> None:
        """Put something back.

        Raises:
            Conflict: Another process has taken over.
        """
        sizes = [part for key, fields in restored.hashes.items() for part in (key, len(fields))]
        self._told(
            self._connection.run(
                "rebuild_step",
                self._token,
                SILENT_MS,
                restored.kb,
                restored.buckets,
                restored.names,
                packed(restored.ids),
                packed(restored.frequencies),
                restored.until,
                packed(sizes),
                *(value for fields in restored.hashes.values() for value in fields),
            )
        )

    def end(self, store: str, last_kb: int, sequence: int) -> None:
        """Say that all is put back; changes are taken again.

        Args:
            store: The id that both stores carry.
            last_kb: The last number that was given to a knowledge base.
            sequence: Where the journal goes on: no version may be above it.

        Raises:
            Conflict: Another process has taken over.
        """
        self._told(self._connection.run("rebuild_end", self._token, store, last_kb, sequence))

    def _told(self, outcome: int) -> None:
        if not outcome:
            raise self._taken_over()

    def _taken_over(self) -> Conflict:
        return Conflict(
            "another process rebuilds the ledger",
            remedy=f"let it; if it was killed, wait {SILENT_MS // 1000} s and run it again",
        )


def packed_counts(frequencies: IntArray, members: IntArray) -> list[bytes]:
    """Counts of symbols as ``pack_count`` of the scripts packs them.

    >>> packed_counts(np.array([257]), np.array([2]))[0].hex()
    '010100000000020000000000'
    """
    numbers = np.stack([frequencies, members], axis=1).astype("<i8")
    data = numbers.view(np.uint8).reshape(len(frequencies), 2, 8)[:, :, :6].tobytes()
    return [data[at : at + 12] for at in range(0, len(data), 12)]


def state_fields(states: Mapping[int, State]) -> dict[str, Fields]:
    r"""What patterns carry as the scripts keep it: by hash, pattern ids and values.

    >>> state_fields({7: State([], {"day": ["1"]}, {})})
    {'emotives': [], 'metadata': [7, b'\x81\xa3day\x91\xa11'], 'felt': []}
    """
    fields: dict[str, Fields] = {"emotives": [], "metadata": [], "felt": []}
    for pattern, state in states.items():
        for part, value in packed_state(state).items():
            if value:
                fields[part] += [pattern, value]
    return fields


def packed_state(state: State) -> dict[str, bytes]:
    """By hash, what it holds of a pattern; nothing where there is nothing."""
    records = [msgspec.json.encode(record).decode() for record in state.emotives]
    parts = {"emotives": records, "metadata": state.metadata, "felt": state.felt}
    return {part: packed(value) if value else b"" for part, value in parts.items()}
