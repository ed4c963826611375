"""One input as bytes, plain or gzip, counting how much of it was read."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from kato.errors import UnreadableInput

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

STANDARD_INPUT = "-"
BROKEN = (OSError, EOFError, zlib.error)
"""What a stream may raise in the middle: a failing disk, or damaged or truncated gzip."""

_BUFFER = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source:
    """The bytes of a file or of standard input, decompressed if they are gzip.

    Whether they are is seen from their first two bytes, not from the name. Use it as a context
    manager.

    Attributes:
        name: The path as it was given.
        size: Bytes of the file as stored; None where nobody can know (a pipe).
        line: Number of the line that was read last.
        stream: The decompressed bytes.
        plain: Whether the stream is the file itself, so that it can be opened again by its name.

    Raises:
        UnreadableInput: The file is missing, a folder, or may not be read.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self.line = 0
        self._file = _opened(path)
        self.size = _size(self._file)
        self._counted = _Counted(self._file)
        buffered = io.BufferedReader(self._counted, _BUFFER)
        compressed = buffered.peek(2)[:2] == _GZIP_MAGIC
        self.stream = _decompressed(buffered) if compressed else buffered
        self.plain = path != STANDARD_INPUT and self.size is not None and not compressed
        self._reading_share = 1.0
        self._done_after_reading = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.name != STANDARD_INPUT:
            self._file.close()

    @property
    def consumed(self) -> int:
        """How many of :attr:`size` bytes were worked through."""
        read = self._counted.count * self._reading_share
        rest = (self.size or 0) * (1 - self._reading_share) * self._done_after_reading
        return int(read + rest)

    def reading_is(self, share: float) -> None:
        """Say that reading the bytes is only this share, 0 to 1, of the work on them."""
        self._reading_share = share

    def worked(self, share: float) -> None:
        """Say which share, 0 to 1, of the work that follows the reading is done."""
        self._done_after_reading = share

    def head(self) -> bytes:
        """The first bytes, not consumed: at most 64 KiB, less from a pipe."""
        return self.stream.peek(_BUFFER)[:_BUFFER].removeprefix(_BYTE_ORDER_MARK)

    def lines(self) -> Iterator[bytes]:
        """The lines without their ends; :attr:`line` counts them from 1.

        Raises:
            OSError, EOFError, zlib.error: The stream breaks, see :data:`BROKEN`.
        """
        for raw in self.stream:
            self.line += 1
            content = raw.removeprefix(_BYTE_ORDER_MARK) if self.line == 1 else raw
            yield content.removesuffix(b"\n").removesuffix(b"\r")


def stored_size(path: str) -> int | None:
    """Bytes of an input that is a file, None of a pipe; nothing of it is read.

    Raises:
        UnreadableInput: There is no such file, it is a folder, or it may not be read.
    """
    if path == STANDARD_INPUT:
        return _size(_opened(path))
    # A named pipe must not be opened twice: what its writer sent in between would be lost.
    if stat.S_ISFIFO(_status(path).st_mode):
        return None
    with _opened(path) as file:
        return _size(file)


class _Counted(io.RawIOBase):
    """A stream that counts the bytes it gave."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        count = self._stream.readinto1(buffer)
        self.count += count
        return count


def _opened(path: str) -> io.BufferedIOBase:
    if path == STANDARD_INPUT:
        return cast("io.BufferedIOBase", sys.stdin.buffer)
    try:
        return open(path, "rb")  # noqa: PTH123 - "" is no path, but Path("") is the folder
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 - as above
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError | ValueError) -> UnreadableInput:
    reason = getattr(error, "strerror", None) or str(error)
    return UnreadableInput(
        f"{path!a} cannot be read: {reason}", remedy="check the path and its permissions"
    )


def _size(file: io.BufferedIOBase) -> int | None:
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _decompressed(stream: io.BufferedReader[Any]) -> io.BufferedReader:
    unzipped = gzip.GzipFile(fileobj=cast("BinaryIO", stream), mode="rb")
    return io.BufferedReader(cast("io.RawIOBase", unzipped), _BUFFER)
