"""One schedule from its beginning to its end, and the smallest one that fails the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
from structlog.testing import capture_logs
from tests.simulation.audit import audit
from tests.simulation.calls import KINDS, Call, drawn
from tests.simulation.clickhouse import WINDOW, Reaching, Tables
from tests.simulation.network import Network, Wire
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.processes import Process, Processes
from tests.simulation.scheduler import ProcessDied, Scheduler, Task

from kato.errors import KatoError, StoreUnavailable
from kato.storage import batches
from kato.storage.batches import BATCH_ROWS
from kato.storage.ledger.connection import Connection

MOST_PROCESSES = 3
ATTEMPTS = 4
"""How often a client asks for the same."""

LONG = 0.05
"""How many of the schedules are long, and last long enough for writers to purge."""

SHRINKING_RUNS = 300


class Plan(msgspec.Struct, frozen=True):
    """What is to happen; in which order, the seed decides.

    Attributes:
        seed: The seed.
        clients: What each client does, one after the other.
        processes: How many processes there are.
        loss: How many requests get lost in some way, 0 to 1.
        crashes: How many processes die at the most.
        batch_rows: Patterns in a batch at the most.
        longest_sleep: Seconds that a sleep lasts at the most. Writers purge once a minute.
    """

    seed: str
    clients: list[list[tuple[int, str, tuple[Any, ...]]]]
    processes: int
    loss: float
    crashes: int
    batch_rows: int
    longest_sleep: float

    @classmethod
    def of(cls, number: int) -> Plan:
        """The plan of a seed."""
        random = Random(f"plan {number}")
        is_long = random.random() < LONG
        calls = drawn(random, random.randint(15, 25) if is_long else random.randint(3, 7))
        clients = random.randint(1, 3)
        return cls(
            seed=f"schedule {number}",
            clients=[
                [(call.number, call.kind, call.arguments) for call in calls[client::clients]]
                for client in range(clients)
            ],
            processes=random.choice((1, 2, 2, MOST_PROCESSES)),
            loss=random.choice((0.0, 0.05, 0.2)),
            crashes=random.choice((0, 1, 2)),
            batch_rows=random.choice((2, BATCH_ROWS)),
            longest_sleep=200.0 if is_long else 1.0,
        )

    def smaller(self) -> list[Plan]:
        """Plans with something less."""
        plans = [msgspec.structs.replace(self, loss=0.0)] if self.loss else []
        plans += [msgspec.structs.replace(self, crashes=self.crashes - 1)] if self.crashes else []
        if self.processes > 1:
            plans.append(msgspec.structs.replace(self, processes=self.processes - 1))
        for i, calls in enumerate(self.clients):
            for j in range(len(calls)):
                fewer = [*self.clients[:i], calls[:j] + calls[j + 1 :], *self.clients[i + 1 :]]
                plans.append(msgspec.structs.replace(self, clients=fewer))
        return plans


class World:
    """A ledger, and as many ways to it as there are processes; schedules use it in turn.

    Args:
        wire: The ledger.
        connections: A way to it for each process, and one for the audit.
        window: Tokens that a table of ClickHouse knows.
    """

    def __init__(self, wire: Wire, connections: list[Connection], window: int = WINDOW) -> None:
        self.wire = wire
        self.connections = connections
        self.window = window

    def outcome(self, plan: Plan) -> Outcome:
        """Run a plan."""
        self.wire.ask("FLUSHALL")
        return _Run(self, plan).outcome()

    def smallest(self, plan: Plan) -> Outcome:
        """The outcome of the smallest plan found that fails, where this one does."""
        best, runs = self.outcome(plan), 0
        candidates = plan.smaller()
        while candidates and runs < SHRINKING_RUNS:
            runs += 1
            tried = self.outcome(candidates.pop(0))
            if tried.violation is not None:
                best, candidates = tried, tried.plan.smaller()
        return best


class Outcome(msgspec.Struct, frozen=True):
    """What became of a plan.

    Attributes:
        plan: The plan.
        violation: What did not hold; None if all did.
        trace: What happened.
    """

    plan: Plan
    violation: str | None
    trace: list[str]

    def __str__(self) -> str:
        steps = "\n".join(self.trace)
        return f"{self.violation}\nplan: {self.plan}\ntrace:\n{steps}"


class _Run:
    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._crashes = plan.crashes
        self._scheduler = Scheduler(plan.seed, plan.longest_sleep)
        self._network = Network(self._scheduler, plan.loss)
        self._tables = Tables(world.window)
        self._oracle = Oracle(world.wire)
        self._network.carried_out = self._oracle.carried_out
        self._scheduler.events = self._events
        self._clients = [
            Task(f"client {number}", lambda calls=calls: self._act([Call(*c) for c in calls]))  # type: ignore[misc]
            for number, calls in enumerate(plan.clients, 1)
        ]

    def outcome(self) -> Outcome:
        violation = None
        try:
            with self._surroundings():
                self._simulate()
            auditor = Process("audit", self._world.connections[-1], Reaching(self._tables, None))
            audit(auditor, self._tables, self._oracle.model.memory)
        except Violation as error:
            violation = str(error)
        except Exception as error:  # noqa: BLE001 - any other failure is one of the code under test
            violation = f"{type(error).__name__}: {error}"
        return Outcome(self._plan, violation, self._scheduler.trace)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Everything that is not as it is elsewhere, beside the network."""
        with (
            self._scheduler.replacing_time(),
            patch.object(batches, "BATCH_ROWS", self._plan.batch_rows),
            capture_logs(),
        ):
            yield

    def _simulate(self) -> None:
        self._world.wire.network = self._network
        try:
            reaching = Reaching(self._tables, self._network)
            started = [
                Process(f"process {number}", connection, reaching)
                for number, connection in enumerate(
                    self._world.connections[: self._plan.processes], 1
                )
            ]
            self._processes = Processes(self._scheduler, self._network, started)
            for client in self._clients:
                self._scheduler.start(client)
            self._scheduler.run(lambda: all(client.finished for client in self._clients))
        finally:
            self._scheduler.end()
            self._world.wire.network = None
        for request in self._network.pending:  # what was under way arrives, or does not
            if self._scheduler.random.random() < 0.5:
                request.carry_out()
                self._oracle.carried_out(request)

    def _events(self) -> list[Any]:
        events = self._network.events()
        if self._crashes and self._scheduler.random.random() < 0.03:
            events.append(self._crash)
        return events

    def _crash(self) -> None:
        self._crashes -= 1
        self._processes.crash()

    def _act(self, calls: list[Call]) -> None:
        for call in calls:
            self._carry(call)

    def _carry(self, call: Call) -> None:
        """Ask for a call until it is answered, as a client that does not know whether it was."""
        since = len(self._oracle.moments)
        for _ in range(ATTEMPTS if KINDS[call.kind].is_repeatable else 1):
            answer = self._attempt(call)
            if not isinstance(answer, (ProcessDied, StoreUnavailable)):
                self._oracle.judge(call, answer, since)
                return
            if isinstance(answer, StoreUnavailable) and not self._plan.loss:
                raise Violation(f"{call} fails, though nothing was lost: {answer}")

    def _attempt(self, call: Call) -> Any:
        task = self._scheduler.current
        assert task is not None
        task.process, task.operation = self._processes.any(), call
        self._scheduler.trace.append(f"{task.name} asks {task.process.name} for {call}")
        try:
            answer = KINDS[call.kind].do(task.process, call, task)
        except (ProcessDied, KatoError) as error:
            task.dead = task.dead and not isinstance(error, ProcessDied)
            answer = error
        finally:
            task.process = task.operation = None
        self._scheduler.trace.append(f"{task.name} is told {answer!r:.150} of {call.number}")
        return answer
