"""JSON Lines: an object with events, emotives and metadata a line, or only the list of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.model.example import Example


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    # A misspelt key is refused: taken for unknown and ignored, emotives would be lost unseen.
    events: list[list[str]]
    emotives: dict[str, float] | None = None
    metadata: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Record | list[list[str]])


def read_jsonl(source: Source) -> Iterator[Item]:
    """The sequences of a JSON Lines source; blank lines are passed over."""
    for line in source.lines():
        if not line.strip():
            continue
        try:
            example = decoded(line)
        except UnicodeDecodeError as error:
            yield Rejected(source.name, source.line, undecodable(error))
        except (msgspec.MsgspecError, RecursionError) as error:
            yield Rejected(source.name, source.line, str(error))
        else:
            yield Accepted(example, source.name, source.line)


def decoded(line: bytes) -> Example:
    """The example one line describes.

    Raises:
        msgspec.MsgspecError: It is no JSON, or of another shape.
        RecursionError: Its metadata is nested too deeply.
        UnicodeDecodeError: It is no UTF-8.

    >>> decoded(b'[["a"], ["b", "c"]]').events
    [['a'], ['b', 'c']]
    """
    line.decode()
    record = _DECODER.decode(line)
    if isinstance(record, list):
        return Example(record)
    return Example(record.events, record.emotives or {}, record.metadata or {})
