"""Batches that survive: from a log to a sink, each exactly once.

A batch is claimed in the log as an *intent* (first and last entry, a token), inserted under its
token, and marked done; only then the log lets go of it. Whoever comes after a crash finds the
intent, reads the same entries, makes the same rows, and sends them under the same token: the sink
knows it. Nothing is lost, nothing is there twice, and no leader is needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import structlog

BATCH_ROWS = 50_000
BATCH_BYTES = 32 << 20
UPKEEP_SECONDS = 60.0


class Intent(Protocol):
    """A claimed batch."""

    @property
    def token(self) -> str:
        """Under which the sink knows it."""

    @property
    def rows(self) -> int:
        """How many rows it is about."""


IntentT = TypeVar("IntentT", bound=Intent)
EntryT = TypeVar("EntryT")
EntryT_contra = TypeVar("EntryT_contra", contravariant=True)


class Log(Protocol[IntentT, EntryT]):
    """Where entries wait."""

    def claim(self, rows: int, size: int) -> IntentT | None:
        """The intent that stands or a new one; None if nothing waits."""

    def read(self, intent: IntentT) -> list[EntryT]:
        """Its entries, the same at every call."""

    def done(self, intent: IntentT) -> None:
        """Let go of its entries."""

    def waiting(self) -> int:
        """How many entries wait."""


class Sink(Protocol[EntryT_contra]):
    """Where batches go."""

    def insert(self, entries: Sequence[EntryT_contra], token: str) -> None:
        """Store the entries; nothing happens if the token was stored before."""


class Writer:
    """Carries batches from a log to a sink, in a thread of its own.

    A sink that fails is tried again with growing pauses until :meth:`close`; the log keeps what
    waits. Errors are logged, and :attr:`failure` holds the last one until a batch succeeds.

    Args:
        log: Where entries wait.
        sink: Where they go.
        interval: Seconds an entry may wait.
        upkeep: Called from the thread once in a while when nothing waits.
        rows: Most rows of a batch; an entry is never cut.

    Attributes:
        failure: The last error, until a batch succeeds.
        failures: How often the thread failed.
        batches: Batches that were carried.
        written_at: When the last one was, s since 1970; None if none was yet.
    """

    def __init__(
        self,
        log: Log[Any, Any],
        sink: Sink[Any],
        interval: float,
        upkeep: Callable[[], None] = lambda: None,
        rows: int = BATCH_ROWS,
    ) -> None:
        self._log = log
        self._sink = sink
        self._interval = interval
        self._upkeep = upkeep
        self._rows = rows
        self._upkeep_at = time.monotonic() + UPKEEP_SECONDS
        self._stopping = threading.Event()
        self._step_lock = threading.Lock()
        self.failure: Exception | None = None
        self.failures = 0
        self.batches = 0
        self.written_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="kato-writer", daemon=True)

    def start(self) -> None:
        """Begin to carry batches."""
        self._thread.start()

    def step(self) -> int:
        """Carry one batch; answers how many rows it was about, 0 if nothing waits.

        Raises:
            KatoError: The log or the sink fails.
        """
        with self._step_lock:
            intent = self._log.claim(self._rows, BATCH_BYTES)
            if intent is None:
                return 0
            self._sink.insert(self._log.read(intent), intent.token)
            self._log.done(intent)
            self.failure = None
            self.batches += 1
            self.written_at = time.time()
            rows: int = intent.rows
            return rows

    def flush(self) -> None:
        """Carry all that waits, now, in the caller's thread.

        Raises:
            KatoError: The log or the sink fails.
        """
        while self.step():
            pass

    def close(self) -> None:
        """Stop; what still waits stays in the log."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = self._interval
        while not self._stopping.wait(pause):
            pause = self._interval if self._carry_all() else min(pause * 2, 5.0)

    def _carry_all(self) -> bool:
        try:
            # A batch costs ten milliseconds however small: only a full one is followed at once.
            while not self._stopping.is_set() and self.step() >= max(1, self._rows // 2):
                time.sleep(0)  # let another caller of step in
            self._keep_up()
        except Exception as error:  # noqa: BLE001 - nobody would see a thread end
            self.failure = error
            self.failures += 1
            structlog.get_logger().warning("batch not written", reason=repr(error))
            return False
        return True

    def _keep_up(self) -> None:
        if time.monotonic() >= self._upkeep_at and not self._stopping.is_set():
            self._upkeep_at = time.monotonic() + UPKEEP_SECONDS
            self._upkeep()
