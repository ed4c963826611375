"""Work that nobody waits for: one thread serves one knowledge base after the other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from time import monotonic

import structlog

RESTED = 4
"""A knowledge base rests this many times as long as it was worked for."""

LONGEST_REST = 5.0
IDLE_SECONDS = 60.0
_SOON = 0.05


class Background:
    """A thread that serves the knowledge bases it is asked to serve, until :meth:`close`.

    What fails is logged, and tried again when it is asked for again; :attr:`failure` holds the
    last error until a call succeeds.

    Args:
        name: Of the thread.
        serve: Called with a knowledge base's number.
        tidy: Called once in a while.
    """

    def __init__(
        self, name: str, serve: Callable[[int], None], tidy: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._serve = serve
        self._tidy = tidy
        self._changed = threading.Condition()
        self._due: OrderedDict[int, None] = OrderedDict()
        self._rests_until: dict[int, float] = {}
        self._closing = False
        self._thread: threading.Thread | None = None
        self.failure: Exception | None = None

    def ask(self, kb: int) -> None:
        """Have a knowledge base served; one that is waiting is served once."""
        with self._changed:
            if self._closing:
                return
            self._due.setdefault(kb)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Stop behind the one that is being served."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        tidied_at = monotonic()
        while (kb := self._next()) is not None:
            started = monotonic()
            self._attempt(partial(self._serve, kb))
            ended = monotonic()
            self._rests_until[kb] = ended + min(RESTED * (ended - started), LONGEST_REST)
            if ended - tidied_at > IDLE_SECONDS:
                tidied_at = ended
                self._rests_until.clear()
                self._attempt(self._tidy)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.failure = None
        except Exception as error:  # noqa: BLE001 - nobody would see a thread end
            self.failure = error
            structlog.get_logger(__name__).warning(
                "work in the background failed", thread=self._name, reason=repr(error)
            )

    def _next(self) -> int | None:
        """A knowledge base that is due and has rested; None at the end."""
        with self._changed:
            while not self._closing:
                now = monotonic()
                for kb in self._due:
                    if self._rests_until.get(kb, now) <= now:
                        del self._due[kb]
                        return kb
                self._changed.wait(_SOON if self._due else None)
            return None
