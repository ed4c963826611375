"""A backup archive: a folder of files, each with its checksum.

::

    manifest.json            what it is, and which piece of which table stands in which file
    ledger.rdb               the ledger, as its server writes it
    tables/<table>/<piece>.native.zst     rows in ClickHouse's Native format
    SHA256SUMS               the checksum of each file above, as ``sha256sum -c`` reads it

It is made beside its place, under a name that ends in ``.partial``, and moved there when it is
whole and on disk. A folder without ``SHA256SUMS`` is no archive.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kato.errors import InvalidInput, StoreFull, StoreTooNew, StoreUnreadable
from kato.storage.ledger.connection import SHARD
from kato.upkeep.packing import pack, unpacked

FORMAT = 1
"""Layout of an archive; one with a higher number was written by a newer release."""

LEDGER = "ledger.rdb"
_MANIFEST, _SUMS = "manifest.json", "SHA256SUMS"


class Piece(msgspec.Struct, frozen=True):
    """Some rows of a table that stand in one file.

    Attributes:
        table: The table.
        name: Which of its rows.
        rows: How many.
        digest: Of their values, whatever their order: rows with the same are not written again.
        columns: Which values there are of each row.
    """

    table: str
    name: str
    rows: int
    digest: int
    columns: tuple[str, ...]

    @property
    def file(self) -> str:
        """Where they stand in the archive."""
        return f"tables/{self.table}/{self.name}.native.zst"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive is.

    Attributes:
        format: Layout of the archive.
        id: Its own; random.
        release: The release of KATO that made it.
        taken: When, in ISO 8601.
        since: The id of the archive that files were taken over from, if any.
        migrations: By table that says so, the numbers of the steps the tables have taken.
        ledger_format: The ledger's.
        ledger_database: In which of the server's databases the ledger is.
        ledger_shard: The hash tag of its keys.
        pieces: All rows.
    """

    format: int
    id: str
    release: str
    taken: str
    since: str | None
    migrations: dict[str, list[int]]
    ledger_format: int
    ledger_database: int
    ledger_shard: str = SHARD
    pieces: list[Piece]


class Archive:
    """An archive that is whole, as far as its name says; see :meth:`verify`.

    Args:
        folder: Where it is.

    Attributes:
        folder: Where it is.

    Raises:
        StoreUnreadable: There is no archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / _SUMS).is_file():
            raise StoreUnreadable(
                f"{folder} is no backup, or not a whole one",
                remedy="give the folder or .tar file that kato backup made",
            )

    def manifest(self) -> Manifest:
        """What it is.

        Raises:
            StoreTooNew: A newer release wrote it.
            StoreUnreadable: It cannot be read.
        """
        data = self.path(_MANIFEST).read_bytes()
        try:
            made = msgspec.json.decode(data, type=_Format).format
            if made > FORMAT:
                raise StoreTooNew(
                    f"the backup has format {made}, this release knows {FORMAT}",
                    remedy="upgrade KATO",
                )
            return msgspec.json.decode(data, type=Manifest)
        except msgspec.DecodeError as error:
            raise damaged(self.folder, f"{_MANIFEST}: {error}") from None

    def path(self, name: str) -> Path:
        """Where one of its files is."""
        return self.folder / name

    def sums(self) -> dict[str, str]:
        """By name, the checksums.

        Raises:
            StoreUnreadable: The list is damaged.
        """
        try:
            text = (self.folder / _SUMS).read_text("ascii")
            pairs = [line.split("  ") for line in text.removesuffix("\n").split("\n")]
            return {name: digest for digest, name in pairs}
        except ValueError:
            raise damaged(self.folder, _SUMS) from None

    def verify(self) -> None:
        """Compare all files with their checksums.

        Raises:
            StoreUnreadable: One is damaged, missing, or not of the archive.
        """
        sums = self.sums()
        there = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if not path.is_dir()
        }
        if odd := there ^ {*sums, _SUMS}:
            raise damaged(self.folder, min(odd))
        for name, digest in sums.items():
            if digest_of(self.path(name)) != digest:
                raise damaged(self.folder, name)


class ArchiveWriter:
    """An archive that is being made; see :func:`writing`.

    Args:
        folder: Where it is made.
        since: An archive whose files are taken over where they hold the same.

    Attributes:
        written: Bytes that were written.
        taken_over: Bytes that were not, as the archive before has them.
    """

    def __init__(self, folder: Path, since: Archive | None) -> None:
        self.written = self.taken_over = 0
        self._folder = folder
        self._since = since
        self._before = since.sums() if since else {}
        self._sums: dict[str, str] = {}

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as file:
            for part in parts:
                file.write(part)
                digest.update(part)
            file.flush()
            os.fsync(file.fileno())
            self.written += file.tell()
        self._sums[name] = digest.hexdigest()

    def take_over(self, name: str) -> None:
        """Take a file from the archive before: by a hard link, or else by a copy.

        Raises:
            StoreUnreadable: It is damaged there.
        """
        assert self._since is not None  # noqa: S101 - only what stands there is taken over
        source, path = self._since.path(name), self._folder / name
        if digest_of(source) != self._before.get(name):
            raise damaged(self._since.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.hardlink_to(source)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, path)
        self.taken_over += path.stat().st_size
        self._sums[name] = self._before[name]

    def finish(self, manifest: Manifest) -> None:
        """Write what makes it an archive, last."""
        self.write(_MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest), indent=1)])
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self._sums.items())]
        self.write(_SUMS, [line.encode() for line in lines])
        for folder in [self._folder, *(p for p in self._folder.rglob("*") if p.is_dir())]:
            _sync(folder)


@contextmanager
def writing(target: Path, since: Archive | None = None) -> Iterator[ArchiveWriter]:
    """Make an archive; it gets its name when all of it is on disk, or never.

    Args:
        target: A folder that is not there; if its name ends in ``.tar``, a file.
        since: An archive whose files are taken over where they hold the same.

    Raises:
        InvalidInput: It is there already.
        StoreFull: The disk is full.
        StoreUnreadable: It cannot be written there.
    """
    if target.exists():
        raise InvalidInput(f"{target} is there already", remedy="give another name")
    partial = target.with_name(target.name + ".partial")
    with _writable(target):
        shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
        partial.mkdir(parents=True, mode=0o700)
        try:
            yield ArchiveWriter(partial, since)
            if target.suffix == ".tar":
                pack(partial, target)
            else:
                partial.rename(target)
            _sync(target.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def reading(source: Path) -> Iterator[Archive]:
    """An archive, whether it is a folder or a ``.tar`` file.

    Raises:
        StoreUnreadable: It is no archive.
    """
    with unpacked(source) as folder:
        yield Archive(folder)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no space left for {path}", remedy="free some space") from error
        raise StoreUnreadable(
            f"cannot write {path}: {error.strerror}", remedy="check its permissions"
        ) from error


class _Format(msgspec.Struct):
    format: int


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def damaged(folder: Path, what: str) -> StoreUnreadable:
    """The error that a file of an archive is not what it was."""
    return StoreUnreadable(f"the backup {folder} is damaged: {what}", remedy="use another one")
