"""A feed as a process: the connection, and what has to be looked after beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import structlog

from kato.errors import InvalidInput
from kato.market.feeds.clock import Clock, SystemClock
from kato.market.feeds.connection import Connection
from kato.market.feeds.feed import Feed
from kato.market.feeds.recording import Recorder
from kato.market.instruments import InstrumentFile

FLUSH_SECONDS = 1.0
"""How often it is asked whether all is kept. Logs send without being asked; but if nothing more is
said, nobody would hear that they failed."""

FOLLOW_SECONDS = 1.0


async def keep_feeding(  # noqa: PLR0913, PLR0917 - all that runs beside each other
    connection: Connection,
    feed: Feed,
    instruments: InstrumentFile,
    names: Sequence[str],
    report: Callable[[], None],
    report_seconds: float,
    clock: Clock | None = None,
) -> None:
    """Feed until cancelled; then all that was received is kept.

    Args:
        connection: Its receiver is the feed.
        feed: What is fed.
        instruments: Followed: what is new there is subscribed to, what is gone no more.
        names: What is asked for, native or canonical; all there is if none.
        report: Called once in a while.
        report_seconds: How often; 0 never.
        clock: The time.

    Raises:
        StoreUnavailable: The log does not take what is received.
    """
    clock = clock or SystemClock()

    def follow() -> None:
        if instruments.follow():
            _subscribe(connection, _natives(instruments, feed, names))

    counts, flushed = feed.counts, 0

    def flush() -> None:
        nonlocal flushed
        if counts.messages != flushed:
            flushed = counts.messages
            feed.flush()

    work = [connection.run(), _every(FLUSH_SECONDS, flush, clock)]
    work.append(_every(FOLLOW_SECONDS, follow, clock))
    if report_seconds:
        work.append(_every(report_seconds, report, clock))
    try:
        await first_to_end(*work)
    finally:
        feed.flush()


async def keep_recording(
    connection: Connection,
    recorder: Recorder,
    seconds: float | None = None,
    clock: Clock | None = None,
) -> None:
    """Record until cancelled, or for a time."""
    clock = clock or SystemClock()
    work = [connection.run(), _every(FLUSH_SECONDS, recorder.flush, clock)]
    if seconds is not None:
        work.append(clock.sleep(seconds))
    await first_to_end(*work)


async def first_to_end(*work: Coroutine[None, None, None]) -> None:
    """Run all until one ends, or until this is cancelled; then end all.

    Raises:
        BaseException: What the one that ended raised.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(tasks)
    for task in ended:
        task.result()


async def _every(seconds: float, do: Callable[[], None], clock: Clock) -> None:
    while True:
        await clock.sleep(seconds)
        do()


def _subscribe(connection: Connection, natives: list[str]) -> None:
    """Change the subscription; what cannot be subscribed to must not end a feed that runs."""
    try:
        connection.subscribe(natives)
    except InvalidInput as error:
        structlog.get_logger().warning("subscription not changed", reason=str(error))


def _natives(instruments: InstrumentFile, feed: Feed, names: Sequence[str]) -> list[str]:
    """What is subscribed to; names that the file does not know any more are not."""
    protocol = feed.protocol
    usable = instruments.instruments.of(protocol.exchange, protocol.name)
    return [
        each.native for each in usable if not names or each.native in names or each.symbol in names
    ]
