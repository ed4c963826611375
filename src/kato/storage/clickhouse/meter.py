"""Counts what ClickHouse answers, for whoever wants to know; costs nothing else.

The client does not say of a raw answer what the server read for it, neither in this process nor
over HTTP (clickhouse-connect 1.12: only answers it parses itself have a summary). So it is bytes of
answers that are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Meter:
    """What was counted.

    Attributes:
        statements: Statements that were asked.
        bytes: Bytes of their answers in Native format.
    """

    def __init__(self) -> None:
        self.statements = 0
        self.bytes = 0


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what this thread asks meanwhile.

    >>> with metered() as meter:
    ...     count_answer(70)
    >>> count_answer(5)
    >>> meter.statements, meter.bytes
    (1, 70)
    """
    meter = Meter()
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)


def count_answer(size: int = 0) -> None:
    """Count a statement, and the bytes of its answer."""
    meter = _METER.get()
    if meter is not None:
        meter.statements += 1
        meter.bytes += size
