"""A pattern as an older installation has it: nothing is checked yet."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern as its source has it.

    What could not be decoded stands as it was, as bytes, and is found to be of a wrong type.

    Attributes:
        where: File or table, and position in it.
        base: What the source calls its knowledge base.
        name: Its name there.
        events: Its events.
        age: What is younger is taken over later; equal ages go by name.
        frequency: How often it was learned; ``UNSET`` where nothing is kept of it.
        emotives: Its records, oldest first; as above.
        metadata: By key, its values; as above.
    """

    where: str
    base: str
    name: Any
    events: Any
    age: int = 0
    frequency: Any = UNSET
    emotives: Any = UNSET
    metadata: Any = UNSET


class Unreadable(msgspec.Struct, frozen=True):
    """A place of the source that holds no row.

    Attributes:
        where: As for rows.
        base: As for rows.
        reason: Why it cannot be read.
    """

    where: str
    base: str
    reason: str
