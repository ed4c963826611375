"""The network between processes and stores: requests may be late, lost, or carried out unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import redis
from redis.connection import UnixDomainSocketConnection
from tests.simulation.scheduler import Scheduler, Task

FATES = ("request lost", "answer lost", "late")
"""What may become of a request: never carried out; carried out, and nobody is told; carried out
at any time after the sender was told that it is lost, or never."""


class Lost(Exception):
    """There will be no answer.

    Args:
        at_once: Whether the connection broke; else an answer was waited for too long.
    """

    def __init__(self, *, at_once: bool) -> None:
        super().__init__("lost")
        self.at_once = at_once


class Request(msgspec.Struct, eq=False):
    """Something that a store is asked.

    Attributes:
        label: For the trace.
        carry_out: Asks the store, in one step.
        task: Who asks.
        operation: The operation it is about.
        process: The process it comes from.
        fate: What becomes of it: see :data:`FATES`; empty if nothing does.
        answer: The answer, or why there is none.
        is_told: Whether the sender may know it.
    """

    label: str
    carry_out: Callable[[], Any]
    task: Task
    operation: Any
    process: Any
    fate: str = ""
    answer: Any = None
    is_told: bool = False


class Network:
    """Carries requests to the stores in the order of a scheduler.

    Args:
        scheduler: Decides.
        loss: How many of the requests get lost in some way, 0 to 1.
    """

    def __init__(self, scheduler: Scheduler, loss: float) -> None:
        self._scheduler = scheduler
        self._loss = loss
        self.carried_out: Callable[[Request], None] = lambda _request: None
        self.pending: list[Request] = []

    def send(self, label: str, carry_out: Callable[[], Any]) -> Request:
        """Send a request of the current task."""
        task = self._scheduler.current
        assert task is not None
        self._scheduler.check_goes_on(task)
        request = Request(label, carry_out, task, task.operation, task.process)
        if self._scheduler.random.random() < self._loss:
            request.fate = self._scheduler.random.choice(FATES)
            if request.fate != "answer lost":
                self._tell(request, self._loss_of(request))
        if request.fate != "request lost":
            self.pending.append(request)
        return request

    def receive(self, request: Request) -> Any:
        """Wait for the answer.

        Raises:
            Lost: There is none.
        """
        self._scheduler.wait(lambda: request.is_told)
        if isinstance(request.answer, Exception):
            raise request.answer
        return request.answer

    def events(self) -> list[Callable[[], None]]:
        """The requests that may be carried out now."""
        return [lambda r=request: self._carry_out(r) for request in self.pending]  # type: ignore[misc]

    def forget_some(self, process: Any) -> None:
        """A process died: some of what it sent never left it."""
        for request in [r for r in self.pending if r.process is process]:
            if self._scheduler.random.random() < 0.5:
                self.pending.remove(request)

    def _carry_out(self, request: Request) -> None:
        self.pending.remove(request)
        late = " late" if request.fate == "late" else ""
        self._scheduler.trace.append(f"  {request.label} of {request.task.name} is done{late}")
        answer = request.carry_out()
        self.carried_out(request)
        if request.fate != "late":
            lost = request.fate == "answer lost"
            self._tell(request, self._loss_of(request) if lost else answer)

    def _loss_of(self, request: Request) -> Lost:
        self._scheduler.trace.append(f"  {request.label} of {request.task.name}: {request.fate}")
        return Lost(at_once=self._scheduler.random.random() < 0.6)

    def _tell(self, request: Request, answer: Any) -> None:
        request.answer, request.is_told = answer, True


class Wire:
    """The one real connection to a Valkey, over which all that is asked goes, one by one.

    Args:
        path: The server's socket.

    Attributes:
        network: What requests go through; straight to the server while it is None.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        connection: Any = UnixDomainSocketConnection  # has no types
        self._connection = connection(path=path)
        self._connection.connect()
        self.network: Network | None = None

    def client(self) -> redis.Redis:
        """A client whose connections go through the network, never retrying by itself."""
        pool = redis.ConnectionPool(
            connection_class=SimulatedConnection, wire=self, path=self._path, retry=None
        )
        return redis.Redis(connection_pool=pool)

    def ask(self, *arguments: Any) -> Any:
        """Ask the server now; an error is answered as it is."""
        self._connection.send_command(*arguments)
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error

    def ask_all(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Ask several commands at once."""
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        return [self._connection.read_response() for _ in commands]

    def close(self) -> None:
        self._connection.disconnect()


class SimulatedConnection(UnixDomainSocketConnection):
    """A connection of the real client, whose bytes go through the network.

    Args:
        wire: The way to the server.
        options: As for any connection.
    """

    def __init__(self, wire: Wire, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._wire = wire
        self._asked: Any = None

    def connect(self) -> None:
        """Nothing to do: a connection is there when it is used."""

    def disconnect(self, *_: Any) -> None:
        self._asked = None

    def can_read(self, *_: Any, **__: Any) -> bool:
        return False

    def send_command(self, *arguments: Any, **_: Any) -> None:
        network = self._wire.network
        if network is None:
            self._asked = self._wire.ask(*arguments)
        else:
            self._asked = network.send(_label(arguments), lambda: self._wire.ask(*arguments))

    def read_response(self, *_: Any, **__: Any) -> Any:
        asked, self._asked = self._asked, None
        try:
            answer = self._wire.network.receive(asked) if isinstance(asked, Request) else asked  # type: ignore[union-attr]
        except Lost as lost:
            kind = redis.ConnectionError if lost.at_once else redis.TimeoutError
            raise kind("the simulated network lost it") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


SCRIPTS: dict[str, str] = {}
"""Names of scripts by their digests, for traces."""


def _label(arguments: tuple[Any, ...]) -> str:
    if arguments[0] == "EVALSHA":
        return SCRIPTS.get(arguments[1], "EVALSHA")
    return str(arguments[0])
