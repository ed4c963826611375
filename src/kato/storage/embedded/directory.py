"""A data directory and the one process that owns it.

chDB allows one process per path, so ownership is settled here, before any engine starts: by a lock
the kernel releases when the owner dies, however it dies. The lock file's text only tells others who
the owner is.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Self

import msgspec

from kato.errors import StoreFull, StoreInUse, StoreTooNew, StoreUnreadable

FORMAT = 1
"""Layout of the directory; a higher number was written by a newer release."""


class Owner(msgspec.Struct, frozen=True):
    """Who has a data directory open.

    Attributes:
        pid: Process id.
        address: URL where the owner answers, if it serves.
    """

    pid: int
    address: str | None = None


class DataDirectory:
    """A data directory, owned by this process until :meth:`close`.

    Attributes:
        path: The directory, absolute.
        clickhouse: Folder of the embedded ClickHouse.
        ledger: Folder of the embedded Valkey.

    Raises:
        StoreInUse: Another process owns it, or it is open in this process already.
        StoreTooNew: A newer release wrote it.
        StoreUnreadable: It cannot be created, read or written, or holds something else.

    >>> import tempfile
    >>> with DataDirectory(Path(tempfile.mkdtemp())) as directory:
    ...     directory.ledger.name
    'ledger'
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.clickhouse = self.path / "clickhouse"
        self.ledger = self.path / "ledger"
        _refuse_unspeakable(self.path)
        with usable(self.path):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            _refuse_foreign(self.path)
            self._lock = self._locked()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def announce(self, address: str) -> None:
        """Tell others where this process serves the directory."""
        self._write_owner(Owner(os.getpid(), address))

    def close(self) -> None:
        """Give the directory up."""
        self._lock.close()

    def _locked(self) -> IO[bytes]:
        # Without a buffer, as that would be written once more when the file is closed.
        lock = (self.path / "lock").open("a+b", buffering=0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise _in_use(self.path) from None
        return lock

    def _prepare(self) -> None:
        with usable(self.path):
            self._check_format()
            self._write_owner(Owner(os.getpid()))
            for folder in (self.clickhouse, self.ledger):
                folder.mkdir(exist_ok=True, mode=0o700)
                _refuse_read_only(folder)

    def _check_format(self) -> None:
        marker = self.path / _MARKER
        if not marker.exists():
            # Whole or not at all: a marker that holds nothing would shut the directory for ever.
            begun = self.path / _BEGUN
            begun.write_text(f"{FORMAT}\n")
            begun.replace(marker)
        _check_format_text(self.path, marker.read_text().strip())

    def _write_owner(self, owner: Owner) -> None:
        self._lock.truncate(0)
        self._lock.write(msgspec.json.encode(owner))


_MARKER = "format"
_BEGUN = "format.new"


def _refuse_unspeakable(path: Path) -> None:
    if "?" in str(path):
        raise StoreUnreadable(
            f"cannot use {path} as data directory: ClickHouse takes what follows a ? for options",
            remedy="choose another folder with KATO_DATA_DIR",
        )


def _refuse_read_only(folder: Path) -> None:
    # chDB would not say what is wrong.
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreUnreadable(
            f"cannot use {folder}: it cannot be written",
            remedy="check its permissions, and that its disk is not read-only",
        )


def _refuse_foreign(path: Path) -> None:
    """A directory that was begun holds these; a marker comes before anything else."""
    found = {entry.name for entry in path.iterdir()}
    if _MARKER not in found and found - {"lock", _BEGUN}:
        raise StoreUnreadable(
            f"{path} is not empty and no data directory of KATO",
            remedy="choose another folder with KATO_DATA_DIR or --data-dir",
        )


def owner_of(path: Path) -> Owner | None:
    """Who wrote its name into the directory's lock last; None if nobody ever did."""
    try:
        return msgspec.json.decode((path / "lock").read_bytes(), type=Owner)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def owner_now(path: Path) -> Owner | None:
    """Who owns the directory at this moment; None if nobody does.

    While it is looked at, for some microseconds, nobody else can begin to own it.
    """
    try:
        lock = (path / "lock").open("rb")
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return owner_of(path)
    return None


def _check_format_text(path: Path, text: str) -> None:
    if not text.isdecimal():
        raise StoreUnreadable(
            f"{path / 'format'} holds {text[:40]!a} instead of a number",
            remedy="restore the directory from a backup",
        )
    if int(text) > FORMAT:
        raise StoreTooNew(
            f"{path} has format {text}, this release knows {FORMAT}",
            remedy="upgrade KATO, or choose another folder with KATO_DATA_DIR",
        )


def _in_use(path: Path) -> StoreInUse:
    owner = owner_of(path)
    if owner is None:
        return StoreInUse(f"{path} is in use by another process", remedy="stop it first")
    if owner.pid == os.getpid():
        return StoreInUse(
            f"{path} is already open in this process", remedy="share that memory, or close it"
        )
    if owner.address:
        return StoreInUse(
            f"{path} is served by process {owner.pid} at {owner.address}",
            remedy=f"talk to it there, or stop process {owner.pid}",
        )
    return StoreInUse(
        f"{path} is in use by process {owner.pid}",
        remedy=f"wait for it, stop process {owner.pid}, or choose another folder with "
        "KATO_DATA_DIR",
    )


class usable:  # noqa: N801 - reads as a verb in a with statement
    """Turns what the operating system says of a folder into an error of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise StoreFull(f"no space left for {self.path}", remedy="free some space") from error
        raise StoreUnreadable(
            f"cannot use {self.path} as data directory: {error.strerror}",
            remedy="check its permissions, or choose another folder with KATO_DATA_DIR",
        ) from error
