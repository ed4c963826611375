"""The formats, and which one a file is in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath

from kato.cli.reading.columns import Columns
from kato.cli.reading.item import Item
from kato.cli.reading.jsonl import read_jsonl
from kato.cli.reading.lines import read_lines
from kato.cli.reading.source import Source
from kato.cli.reading.spmf import read_spmf
from kato.cli.reading.text import read_text

Reader = Callable[[Source, Columns], Iterator[Item]]

FORMATS = ("lines", "spmf", "jsonl", "table", "parquet", "text")

_EXTENSIONS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".spmf": "spmf",
}
_PARQUET_MAGIC = b"PAR1"
_SPMF_LINE = re.compile(rb"^[^\n]*[^\s] -(?:1 -2\s*$|2\s*$|1 )", re.MULTILINE)
_COMMENT_OR_BLANK = re.compile(rb"(?:[ \t\r]*\n|[#%@][^\n]*\n)*")


def reader(name: str) -> Reader:
    """The reader of the format of that name."""
    match name:
        # These two are imported here: help should not wait for numpy and pyarrow.
        case "table":
            from kato.cli.reading.table import read_table  # noqa: PLC0415

            return read_table
        case "parquet":
            from kato.cli.reading.parquet import read_parquet  # noqa: PLC0415

            return read_parquet
        case _:
            plain = {"lines": read_lines, "spmf": read_spmf, "jsonl": read_jsonl, "text": read_text}
            return lambda source, _: plain[name](source)


def guess_format(source: Source, columns: Columns) -> str:
    """The format of a source: by columns asked for, its extension, else its first line.

    ``text`` is never guessed: it looks like ``lines``.
    """
    extension = PurePath(source.name.removesuffix(".gz")).suffix.lower()
    guessed = _EXTENSIONS.get(extension) or _by_content(source.head())
    asked = columns != Columns()
    return "table" if asked and guessed in ("lines", "spmf") else guessed


def _by_content(head: bytes) -> str:
    if head.startswith(_PARQUET_MAGIC):
        return "parquet"
    comments = _COMMENT_OR_BLANK.match(head)
    start = head[comments.end() :] if comments else head
    first = start.partition(b"\n")[0]
    if first.startswith((b'{"', b'{ "', b"[[")):
        return "jsonl"
    return "spmf" if _SPMF_LINE.match(first) else "lines"
