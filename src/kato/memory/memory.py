"""A memory: both stores, and the knowledge bases in them."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Self

from kato.errors import KnowledgeBaseNotFound
from kato.memory.engines import Engines
from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.predicting import Predictor
from kato.memory.vitals import Vitals
from kato.model.event import check_text
from kato.model.statistics import MemoryStatistics
from kato.model.undoable import Undoable
from kato.recall.index.catalog import Catalog
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.ledger.channel import Channel
from kato.storage.ledger.connection import Connection
from kato.storage.ledger.notes import Notes
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.pipeline import Pipeline
from kato.storage.ledger.tail import Tail


def open_memory(
    path: str | os.PathLike[str] | None = None, *, settings: Settings | None = None
) -> Memory:
    """Open a memory.

    Args:
        path: Data directory of embedded stores; made if it is not there.
        settings: In place of the environment's. Without a path they decide: servers where URLs
            are given, else embedded stores in the data directory.

    Raises:
        StoreInUse: Another process owns the data directory.
        StoreUnavailable: A store does not start or answer.
        StoreUnreadable: The data is damaged or foreign.
        StoreTooNew: A newer release wrote it.

    >>> import tempfile
    >>> with open_memory(tempfile.mkdtemp()) as memory:
    ...     kb = memory.knowledge_base("demo")
    ...     _ = kb.learn([["a"], ["b"], ["c"]])
    ...     kb.predict([["a"], ["b"]])[0].future
    [['c']]
    """
    if path is not None:
        settings = settings or Settings.from_environment({**os.environ, **_WITHOUT_SERVERS})
    return Memory(settings or Settings.from_environment(), Path(path) if path else None)


_WITHOUT_SERVERS = {"KATO_CLICKHOUSE_URL": "", "KATO_REDIS_URL": ""}


class Memory:
    """Knowledge bases by name, in stores that run until :meth:`close`. Safe for threads.

    Open one with :func:`kato.open`; it is a context manager.

    Attributes:
        sessions: Where sessions are kept.
        channel: Where processes that share the stores tell each other what happens.
        vitals: How the stores fare.
    """

    def __init__(self, settings: Settings, path: Path | None) -> None:
        engines = Engines(settings, path)
        self._engines = engines
        self.sessions = engines.sessions
        self.channel = Channel(engines.connection)
        self.vitals = Vitals(engines)
        # Also runs at the interpreter's end, so a memory nobody closed leaves no server behind.
        self._close = weakref.finalize(self, engines.close)
        self._predictor = Predictor(
            engines.counters,
            Tail(),
            engines.recall,
            engines.tables,
            engines.writer.step,
            engines.algorithms.arithmetic,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def knowledge_base(self, name: str = "default") -> KnowledgeBase:
        """The knowledge base of that name: any text; it comes to be with its first pattern.

        Raises:
            InvalidSymbol: The name is no text of Unicode scalar values.
        """
        return KnowledgeBase(name, self._engines, self._predictor)

    def knowledge_bases(self) -> list[str]:
        """The names of all knowledge bases, sorted."""
        return self._engines.counters.names()

    def numbers(self) -> dict[str, int]:
        """The number of each knowledge base by its name, in the order of the names."""
        return self._engines.counters.numbers()

    def has_knowledge_base(self, name: str) -> bool:
        """Whether something was learned into a knowledge base of that name."""
        return self._engines.counters.number(name) is not None

    def forget_knowledge_base(self, name: str, *, operation: Operation | None = None) -> None:
        """Forget a knowledge base with all it holds, and that there was one of that name.

        It can be undone for a while, see :meth:`undo`.

        Args:
            name: Its name.
            operation: An operation id that makes a repeat safe.

        Raises:
            KnowledgeBaseNotFound: There is none.
            StoreFull: The journal is full; nothing was forgotten.
        """
        check_text(name, "a knowledge base's name")
        operation = (operation or Operation()).telling(True)
        told = self._engines.counters.remove(name, operation)
        if told is None:
            raise KnowledgeBaseNotFound(
                f"no knowledge base {name[:60]!a}", remedy="it comes to be with its first pattern"
            )
        if operation.is_repeatable:
            operation.answer(told, bool)

    def mark(self, name: str, *, disposable: bool) -> None:
        """Say whether a service may drop a knowledge base for whoever asks, tests and batches too.

        A service drops none that is not marked (``DELETE /nodes/{node}``, an import that replaces).
        The library does what it is told, marked or not. A mark stays until it is taken away.

        Args:
            name: The knowledge base's name; nothing needs to be learned into it yet.
            disposable: Whether it may be dropped.

        >>> import tempfile
        >>> with open_memory(tempfile.mkdtemp()) as memory:
        ...     memory.mark("scratch", disposable=True)
        ...     memory.is_disposable("scratch"), memory.is_disposable("other")
        (True, False)
        """
        check_text(name, "a knowledge base's name")
        marks = self.notes("disposable")
        if disposable:
            marks.agree(name, b"1")
        else:
            marks.remove(name)

    def is_disposable(self, name: str) -> bool:
        """Whether a knowledge base is marked disposable; see :meth:`mark`."""
        check_text(name, "a knowledge base's name")
        return self.notes("disposable").read(name) is not None

    def undo(
        self, name: str, *, replace: bool = False, operation: Operation | None = None
    ) -> Undoable:
        """Give back what a knowledge base lost last; see :meth:`KnowledgeBase.undo`."""
        return self.knowledge_base(name).undo(replace=replace, operation=operation)

    def undoable(self) -> list[Undoable]:
        """What can be undone in all knowledge bases, the last change first; at most 1000."""
        return self._engines.undo.undoable()

    def stats(self) -> MemoryStatistics:
        """What the stores hold."""
        engines = self._engines
        memory = engines.connection.memory()
        return MemoryStatistics(
            knowledge_bases=len(engines.counters.names()),
            journal_entries=engines.journal.waiting(),
            ledger_bytes=memory.dataset,
            ledger_used_bytes=memory.used,
            ledger_limit_bytes=engines.limits.memory,
            disk_bytes=engines.tables.bytes_on_disk(),
        )

    def notes(self, subject: str) -> Notes:
        """What was agreed on for knowledge bases about a subject; not part of their patterns."""
        return Notes(self._engines.connection, subject)

    def clickhouse(self) -> ClickHouse:
        """A connection of its own to ClickHouse; the caller closes it, before the memory."""
        return self._engines.clickhouse()

    def ledger(self) -> Connection:
        """The connection to the ledger; the memory closes it."""
        return self._engines.connection

    def pipeline(self) -> Pipeline | None:
        """A way to ask the ledger from an event loop; None if steps are to go one by one."""
        return self._engines.algorithms.pipeline(self._engines.connection)

    def recall_index(self) -> Catalog:
        """The segments of the recall index."""
        return self._engines.catalog

    def stores(self) -> tuple[str, ...]:
        """The names of the stores, for :meth:`ask`."""
        return ("clickhouse", "ledger")

    def ask(self, store: str) -> None:
        """Ask a store whether it is there.

        Raises:
            StoreUnavailable: It does not answer.
        """
        if store == "ledger":
            self._engines.connection.command("PING")
        else:
            self._engines.tables.ping()

    def announce(self, url: str) -> None:
        """Tell other processes where this one serves its data directory, if it has one."""
        if self._engines.directory is not None:
            self._engines.directory.announce(url)

    def prepare(self) -> None:
        """Get ready to predict: else the first prediction waits for code to be compiled."""
        self._engines.algorithms.prepare()

    def flush(self) -> None:
        """Carry everything to ClickHouse now. Nothing needs it: what is learned is durable."""
        self._engines.flush()

    def close(self) -> None:
        """Stop the stores this memory started and let go of the data directory."""
        self._close()
