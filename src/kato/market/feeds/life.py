"""The life of a connection, without its socket: what is waited for, and since when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import msgspec

from kato.market.feeds.protocol import ExchangeProtocol, Message, Subscription

Cause = Literal["unreachable", "unacknowledged", "refused", "silent", "closed"]

ACKNOWLEDGED_WITHIN = 10.0
LEAST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
STEADY_SECONDS = 60.0
"""Who was live so long begins with the least pause again."""


class Timing(msgspec.Struct, frozen=True):
    """How long a connection waits, in seconds.

    Attributes:
        silence: For any message, before it counts as dead.
        lifetime: Until it is replaced.
        acknowledged: For all subscriptions to be acknowledged.
        connected: For the exchange to take the connection.
    """

    silence: float
    lifetime: float
    acknowledged: float = ACKNOWLEDGED_WITHIN
    connected: float = 10.0

    @classmethod
    def of(cls, protocol: ExchangeProtocol) -> Timing:
        """What a protocol asks for."""
        return cls(silence=protocol.silence, lifetime=protocol.lifetime)


class Life:
    """A connection that is open: first it subscribes, then it is live, until it is overdue.

    Args:
        subscriptions: What was asked for.
        timing: How long it waits.
        now: The time, in seconds of any clock that does not jump.

    Attributes:
        live_since: When all subscriptions were answered; None before.
        refused: What was refused; empty text if it was the connection.

    >>> life = Life([Subscription(b"...", frozenset({"BTC/USD"}))], Timing(10.0, 3600.0), 0.0)
    >>> life.overdue(9.0), life.overdue(10.0)
    (None, 'unacknowledged')
    >>> life.take(Message("acknowledgement", about=("BTC/USD",)), 9.0)
    >>> life.live_since, life.overdue(18.0), life.overdue(19.0)
    (9.0, None, 'silent')
    """

    def __init__(self, subscriptions: Sequence[Subscription], timing: Timing, now: float) -> None:
        self._pending = {name for each in subscriptions for name in each.expects}
        self._accepted = False
        self._timing = timing
        self._opened = self._heard = now
        self.live_since: float | None = None
        self.refused: list[str] = []

    def take(self, message: Message, now: float) -> None:
        """Take a message into account."""
        self._heard = now
        if message.kind == "acknowledgement":
            self._accepted = self._accepted or not self._pending.isdisjoint(message.about)
            self._answered(message, now)
        elif message.kind == "refusal":
            self.refused.extend(message.about or ("",))
            self._answered(message, now)

    def overdue(self, now: float) -> Cause | None:
        """Why it has to be given up; None while it has not."""
        if self._is_refused():
            return "refused"
        if self.live_since is None and now >= self._opened + self._timing.acknowledged:
            return "unacknowledged"
        return "silent" if now >= self._heard + self._timing.silence else None

    def deadline(self) -> float:
        """When to ask again, if nothing comes before."""
        silent = self._heard + self._timing.silence
        if self.live_since is not None:
            return silent
        return min(silent, self._opened + self._timing.acknowledged)

    def rotation(self) -> float:
        """When to replace it."""
        return self._opened + self._timing.lifetime

    def _answered(self, message: Message, now: float) -> None:
        self._pending.difference_update(message.about)
        if not self._pending and self._accepted and self.live_since is None:
            self.live_since = now

    def _is_refused(self) -> bool:
        """Whether the connection was, or each of its subscriptions."""
        return "" in self.refused or (not self._pending and not self._accepted)


class Backoff:
    """Pauses between attempts: twice as long each time, with a random part, 0.5 to 60 seconds.

    Args:
        chance: Where the random part comes from.

    >>> pauses = Backoff(random.Random(7))
    >>> [round(pauses.pause(), 2) for _ in range(4)]
    [0.5, 0.58, 1.65, 2.14]
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._failures = 0

    def pause(self) -> float:
        """Seconds to wait after one more failure."""
        longest = min(LEAST_PAUSE * 2.0**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 64)
        return max(LEAST_PAUSE, longest * self._chance.uniform(0.5, 1.0))

    def lived(self, seconds: float) -> None:
        """Take into account how long a connection was live."""
        if seconds >= STEADY_SECONDS:
            self._failures = 0
