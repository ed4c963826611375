"""An archive as one file: a plain ``.tar`` of its folder."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kato.errors import StoreUnreadable


def pack(folder: Path, target: Path) -> None:
    """Make the file of a folder; it gets its name when it is on disk."""
    packed = folder / target.name
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    with tarfile.open(packed, "w") as tar:
        for name in names:
            tar.add(folder / name, str(name))
    with packed.open("rb") as file:
        os.fsync(file.fileno())
    packed.rename(target)


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """The folder of an archive; a ``.tar`` file is unpacked beside it meanwhile.

    Raises:
        StoreUnreadable: The file cannot be unpacked.
    """
    if not source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=f"{source.name}.") as folder:
        try:
            with tarfile.open(source, "r:") as packed:
                packed.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError) as error:
            raise StoreUnreadable(
                f"{source} cannot be unpacked: {error}", remedy="use another backup"
            ) from None
        yield Path(folder)
