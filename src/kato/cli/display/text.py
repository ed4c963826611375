"""Text from data made safe to print: nothing in it moves the cursor, hides or colours anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kato.model.naming import text_form
from kato.model.printable import is_printable

LIMIT = 60
"""Characters of a symbol that are shown."""

_UNAMBIGUOUS = re.compile(r"[^\s{}'\"\\]+")
_C1_CONTROLS = re.compile("[\x7f-\x9f]")
NOTHING = "–"


def safe(text: str) -> str:
    r"""The text with what does not print written as an escape.

    >>> print(safe("red \x1b[31m"))
    red \x1b[31m
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(c if is_printable(c) else text_form([[c]])[3:-3] for c in text)


def symbol_text(symbol: str) -> str:
    r"""A symbol as it is shown: itself if that is clear, else quoted as Python would; cut if long.

    >>> print(symbol_text("a"), symbol_text("a b"), symbol_text(""), symbol_text("\n"))
    a 'a b' '' '\n'
    """
    cut = symbol[:LIMIT]
    clear = _UNAMBIGUOUS.fullmatch(cut) and all(map(is_printable, cut))
    shown = cut if clear else text_form([[cut]])[2:-2]
    return shown if len(symbol) <= LIMIT else f"{shown}…({len(symbol):,} characters)"


def event_text(event: Sequence[str]) -> str:
    """An event as it is shown: its symbol, or several of them (or none) in braces.

    >>> event_text(["a"]), event_text(["a", "b"])
    ('a', '{a b}')
    """
    symbols = " ".join(map(symbol_text, event))
    return symbols if len(event) == 1 else f"{{{symbols}}}"


def events_text(events: Iterable[Sequence[str]]) -> str:
    """Events as they are shown, a dash if there are none."""
    return " ".join(map(event_text, events)) or NOTHING


def safe_json(document: bytes) -> str:
    """JSON that does not move a terminal's cursor: C1 controls and DEL become escapes too."""
    # In JSON all of these stand inside strings, and there an escape means the same.
    return _C1_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
