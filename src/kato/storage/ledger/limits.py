"""When the ledger refuses changes, and how long it holds what was taken away."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a ledger.

    Attributes:
        journal: Bytes the journal may hold before changes are refused.
        memory: Bytes the server may use before learning is refused; 0 is no limit.
        undo_ms: How long what is cleared or forgotten can be given back, in ms; 0 is not at all.
    """

    journal: int
    memory: int = 0
    undo_ms: int = 0
