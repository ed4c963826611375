"""The SPMF sequence format: symbols by blanks, ``-1`` ends an event and ``-2`` a sequence.

Lines that begin with ``#``, ``%`` or ``@`` are comments, but for ``@ITEM=7=apple``: it says that
the symbol written ``7`` is ``apple``. Format: https://www.philippe-fournier-viger.com/spmf/
"""

from __future__ import annotations

from collections.abc import Iterator

from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.model.example import Example

_END_OF_EVENT = b"-1"
_END_OF_SEQUENCE = b"-2"
_COMMENTS = (b"#", b"%", b"@")
_ITEM = b"@ITEM="

_Names = dict[bytes, str]


class _Malformed(ValueError):
    """A line breaks the format; the text says how."""


def read_spmf(source: Source) -> Iterator[Item]:
    """The sequences of an SPMF source; a line may hold several, and each ends on its line."""
    names: _Names = {}
    for line in source.lines():
        try:
            if line.startswith(_COMMENTS):
                _note_item(line, names)
                continue
            sequences = _sequences(line, names)
        except UnicodeDecodeError as error:
            yield Rejected(source.name, source.line, undecodable(error))
        except _Malformed as error:
            yield Rejected(source.name, source.line, str(error))
        else:
            for events in sequences:
                yield Accepted(Example(events), source.name, source.line)


def _note_item(line: bytes, names: _Names) -> None:
    if not line.startswith(_ITEM):
        return
    written, equals, name = line.removeprefix(_ITEM).partition(b"=")
    if not equals:
        raise _Malformed("@ITEM has no name: write @ITEM=7=apple")
    names[written.strip()] = name.decode()


def _sequences(line: bytes, names: _Names) -> list[list[list[str]]]:
    sequences: list[list[list[str]]] = []
    events: list[list[str]] = []
    event: list[str] = []
    ended = True
    for word in line.split():
        ended = word == _END_OF_SEQUENCE
        if word == _END_OF_EVENT or (ended and event):
            events.append(_filled(event))
            event = []
        if ended:
            sequences.append(events)
            events = []
        elif word != _END_OF_EVENT:
            event.append(names[word] if word in names else word.decode())
    if not ended:
        raise _Malformed("does not end with -2")
    return sequences


def _filled(event: list[str]) -> list[str]:
    if not event:
        raise _Malformed("-1 ends an event without symbols")
    return event
