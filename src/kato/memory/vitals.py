"""How the stores of a memory fare, for whoever watches over it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kato.memory.engines import Engines
from kato.storage.ledger.connection import MemoryInUse
from kato.storage.traffic import Traffic


class Journal(msgspec.Struct, frozen=True):
    """What waits for ClickHouse, and how it is carried there.

    Attributes:
        entries: Steps that wait.
        bytes: Their size.
        batches: Batches this process has carried.
        failures: Times this process could not carry one.
        written_at: When it carried the last one, s since 1970; None if it has not yet.
    """

    entries: int
    bytes: int
    batches: int
    failures: int
    written_at: float | None


class Vitals:
    """Asks the stores of a memory how they fare. Safe for threads.

    Each method raises StoreError where a store does not answer.

    Args:
        engines: The stores.

    >>> import tempfile, kato
    >>> with kato.open(tempfile.mkdtemp()) as memory:
    ...     _ = memory.knowledge_base().learn([["a"], ["b"]])
    ...     memory.flush()
    ...     memory.vitals.journal().entries, memory.vitals.journal().batches
    (0, 1)
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def traffic(self) -> Mapping[str, Traffic]:
        """By store, what this process asked of it; counts on by itself."""
        engines = self._engines
        return {"clickhouse": engines.tables.traffic, "ledger": engines.connection.traffic}

    def journal(self) -> Journal:
        """What waits for ClickHouse."""
        engines = self._engines
        writer = engines.writer
        return Journal(
            engines.journal.waiting(),
            engines.journal.waiting_bytes(),
            writer.batches,
            writer.failures,
            writer.written_at,
        )

    def ledger_memory(self) -> MemoryInUse:
        """Memory of the ledger's server."""
        return self._engines.connection.memory()

    def ledger_limit(self) -> int:
        """Bytes the ledger's server may use before learning is refused; 0 is no limit."""
        return self._engines.limits.memory

    def disk_bytes(self) -> int:
        """ClickHouse's data on disk."""
        return self._engines.tables.bytes_on_disk()

    def ledger_connections(self) -> tuple[int, int]:
        """Connections of this process to the ledger that are in use, and that are open."""
        return self._engines.connection.connections()
