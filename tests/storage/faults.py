"""A way to a store that can be shut and opened again."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Gate:
    """Passes connections on to a server; shut, it cuts them off and refuses new ones.

    Args:
        url: Of the server.

    Attributes:
        url: The server's, by way of the gate.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        host = f"127.0.0.1:{self._port}"
        netloc = f"{parts.netloc.rsplit('@', 1)[0]}@{host}" if "@" in parts.netloc else host
        self.url = urlunsplit(parts._replace(netloc=netloc))
        self._lines: set[socket.socket] = set()
        self._accept(self._listening)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()

    def shut(self) -> None:
        """Refuse connections, and cut off those there are."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listening.close()
        for line in list(self._lines):
            _cut(line)

    def open(self) -> None:
        """Let connections through again, under the same address."""
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._accept(self._listening)

    def _accept(self, listening: socket.socket) -> None:
        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    self._join(listening.accept()[0])

        threading.Thread(target=accept, daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        self._lines |= {client, server}
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for line in (source, target):
            _cut(line)
            self._lines.discard(line)


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
