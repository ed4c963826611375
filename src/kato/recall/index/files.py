"""Segments as files: written once, mapped into memory, and shared by all processes of a host.

A file is named by the ids it answers for, so a folder needs no table of contents, and nothing that
is written half is ever seen: a file comes to be by being renamed. It begins with a line of JSON
that says where each array lies and what its checksum is.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kato.recall.index.segment import Segment, Shelved

FORMAT = 2
"""Of the arrays; files of another format are not read, but built anew."""

_MAGIC = b"kato recall index\n"
_ALIGNMENT = 64
_NAME = re.compile(r"(\d+)-(\d+)\.segment")


class Damaged(Exception):
    """A file is not what was written."""


class _Array(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    checksum: int


class _Header(msgspec.Struct, frozen=True):
    format: int
    first: int
    last: int
    arrays: list[_Array]


class SegmentFile(msgspec.Struct, frozen=True, order=True):
    """A file of a folder, by the ids it answers for."""

    first: int
    last: int
    path: Path


def segment_files(folder: Path) -> list[SegmentFile]:
    """The segments of a folder, by ids; none if there is no such folder."""
    if not folder.is_dir():
        return []
    names = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
    return sorted(SegmentFile(int(m[1]), int(m[2]), path) for path, m in names if m)


def chain(files: list[SegmentFile], first: int = 1) -> list[SegmentFile]:
    """Files that answer for all ids from ``first`` on, each as far as possible.

    >>> here = Path()
    >>> files = [SegmentFile(1, 5, here), SegmentFile(1, 9, here), SegmentFile(12, 20, here)]
    >>> [(file.first, file.last) for file in chain(files)]
    [(1, 9)]
    """
    chosen: list[SegmentFile] = []
    while following := [file for file in files if file.first == first]:
        chosen.append(max(following))
        first = chosen[-1].last + 1
    return chosen


def save(shelf: Shelved, folder: Path) -> SegmentFile:
    """Write a segment; nothing that was hidden since it was built is kept.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{shelf.first}-{shelf.last}.segment"
    temporary = folder / f"{path.name}.{os.getpid()}.new"
    try:
        with temporary.open("wb") as file:
            _write(file, shelf)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return SegmentFile(shelf.first, shelf.last, path)


def load(file: SegmentFile) -> Shelved:
    """Map a segment into memory, after its checksums are compared.

    Raises:
        Damaged: It is not what was written, or of another format.
        OSError: It cannot be read.
    """
    mapped = _mapped(file.path)
    header, start = _header(mapped)
    if (header.first, header.last) != (file.first, file.last):
        raise Damaged("it answers for other patterns than its name says")
    arrays = {array.name: _array(mapped, start, array) for array in header.arrays}
    if set(arrays) != set(Segment._fields):
        raise Damaged("an array is missing")
    return Shelved.of(file.first, file.last, Segment(**arrays))


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    if path.stat().st_size < len(_MAGIC):
        raise Damaged("it is cut off")
    # "c", copy on write: to a kernel a read-only array would be another type, compiled once more.
    return np.memmap(path, np.uint8, "c").view(np.ndarray)


def _header(mapped: npt.NDArray[np.uint8]) -> tuple[_Header, int]:
    begin = len(_MAGIC)
    if mapped[:begin].tobytes() != _MAGIC:
        raise Damaged("it is no segment")
    line = mapped[begin : begin + 16].tobytes()
    try:
        size, checksum = int(line[:8], 16), int(line[8:], 16)
    except ValueError:
        raise Damaged("its header is unreadable") from None
    text = mapped[begin + 16 : begin + 16 + size].tobytes()
    if zlib.crc32(text) != checksum:
        raise Damaged("its header is damaged")
    header = msgspec.json.decode(text, type=_Header)
    if header.format != FORMAT:
        raise Damaged(f"it is of format {header.format}")
    return header, _aligned(begin + 16 + size)


def _array(mapped: npt.NDArray[np.uint8], start: int, array: _Array) -> npt.NDArray[Any]:
    dtype = np.dtype(array.dtype)
    size = int(np.prod(array.shape)) * dtype.itemsize
    data = mapped[start + array.offset : start + array.offset + size]
    if len(data) != size:
        raise Damaged("it is cut off")
    if zlib.crc32(data.data) != array.checksum:
        raise Damaged(f"its {array.name} are damaged")
    return data.view(dtype).reshape(array.shape)


def _write(file: Any, shelf: Shelved) -> None:
    arrays, offset = [], 0
    for name, values in shelf.segment._asdict().items():
        checksum = zlib.crc32(values)
        arrays.append(_Array(name, values.dtype.str, values.shape, offset, checksum))
        offset = _aligned(offset + values.nbytes)
    text = msgspec.json.encode(_Header(FORMAT, shelf.first, shelf.last, arrays))
    file.write(_MAGIC + f"{len(text):08x}{zlib.crc32(text):08x}".encode() + text)
    start = _aligned(file.tell())
    for array, values in zip(arrays, shelf.segment, strict=True):
        file.seek(start + array.offset)
        file.write(values.data)
    file.truncate(start + offset)


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
