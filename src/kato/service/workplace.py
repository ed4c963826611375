"""A folder for what is made before it is sent, of which nothing stays behind."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "lock"


class Workplace:
    """An empty folder in the cache; those that killed processes left are removed first.

    Args:
        cache: The folder it is made in, with others beside it; made if it is not there.
        kind: The begin of its name.

    Attributes:
        folder: The folder.
    """

    def __init__(self, cache: Path, kind: str) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._turn = cache / f"{kind}.lock"
        with _locked(self._turn):  # a folder that is not locked yet looks like one that was left
            for left in cache.glob(f"{kind}-*"):
                _remove_if_left(left)
            self.folder = Path(tempfile.mkdtemp(dir=cache, prefix=f"{kind}-"))
            self._lock = (self.folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        with _locked(self._turn), self._lock:
            shutil.rmtree(self.folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_if_left(folder: Path) -> None:
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder)
