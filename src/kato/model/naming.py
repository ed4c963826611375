"""Pattern names: identity by content.

A name is the SHA-1 of the UTF-8 bytes of Python's text form of the list of events
(``spec/algorithms.md`` section 1). Only the standard library and the printable table beside this
file are imported: the naming test loads both under other Python versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1

from kato.model.printable import is_printable

NAME_LENGTH = 40
PREFIX = "PTRN|"

_SHORT_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def pattern_name(events: Sequence[Sequence[str]]) -> str:
    """The name of a pattern with these events: 40 lower-case hexadecimal digits.

    >>> pattern_name([["a"], ["b"]])
    '76d7efca2e96cb5eeddf4e06ac96a0f424630135'
    """
    return sha1(text_form(events).encode(), usedforsecurity=False).hexdigest()


def text_form(events: Sequence[Sequence[str]]) -> str:
    r"""Python's text form of the events, the same under every Python version.

    >>> text_form([["it's"], ["b", "\u200b"]])
    '[["it\'s"], [\'b\', \'\\u200b\']]'
    """
    # For ASCII every Python version prints the same, and repr of the whole is ten times faster.
    if all(symbol.isascii() for event in events for symbol in event):
        return repr([list(event) for event in events])
    return "[" + ", ".join(_event_form(event) for event in events) + "]"


def bare_name(name: str) -> str:
    """The name without the ``PTRN|`` that answers of learn carry.

    >>> bare_name("PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135")
    '76d7efca2e96cb5eeddf4e06ac96a0f424630135'
    """
    return name.removeprefix(PREFIX)


def _event_form(event: Sequence[str]) -> str:
    return "[" + ", ".join(_symbol_form(symbol) for symbol in event) + "]"


def _symbol_form(symbol: str) -> str:
    if symbol.isascii():
        return repr(symbol)
    quote = '"' if "'" in symbol and '"' not in symbol else "'"
    return quote + "".join(_character_form(character, quote) for character in symbol) + quote


def _character_form(character: str, quote: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character == quote:
        return "\\" + character
    if is_printable(character):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
