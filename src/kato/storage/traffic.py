"""How much is asked of a store, and how that goes."""

from __future__ import annotations

import threading


class Traffic:
    """Counts what is asked of one store, over all connections to it. Safe for threads.

    Attributes:
        operations: Scripts, commands or statements that were asked, failed ones included.
        errors: Times the store could not do its part.
        seconds: Time its answers were waited for.
        last_error: What it said then; empty if it never failed.

    >>> traffic = Traffic()
    >>> traffic.took(0.5)
    >>> traffic.failed("it is gone")
    >>> traffic.operations, traffic.errors, traffic.seconds, traffic.last_error
    (1, 1, 0.5, 'it is gone')
    """

    def __init__(self) -> None:
        self.operations = 0
        self.errors = 0
        self.seconds = 0.0
        self.last_error = ""
        self._lock = threading.Lock()

    def took(self, seconds: float) -> None:
        """Count something that was asked, and how long it took."""
        with self._lock:
            self.operations += 1
            self.seconds += seconds

    def failed(self, reason: str) -> None:
        """Count that the store could not do its part."""
        with self._lock:
            self.errors += 1
            self.last_error = reason
