"""A feed as a process: the connection, and what has to be looked after beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Protocol

from kato.market.feeds.clock import Clock, SystemClock
from kato.market.feeds.connection import Connection
from kato.market.feeds.protocol import ExchangeProtocol
from kato.market.instruments import InstrumentFile

FLUSH_SECONDS = 0.05
"""How long a record may wait in this process when few come. A log's own buffer sends full ones."""

FOLLOW_SECONDS = 1.0


class Flushed(Protocol):
    """What keeps what it was given when it is asked to."""

    def flush(self) -> None:
        """Return when all is kept."""


async def flushing(kept: Flushed, written: Callable[[], int], clock: Clock | None = None) -> None:
    """Flush again and again, while there is something new.

    Args:
        kept: What to flush.
        written: Grows with what was given to it.
        clock: The time.

    Raises:
        StoreUnavailable: It cannot be kept.
    """
    clock, before = clock or SystemClock(), written()
    while True:
        await clock.sleep(FLUSH_SECONDS)
        now = written()
        if now != before:
            kept.flush()
            before = now


async def following(
    instruments: InstrumentFile,
    protocol: ExchangeProtocol,
    names: Iterable[str],
    connection: Connection,
    clock: Clock | None = None,
) -> None:
    """Follow the file of instruments: subscribe to what is new, and no more to what is gone.

    Names that the file does not know any more are not subscribed to.
    """
    clock, chosen = clock or SystemClock(), list(names)
    while True:
        await clock.sleep(FOLLOW_SECONDS)
        if instruments.follow():
            natives = _natives(instruments, protocol, chosen)
            if natives:
                connection.subscribe(natives)


def _natives(
    instruments: InstrumentFile, protocol: ExchangeProtocol, chosen: list[str]
) -> list[str]:
    usable = instruments.instruments.of(protocol.exchange, protocol.name)
    return [
        each.native
        for each in usable
        if not chosen or each.native in chosen or each.symbol in chosen
    ]


async def first_to_end(*work: Coroutine[None, None, None]) -> None:
    """Run all until one ends, or until this is cancelled; then end all.

    Raises:
        BaseException: What the one that ended raised.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(tasks)
    for task in ended:
        task.result()
