"""The service as users start it: ``kato serve``, a process that is told to stop, or killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx


class Process:
    """A running ``kato serve``.

    Args:
        folder: Of its data and its log.
        environment: Beside the test's own.
        options: Of the command.
        data: The data directory, if it is not in the folder.

    Attributes:
        url: Where it serves.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *options: str,
        data: Path | None = None,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "serve.log"
        command = [sys.executable, "-m", "kato", "--data-dir", str(data or folder / "data")]
        self._command = [*command, "serve", "--port", str(port), *options]
        self._environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        """Start it: at first, and again after it has ended."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log
            )

    def wait(self, seconds: float = 60) -> None:
        """Wait until it is ready."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            try:
                if httpx.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"not ready: {self.log.read_text()[-3000:]}")

    def stop(self) -> int:
        """Tell it to stop; answers its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=60)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()


@contextmanager
def served(folder: Path, environment: Mapping[str, str], *options: str) -> Iterator[Process]:
    """A service that is ready, and stopped at the end."""
    process = Process(folder, environment, *options)
    try:
        process.wait()
        yield process
    finally:
        process.stop()
