"""Other processes that own a data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Other:
    """A Python process that runs a script; it is waited for at the end, and its server too."""

    def __init__(self, script: str, *arguments: str, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )

    def line(self) -> str:
        """The next line it prints; empty if it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        """Send it a signal and wait until it has ended."""
        self.process.send_signal(number)
        self.wait()

    def finish(self) -> None:
        """Let it go on, and wait until it has ended."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.wait()

    def wait(self) -> None:
        self.process.wait(30)

    def errors(self) -> str:
        """What it said on standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextmanager
def other(script: str, *arguments: object, **environment: str) -> Iterator[Other]:
    """Run a script in a process of its own."""
    running = Other(script, *map(str, arguments), environment=environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        for stream in (running.process.stdin, running.process.stdout, running.process.stderr):
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended and nobody waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def ends(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def end(pid: int) -> None:
    """End a process a test left behind."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
