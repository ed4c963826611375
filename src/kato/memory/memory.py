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
from kato.memory.vocabulary import Vocabulary
from kato.model.event import check_text
from kato.model.statistics import MemoryStatistics
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
        tail, vocabulary = Tail(), Vocabulary(engines.tables)
        self._predictor = Predictor(
            engines.counters,
            tail,
            engines.recall,
            engines.tables,
            vocabulary,
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

    def has_knowledge_base(self, name: str) -> bool:
        """Whether something was learned into a knowledge base of that name."""
        return self._engines.counters.number(name) is not None

    def forget_knowledge_base(self, name: str, *, operation: Operation | None = None) -> None:
        """Forget a knowledge base with all it holds, and that there was one of that name.

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

    def stats(self) -> MemoryStatistics:
        """What the stores hold."""
        engines = self._engines
        return MemoryStatistics(
            knowledge_bases=len(engines.counters.names()),
            journal_entries=engines.journal.waiting(),
            ledger_bytes=engines.counters.memory(),
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
