"""Disks that are full, and folders that cannot be written; mounting them needs root."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory


class Disk:
    """A small disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, room: int = 0) -> None:
        """Leave so many bytes, or fewer where others write meanwhile."""
        with self._filler.open("wb", buffering=0) as file:
            while not self._take(file, room):
                pass

    def _take(self, file: FileIO, room: int) -> bool:
        status = os.statvfs(self.folder)
        left = status.f_bavail * status.f_frsize - room
        try:
            os.posix_fallocate(file.fileno(), 0, max(left, 1))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return left <= 0
        return True

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()


@cache
def can_mount() -> bool:
    """Whether this process may mount disks."""
    if os.getuid() != 0:
        return False
    with TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", folder],  # noqa: S607
            check=False,
            capture_output=True,
        )
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)  # noqa: S607
        return mounted.returncode == 0


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A disk of a size, mounted on a folder that is made."""
    folder.mkdir()
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)  # noqa: S607
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that cannot be written meanwhile, but by who has it open already."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)  # noqa: S607
    try:
        remount = ["mount", "-o", "remount,bind,ro", str(folder)]
        subprocess.run(remount, check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607
