"""What goes wrong between a client and a service: a proxy that loses requests or answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class FlakyProxy:
    """Passes requests on, one a connection, unless it is told to lose some.

    Args:
        target: The URL of the service.

    Attributes:
        url: Where it listens.
        faults: What becomes of the next requests, first the first: ``request`` loses the request,
            ``answer`` loses the answer, a text of bytes is answered instead; behind them all goes
            well.
        seen: The heads of the requests that came.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.faults: list[str | bytes] = []
        self.seen: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(timeout=10)

    def keys(self) -> list[bytes]:
        """The idempotency keys that came."""
        lines = [line for head in self.seen for line in head.split(b"\r\n")]
        return [line for line in lines if line.lower().startswith(b"idempotency-key:")]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self._pass_on(connection)

    def _pass_on(self, connection: socket.socket) -> None:
        request = _whole_request(connection)
        if not request:
            return
        self.seen.append(request.split(b"\r\n\r\n", 1)[0])
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "request":
            return
        if isinstance(fault, bytes):
            connection.sendall(fault)
            return
        with socket.create_connection(self._target) as service:
            service.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b"".join(iter(lambda: service.recv(65536), b""))
        if fault != "answer":
            connection.sendall(answer)


def told(status: str, body: str, *headers: str) -> bytes:
    """An answer that no service gave."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@contextmanager
def flaky(target: str) -> Iterator[FlakyProxy]:
    """A proxy before a service."""
    proxy = FlakyProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _whole_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (part := connection.recv(65536)):
            return b""
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if b"content-length" in line
    ]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        part = connection.recv(65536)
        if not part:
            return b""
        request += part
        missing -= len(part)
    # Without keep-alive, so that each request is a connection of its own.
    return request.replace(b"Connection: keep-alive\r\n", b"", 1)
