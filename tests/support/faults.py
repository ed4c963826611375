"""A way to a store on which things go wrong: a proxy that knows what a request is.

It listens on TCP or, for a server on a unix socket, on one of its own. Faults apply to requests
that come while they are set; a line that went dead stays dead, as behind a real network.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

import hiredis
import httptools

Fault = Literal["none", "delay", "cut", "lost", "reset", "silent", "refused", "twice"]
"""What becomes of a request.

* ``delay``: its answer comes late.
* ``cut``: its answer ends in the middle.
* ``lost``: it is carried out, and the line is cut instead of an answer.
* ``reset``: it never arrives, and the line is reset.
* ``silent``: it never arrives, and nothing is said; new lines are accepted, and as silent.
* ``refused``: new lines are refused, and those there are were cut.
* ``twice``: it arrives a second time, on a line of its own, before it is answered.
"""

DELAY_SECONDS = 0.2

_RESET = struct.pack("ii", 1, 0)  # closing says RST
_END = b"the end of what was sent twice"


class FaultProxy:
    """Passes connections on to a server.

    Args:
        url: Of the server: ``http``, ``redis`` or ``unix``.
        folder: Where its own socket lies, if the server's is a unix socket.

    Attributes:
        url: The server's, by way of the proxy.
        fault: What becomes of requests.
    """

    def __init__(self, url: str, folder: Path | None = None) -> None:
        parts = urlsplit(url)
        self._is_http = parts.scheme.startswith("http")
        self._server: Any = parts.path
        self._here: Any = str((folder or Path()) / "faults.sock")
        if parts.scheme != "unix":
            self._server, self._here = (parts.hostname, parts.port), ("127.0.0.1", 0)
        self.fault: Fault = "none"
        self._times: int | None = None
        self._lines: set[socket.socket] = set()
        self._begin_to_listen()
        self._here = self._listening.getsockname()
        if parts.scheme == "unix":
            self.url = f"unix://{self._here}"
        else:
            user, at, _ = parts.netloc.rpartition("@")
            netloc = f"{user}{at}127.0.0.1:{self._here[1]}"
            self.url = urlunsplit(parts._replace(netloc=netloc))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._refuse()

    @contextlib.contextmanager
    def failing(self, fault: Fault, times: int | None = None) -> Iterator[None]:
        """Let requests fail: so many of them, or all that come meanwhile."""
        self.set(fault, times)
        try:
            yield
        finally:
            self.set("none")

    def set(self, fault: Fault, times: int | None = None) -> None:
        """Let requests fail from now on, or no longer."""
        before, self.fault, self._times = self.fault, fault, times
        if fault == "refused":
            self._refuse()
        elif before == "refused":
            self._begin_to_listen()

    def take_fault(self) -> Fault:
        """What becomes of a request that has come."""
        fault = self.fault
        if self._times is not None and fault != "none":
            self._times -= 1
            if self._times <= 0:
                self.fault = "none"
        return fault

    def _refuse(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listening.close()
        for line in list(self._lines):
            cut(line)

    def _begin_to_listen(self) -> None:
        if isinstance(self._here, str):
            Path(self._here).unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(self._here)
            listening.listen()
        else:
            listening = socket.create_server(self._here)
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listening.accept()[0]
                try:
                    server = self.connect()
                except OSError:
                    client.close()
                    continue
                self._lines |= {client, server}
                line = _Line(self, client, server, is_http=self._is_http)
                for part in (line.carry_requests, line.carry_answers):
                    threading.Thread(target=self._carry, args=(part, line), daemon=True).start()

    def _carry(self, part: Callable[[], None], line: _Line) -> None:
        with contextlib.suppress(OSError):
            part()
        if not line.is_dead:
            line.cut()
            self._lines -= {line.client, line.server}

    def connect(self) -> socket.socket:
        """A line to the server."""
        if isinstance(self._server, tuple):
            return socket.create_connection(self._server)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server)
        return server


class _Line:
    """A connection of a client, and the one to the server that belongs to it."""

    def __init__(
        self, proxy: FaultProxy, client: socket.socket, server: socket.socket, *, is_http: bool
    ) -> None:
        self.client, self.server = client, server
        self.is_dead = False
        self._proxy = proxy
        self._is_http = is_http
        self._fault: Fault = "none"

    def carry_requests(self) -> None:
        """Pass requests on, one after the other."""
        whole = _http_requests() if self._is_http else _commands()
        next(whole)
        while data := self.client.recv(1 << 16):
            if self.is_dead:
                continue
            for request in whole.send(data):
                self._pass_on(request)
                if self.is_dead:
                    break

    def carry_answers(self) -> None:
        """Pass answers on, as far as they get."""
        while data := self.server.recv(1 << 16):
            if self._fault == "lost":
                return
            if self._fault == "delay":
                time.sleep(DELAY_SECONDS)
            if self._fault == "cut":
                self.client.sendall(data[: len(data) // 2])
                return
            self.client.sendall(data)

    def cut(self) -> None:
        """End it."""
        cut(self.client)
        cut(self.server)

    def _pass_on(self, request: bytes) -> None:
        self._fault = self._proxy.take_fault()
        if self._fault == "silent":
            self.is_dead = True
            return
        if self._fault == "reset":
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.client.close()
            raise ConnectionResetError
        if self._fault == "twice":
            self._send_apart(request)
        self.server.sendall(request)

    def _send_apart(self, request: bytes) -> None:
        with self._proxy.connect() as apart:
            if self._is_http:
                head, gap, body = request.partition(b"\r\n\r\n")
                lines = [line for line in head.split(b"\r\n") if b"onnection:" not in line]
                request = b"\r\n".join([*lines, b"Connection: close"]) + gap + body
                end = b""
            else:
                request += b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (len(_END), _END)
                end = _END
            apart.sendall(request)
            answer = b""
            while (part := apart.recv(1 << 16)) and not (end and end in answer + part):
                answer += part


def _commands() -> Generator[list[bytes], bytes, None]:
    """Takes bytes, gives the commands of RESP that are whole."""
    reader: Any = hiredis.Reader()
    whole: list[bytes] = []
    while True:
        data = yield whole
        reader.feed(data)
        whole = []
        while (command := reader.gets()) is not False:
            whole.append(_packed(command))


def _packed(command: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join(
        b"$%d\r\n%b\r\n" % (len(part), part) for part in command
    )


def _http_requests() -> Generator[list[bytes], bytes, None]:
    """Takes bytes, gives the requests that are whole."""
    buffer = b""
    whole: list[bytes] = []
    while True:
        buffer += yield whole
        whole = []
        if _is_whole(buffer):
            whole, buffer = [buffer], b""


def _is_whole(request: bytes) -> bool:
    ended: list[bool] = []

    class Listener:
        def on_message_complete(self) -> None:
            ended.append(True)

    httptools.HttpRequestParser(Listener()).feed_data(request)
    return bool(ended)


def cut(line: socket.socket) -> None:
    """Close a connection in both directions."""
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
