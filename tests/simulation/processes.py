"""Processes of KATO: the real parts of a memory, over the simulated network.

What a process is made of is what :class:`kato.memory.engines.Engines` starts, less what starts and
finds the stores.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from tests.simulation.clickhouse import Reaching
from tests.simulation.network import SCRIPTS, Network, Wire
from tests.simulation.scheduler import Scheduler, Task

import kato
from kato.memory.algorithms import Algorithms
from kato.memory.engines import Engines
from kato.memory.knowledge_base import KnowledgeBase
from kato.memory.predicting import Predictor
from kato.memory.vocabulary import Vocabulary
from kato.recall.scan import Scan
from kato.storage.batches import Writer
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.ledger.connection import Connection
from kato.storage.ledger.counters import Counters
from kato.storage.ledger.journal import Journal
from kato.storage.ledger.sessions import Sessions
from kato.storage.ledger.tail import Tail

JOURNAL_BYTES = 1 << 20
KNOWLEDGE_BASE = "kb"


def connected(wire: Wire) -> Connection:
    """The ledger, as a process asks it."""
    connection = Connection(wire.client(), _no_event_loop)
    for name, script in connection._scripts.items():
        wire.ask("SCRIPT", "LOAD", script.script)
        SCRIPTS[script.sha] = name
    return connection


def _no_event_loop() -> Any:
    raise NotImplementedError


class Process:
    """A process that dies and begins anew.

    Args:
        name: For the trace.
        connection: The ledger, which outlives the process: it remembers nothing.
        clickhouse: ClickHouse.

    Attributes:
        name: For the trace.
        kb: The knowledge base.
        writer: Carries its batches, when its task does.
        sessions: Sessions it knows.
    """

    def __init__(self, name: str, connection: Connection, clickhouse: Reaching) -> None:
        self.name = name
        self.connection = connection
        self._clickhouse = clickhouse
        self.begin()

    def begin(self) -> None:
        """Know nothing but where the stores are."""
        counters = Counters(self.connection, JOURNAL_BYTES)
        tables = cast(PatternTables, self._clickhouse)
        sink = PatternSink(cast(Any, self._clickhouse))
        self.journal = Journal(self.connection)
        self.writer = Writer(self.journal, sink, 1.0, lambda: self._keep_up(sink))
        engines = SimpleNamespace(
            algorithms=Algorithms([]),
            counters=counters,
            sessions=Sessions(self.connection),
            tables=tables,
            writer=self.writer,
        )
        predictor = Predictor(counters, Tail(), Scan(tables), tables, Vocabulary(tables))
        self.kb = KnowledgeBase(KNOWLEDGE_BASE, cast(Engines, engines), predictor)
        self.counters = counters
        self.sessions: dict[str, kato.Session] = {}

    def session(self, name: str, config: dict[str, Any]) -> kato.Session:
        """The session, opened or made by the first who asks for it."""
        if name not in self.sessions:
            self.sessions[name] = kato.Session(self.kb, name, **config)
        return self.sessions[name]

    def _keep_up(self, sink: PatternSink) -> None:
        """As :class:`kato.memory.engines.Engines` has its writer do it."""
        sink.purge(self.journal.done_until())
        while self.counters.drop_some():
            pass


class Processes:
    """All processes, and a task for the writer of each.

    Args:
        scheduler: Decides who goes on.
        network: What they send goes through it.
        started: The processes.
    """

    def __init__(self, scheduler: Scheduler, network: Network, started: list[Process]) -> None:
        self._scheduler = scheduler
        self._network = network
        self.started = started
        for process in started:
            self._start_writer(process)

    def any(self) -> Process:
        """One of them."""
        return self._scheduler.random.choice(self.started)

    def crash(self) -> None:
        """Let one die, in the middle of whatever it does, and begin anew."""
        process = self.any()
        self._scheduler.trace.append(f"{process.name} dies")
        for task in self._scheduler.tasks:
            if task.process is process:
                task.dead = True
        self._network.forget_some(process)
        process.begin()
        self._start_writer(process)

    def _start_writer(self, process: Process) -> None:
        writer = process.writer

        def write() -> None:
            while True:
                self._scheduler.sleep()
                writer._carry_all()

        task = Task(f"writer of {process.name}", write)
        task.process = process
        self._scheduler.start(task)
