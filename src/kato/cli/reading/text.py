"""Running text: words and marks are symbols in lower case, a sentence is a sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kato.cli.reading.item import Accepted, Item, Rejected, undecodable
from kato.cli.reading.source import Source
from kato.model.example import Example

_WORDS = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_ENDS = frozenset(".!?")


def read_text(source: Source) -> Iterator[Item]:
    """The sentences of a text: each ends with ``.``, ``!`` or ``?``, or at a blank line."""
    sentence: list[list[str]] = []
    began = 1
    for line in source.lines():
        try:
            words = _WORDS.findall(line.decode().lower())
        except UnicodeDecodeError as error:
            yield Rejected(source.name, source.line, undecodable(error))
            continue
        for word in words or ["\n"]:
            if not sentence:
                began = source.line
            if word != "\n":
                sentence.append([word])
            if sentence and (word in _ENDS or word == "\n"):
                yield Accepted(Example(sentence), source.name, began)
                sentence = []
    if sentence:
        yield Accepted(Example(sentence), source.name, began)
