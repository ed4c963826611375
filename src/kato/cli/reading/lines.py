"""Lines: one sequence a line, its symbols separated by blanks, each an event of its own."""

from __future__ import annotations

from collections.abc import Iterator

from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.model.example import Example


def read_lines(source: Source) -> Iterator[Item]:
    """The sequences of a source of lines; blank lines are passed over.

    Blanks are those of ASCII (space, tab, vertical tab, form feed): any other character, a
    no-break space too, belongs to the symbol it stands in.
    """
    for line in source.lines():
        try:
            events = [[word.decode()] for word in line.split()]
        except UnicodeDecodeError:
            yield Rejected(source.name, source.line, _reason(line))
            continue
        if events:
            yield Accepted(Example(events), source.name, source.line)


def _reason(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return undecodable(error)
    # Blanks are ASCII and never inside a UTF-8 character, so the line fails where its word does.
    raise AssertionError(line)
