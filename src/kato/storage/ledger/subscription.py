"""A subscription to a channel of the ledger's server, which notices when the server is gone.

Who only waits does not hear that a line is dead, if nobody closed it: so a server that has said
nothing for a while is asked for a sign of life.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import redis


class Subscription:
    """Texts of a channel, from now on.

    Args:
        subscription: The client's, on which nothing was subscribed yet.
        channel: Its name.
        patience: Seconds the server may take for a sign of life.

    Raises:
        redis.RedisError: It does not answer.
    """

    def __init__(self, subscription: Any, channel: str, patience: float) -> None:
        self._subscription = subscription
        self._patience = patience
        subscription.subscribe(channel)
        if subscription.get_message(timeout=patience) is None:
            raise _silent()
        self._heard_at = monotonic()
        self._is_asked = False

    def receive(self, seconds: float) -> str | None:
        """Wait so many seconds at most for the next text; None if none came.

        Raises:
            redis.RedisError: The server is gone.
        """
        message = self._subscription.get_message(timeout=seconds)
        if message is None:
            self._ask_for_a_sign()
            return None
        self._heard_at, self._is_asked = monotonic(), False
        if message["type"] != "message":
            return None
        text: str = message["data"].decode()
        return text

    def _ask_for_a_sign(self) -> None:
        if monotonic() - self._heard_at < self._patience:
            return
        if self._is_asked:
            raise _silent()
        self._subscription.ping()
        self._heard_at, self._is_asked = monotonic(), True


def _silent() -> redis.TimeoutError:
    return redis.TimeoutError("a subscription is not answered")
