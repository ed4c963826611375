"""Files of a source: plain or gzip, told by their first bytes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from kato.errors import UnreadableInput

_GZIP = b"\x1f\x8b"


@contextmanager
def opened(path: str | Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked.

    Raises:
        UnreadableInput: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            is_packed = file.read(2) == _GZIP
            file.seek(0)
            plain: Any = gzip.GzipFile(fileobj=file) if is_packed else file
            yield cast("IO[bytes]", plain)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableInput(f"{str(path)!a} cannot be read: {error}") from error
