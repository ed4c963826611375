"""What happened, told to every process that listens; who does not listen misses it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from kato.storage.ledger.connection import Connection

_WAIT_SECONDS = 0.5


class Channel:
    """Tells and hears texts, through the ledger's server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell(self, text: str) -> None:
        """Tell every listener.

        Raises:
            StoreUnavailable: The server does not answer.
        """
        self._connection.command("PUBLISH", self._connection.key("events"), text)

    def listen(self, heard: Callable[[str], None], ready: Callable[[], None], stop: Event) -> None:
        """Hand over each text until ``stop`` is set; runs in a thread of its own.

        Args:
            heard: Is given each text.
            ready: Called as soon as nothing is missed any more.
            stop: Ends it.

        Raises:
            StoreUnavailable: The server does not answer any more.
        """
        with self._connection.subscribed(self._connection.key("events")) as receive:
            ready()
            while not stop.is_set():
                text = receive(_WAIT_SECONDS)
                if text is not None:
                    heard(text)
