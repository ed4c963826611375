"""The older MongoDB storage: dumps by ``mongodump``, or exports by ``mongoexport``."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO, Any

from msgspec import UNSET

from kato.errors import InvalidInput, UnreadableInput
from kato.upkeep.migration.files import opened
from kato.upkeep.migration.row import Row, Unreadable

COLLECTION = "patterns_kb"
"""Where every database kept its patterns."""

_LARGEST = 64 << 20
"""Bytes of a document; MongoDB's own limit is 16 MB."""

_CHUNK = 1 << 20
_FIRST, _BETWEEN = re.compile(r"\s*\[\s*"), re.compile(r"[\s,]*")


def require() -> None:
    """Refuse to go on without the extra.

    Raises:
        InvalidInput: It is not installed.
    """
    if find_spec("bson") is None:
        raise InvalidInput("not installed: pymongo", remedy="pip install 'kato[migration]'")


def files_of(paths: Iterable[str]) -> list[Path]:
    """The files that hold patterns: those given, and in folders those of the collection.

    Raises:
        UnreadableInput: There is none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.rglob(f"{COLLECTION}.*")) if path.is_dir() else [path]
        files = [file for file in inside if not file.name.endswith(".metadata.json")]
        if not files:
            raise UnreadableInput(
                f"{str(path)!a} holds no {COLLECTION}.*", remedy="name the files one by one"
            )
        found += [file for file in files if not file.name.endswith(".metadata.json.gz")]
    return found


def base_of(file: Path) -> str:
    """What the knowledge base of a file is called: its folder's name, which is the database's.

    >>> base_of(Path("dump/alice_kato/patterns_kb.bson.gz")), base_of(Path("bob_kato.json"))
    ('alice_kato', 'bob_kato')
    """
    stem = file.name.split(".")[0]
    return file.absolute().parent.name if stem == COLLECTION else stem


def rows_of(files: Iterable[Path]) -> Iterator[Row | Unreadable]:
    """The rows of files, in their order.

    Raises:
        UnreadableInput: A file cannot be read.
    """
    ages = count()
    for file in files:
        is_bson = file.name.removesuffix(".gz").endswith(".bson")
        with opened(file) as stream:
            documents = _bson(stream) if is_bson else _json(stream)
            for number, document in enumerate(documents, start=1):
                where = f"{file.name}, document {number}"
                yield _row(where, base_of(file), next(ages), document)


def _row(where: str, base: str, age: int, document: Any) -> Row | Unreadable:
    if not isinstance(document, dict):
        reason = str(document) if isinstance(document, Exception) else "it is no document"
        return Unreadable(where, base, reason)
    return Row(
        where=where,
        base=base,
        name=document.get("name"),
        events=document.get("pattern_data"),
        age=age,
        frequency=document.get("frequency", UNSET),
        emotives=document.get("emotives", UNSET),
        metadata=document.get("metadata", UNSET),
    )


def _bson(stream: IO[bytes]) -> Iterator[Any]:
    """Documents; in place of one that cannot be decoded, the error."""
    from bson import decode  # noqa: PLC0415 - an extra

    while head := stream.read(4):
        size = int.from_bytes(head, "little")
        if len(head) < 4 or not 5 <= size <= _LARGEST:
            yield UnreadableInput("what follows is no document")
            return
        body = stream.read(size - 4)
        if len(body) < size - 4:
            yield UnreadableInput("the file is cut off here")
            return
        try:
            yield decode(head + body)
        except _bad() as error:
            yield error


def _json(stream: IO[bytes]) -> Iterator[Any]:
    """Documents of lines or of one array; in place of one that cannot be decoded, the error."""
    begin = stream.read(_CHUNK).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    stream.seek(0)
    if begin == b"[":
        yield from _array(stream)
        return
    for line in stream:
        if line.strip():
            try:
                yield json.loads(line, object_hook=_hook())
            except _bad() as error:
                yield error


def _array(stream: IO[bytes]) -> Iterator[Any]:
    """The documents of an array; behind one that cannot be decoded there is no telling more."""
    decoder = json.JSONDecoder(object_hook=_hook())
    decode = codecs.getincrementaldecoder("utf-8-sig")().decode
    text, place, is_first = "", 0, True
    while True:
        more = decode(stream.read(max(_CHUNK, len(text))))
        text, place = text[place:] + more, 0
        while (place := _behind(_FIRST if is_first else _BETWEEN, text, place)) < len(text):
            is_first = False
            if text[place] == "]":
                return
            try:
                document, place = decoder.raw_decode(text, place)
            except _bad() as error:
                if more and len(text) - place <= _LARGEST:
                    break
                yield error
                return
            yield document
        if not more:
            yield UnreadableInput("the array is cut off here")
            return


def _behind(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _bad() -> tuple[type[Exception], ...]:
    """What a document that cannot be decoded raises."""
    from bson.errors import BSONError  # noqa: PLC0415 - an extra

    return BSONError, ValueError, TypeError, OverflowError, RecursionError


def _hook() -> Any:
    """Makes of MongoDB's extended JSON what it stands for."""
    from bson.json_util import object_hook  # noqa: PLC0415 - an extra

    return object_hook
