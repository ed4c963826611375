"""Patterns out, as a stream: NDJSON, a pattern a line, or Parquet, a pattern a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from kato.memory.copies import PatternCopy
from kato.memory.searching import PatternPage

Format = Literal["ndjson", "parquet"]

_RECORD = pa.map_(pa.string(), pa.float64())

SCHEMA = pa.schema(
    {
        "name": pa.string(),
        "events": pa.list_(pa.list_(pa.string())),
        "frequency": pa.int64(),
        "emotives": pa.list_(_RECORD),
        "metadata": pa.map_(pa.string(), pa.list_(pa.string())),
        "affinity": _RECORD,
        "vectors": pa.map_(pa.string(), pa.list_(pa.float64())),
    }
)
"""The columns of a Parquet file, and the keys of an NDJSON line."""


def encoder(kind: Format) -> Callable[[PatternPage], bytes]:
    """What makes bytes of one page after the other, as many in memory as a page holds.

    Args:
        kind: The format.
    """
    encode = _as_ndjson if kind == "ndjson" else _AsParquet()

    def encoded(page: PatternPage) -> bytes:
        copies = map(PatternCopy.of, page.patterns, page.affinities, page.vectors)
        return encode(list(copies), is_last=page.next is None)

    return encoded


def _as_ndjson(copies: list[PatternCopy], *, is_last: bool) -> bytes:  # noqa: ARG001
    return b"".join(msgspec.json.encode(copy) + b"\n" for copy in copies)


class _AsParquet:
    """Writes Parquet to nowhere, and hands out what was written."""

    def __init__(self) -> None:
        self._written = _Drained()
        file: Any = self._written  # any object with write and tell
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")

    def __call__(self, copies: list[PatternCopy], *, is_last: bool) -> bytes:
        rows = [_row(copy) for copy in copies]
        if rows:
            self._writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
        if is_last:
            self._writer.close()
        return self._written.drain()


class _Drained:
    """A file that forgets what was taken of it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def drain(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _row(copy: PatternCopy) -> dict[str, Any]:
    return {
        "name": copy.name,
        "events": copy.events,
        "frequency": copy.frequency,
        "emotives": [list(record.items()) for record in copy.emotives],
        "metadata": list(copy.metadata.items()),
        "affinity": list((copy.affinity or {}).items()),
        "vectors": list(copy.vectors.items()),
    }
