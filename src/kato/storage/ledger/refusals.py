"""What the ledger's server refuses, as errors of our own."""

from __future__ import annotations

from collections.abc import Callable

import redis
from redis.exceptions import AskError, MovedError

from kato.errors import (
    Conflict,
    JournalFull,
    KatoError,
    StoreFull,
    StoreRebuilding,
    StoreUnavailable,
)


def translated(error: redis.RedisError, diagnosis: Callable[[], KatoError] | None) -> KatoError:
    """The error for what the client raised.

    Args:
        error: The client's.
        diagnosis: Says why the server is gone, where that can be known.
    """
    text = str(error)
    for word, refusal in _REFUSALS.items():
        if word in text:
            return refusal()
    if text.startswith(("OOM", "MISCONF")) or "OOM command not allowed" in text:
        return StoreFull(f"the ledger refuses writes: {text}", remedy="give it memory and disk")
    if isinstance(error, MovedError):
        return _elsewhere(error)
    if isinstance(error, AskError):
        return _under_way()
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)) and diagnosis:
        return diagnosis()
    return StoreUnavailable(
        f"the ledger failed: {text}", remedy="see whether the Redis or Valkey server runs"
    )


def rebuilding() -> StoreRebuilding:
    """The ledger's keys are not all there yet."""
    return StoreRebuilding(
        "the ledger is being rebuilt: nothing can be changed, nor read that is not there yet",
        remedy="wait for kato rebuild ledger; if it was cut off, run it again",
    )


def _elsewhere(error: MovedError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the ledger is on another node of a cluster, {error.host}:{error.port}",
        remedy="if KATO_REDIS_URL is redis+cluster://…, repeat the call, else write it so",
    )


def _under_way() -> StoreUnavailable:
    return StoreUnavailable(
        "the ledger is being moved, key by key, to another node of the cluster",
        remedy="wait until its slot has moved; half of a ledger is not asked",
    )


def _session_moved_on() -> Conflict:
    return Conflict("the session was changed by another call", remedy="repeat the call")


def _journal_full() -> JournalFull:
    return JournalFull(
        "the journal is full: ClickHouse does not take what was learned",
        remedy="see whether ClickHouse runs and has space, or raise KATO_JOURNAL_LIMIT_MB",
    )


def _memory_full() -> StoreFull:
    return StoreFull(
        "the ledger uses all the memory it may",
        remedy="forget patterns or clear knowledge bases, or raise KATO_LEDGER_MEMORY_MB",
    )


_REFUSALS: dict[str, Callable[[], KatoError]] = {
    "KATOCONFLICT": _session_moved_on,
    "KATOFULL": _journal_full,
    "KATOREBUILDING": rebuilding,
    "KATOMEMORY": _memory_full,
}
"""By the word that a script's error begins with."""
