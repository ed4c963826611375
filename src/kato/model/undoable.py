"""What was taken away and can be given back."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["forget", "clear", "drop", "replace"]


class Undoable(msgspec.Struct, frozen=True):
    """A change that took something away and can be undone.

    Attributes:
        kind: ``forget`` a pattern, ``clear`` a knowledge base, ``drop`` it with its name, or
            ``replace`` what it held by an undo.
        knowledge_base: The knowledge base's name.
        pattern: The forgotten pattern's name; None if the change was about all patterns.
        patterns: How many patterns were taken away.
        at: When that was, s since 1970.
        until: Until when it can be undone, s since 1970.
    """

    kind: Kind
    knowledge_base: str
    pattern: str | None
    patterns: int
    at: float
    until: float
