"""A victim as the laboratory sees it: started, met by its fate, and read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from tests.crash.loads import Archiving
from tests.crash.victim import Plan
from tests.storage.disks import Disk

ROOT = Path(__file__).parents[2]

WRITER_SECONDS = 4.0
"""How long the writer has to come to the place where it is killed."""


class Fate(msgspec.Struct, frozen=True):
    """Who is killed, and when.

    Attributes:
        victim: ``process``, ``valkey``, ``both``, ``writer`` (the process, at a place), ``start``
            (the process, before it is ready), or ``disk`` (full, and then the process).
        seconds: From the start, or from when the memory is open.
        room: Bytes that are left on a full disk.
        place: Where the writer dies.
    """

    victim: str
    seconds: float
    room: int = 0
    place: tuple[str, str, int] | None = None


class Victim:
    """A process of :mod:`tests.crash.victim`, started.

    Attributes:
        done: By load, the steps it said were done.
        failed: By load, the error that ended it.
        broken: What ought not to have happened.
        before_archive: By backup, what was done before it began.
    """

    def __init__(self, plan: Plan, fate: Fate) -> None:
        self.done = dict(plan.first)
        self.failed: dict[str, str] = {}
        self.broken: list[str] = []
        self.before_archive: dict[int, dict[str, int]] = {}
        self._data, self._fate = Path(plan.data), fate
        self._opened = threading.Event()
        command = [sys.executable, "-m", "tests.crash.victim", msgspec.json.encode(plan).decode()]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def meet(self, disk: Disk | None) -> None:
        """Let it live for a while, and kill it; it has ended then, and was heard to its end."""
        try:
            self._meet(disk)
        finally:
            if self._fate.victim != "valkey":
                self._process.kill()
            self._process.wait(timeout=120)
            self._reader.join(timeout=60)
        if self._fate.victim == "disk" and disk is not None:
            disk.free()

    def _meet(self, disk: Disk | None) -> None:
        if self._fate.victim != "start":
            assert self._opened.wait(120), "it did not open the memory"
        time.sleep(self._fate.seconds)
        if self._fate.victim == "writer":
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(WRITER_SECONDS)
        if self._fate.victim == "disk":
            self._fill(disk)
        if self._fate.victim == "valkey":
            kill_valkey(self._data)
        if self._fate.victim == "both":
            with suppress(
                FileNotFoundError, ProcessLookupError
            ):  # none while a ledger is made anew
                kill_valkey(self._data)

    def _fill(self, disk: Disk | None) -> None:
        assert disk is not None
        disk.fill(self._fate.room)
        time.sleep(self._fate.seconds)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told:
            for line in told:
                if line.endswith(b"\n"):  # the last line of a killed process may be cut off
                    self._note(*line.decode().rstrip("\n").split(" ", 2))
        self._opened.set()

    def _note(self, word: str, load: str = "", rest: str = "") -> None:
        if word == "opened":
            self._opened.set()
            if Archiving.name in self.done:
                self.before_archive[self.done[Archiving.name]] = dict(self.done)
        elif word == "done":
            self.done[load] = int(rest)
            if load == Archiving.name:
                self.before_archive[int(rest)] = dict(self.done)
        elif word == "failed":
            self.failed[load] = rest
        elif word == "broken":  # other lines are logged
            self.broken.append(f"{load}: {rest}")


def kill_valkey(data: Path) -> None:
    """Kill the Valkey of a data directory."""
    os.kill(valkey_pid(data), signal.SIGKILL)


def valkey_pid(data: Path) -> int:
    """The process id of the Valkey of a data directory."""
    return int((data / "ledger" / "valkey.pid").read_text())
