"""Patterns in and out over HTTP: streams that wait for stores and clients."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

from kato.memory import PatternPage
from kato.memory.exporting import Format, encoder

MEDIA = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

SPOOLED = 4 << 20
"""Bytes of a Parquet body that are held in memory; what is larger goes to a temporary file."""

Page = Callable[[str | None], Awaitable[PatternPage]]


async def exported(page: Page, kind: Format) -> AsyncIterator[bytes]:
    """All patterns, as many in memory as one page holds.

    Args:
        page: Answers the page that comes after a cursor.
        kind: The format.
    """
    encode = encoder(kind)
    after = None
    while True:
        found = await page(after)
        after = found.next
        yield encode(found)
        if after is None:
            return


def spool() -> IO[bytes]:
    """Where a Parquet body is kept until it is whole: it is read from its end."""
    return tempfile.SpooledTemporaryFile(SPOOLED)
