"""One thing to learn: events with what was felt and known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Example(msgspec.Struct, frozen=True):
    """A sequence to learn, with its emotives and metadata.

    Attributes:
        events: Events in order, each a list of symbols.
        emotives: Numbers by name.
        metadata: Anything by name; values are kept as text.

    >>> Example([["a"], ["b"]], emotives={"joy": 1.0}).emotives
    {'joy': 1.0}
    """

    events: Sequence[Sequence[str]]
    emotives: Mapping[str, float] = {}
    metadata: Mapping[str, Any] = {}
