"""The memory that is matched: observed symbols as integers, beside their spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

UNKNOWN = 2**31
"""Symbols that a knowledge base does not know get ids from here on."""


class Observation(msgspec.Struct, frozen=True, eq=False):
    """A short-term memory of n symbols, flattened from left to right.

    Attributes:
        symbols: uint32[n], the symbols' ids; equal texts have equal ids, and the ids of those the
            knowledge base does not know are :data:`UNKNOWN` or more.
        event_ends: int32[events], the number of symbols up to the end of each event, empty
            events included.
        texts: The n symbols as they were observed.

    >>> memory = Observation.of([["a"], [], ["b", "a"]], {"a": 7})
    >>> memory.symbols.tolist(), memory.event_ends.tolist()
    ([7, 2147483648, 7], [1, 1, 3])
    >>> memory.per_event(memory.texts)
    [['a'], [], ['b', 'a']]
    """

    symbols: npt.NDArray[np.uint32]
    event_ends: npt.NDArray[np.int32]
    texts: list[str]

    @classmethod
    def of(cls, events: Sequence[Sequence[str]], ids: Mapping[str, int]) -> Observation:
        """The memory of these events, where ``ids`` are those of the known symbols."""
        texts = [symbol for event in events for symbol in event]
        unknown = dict.fromkeys(text for text in texts if text not in ids)
        numbers = {text: UNKNOWN + number for number, text in enumerate(unknown)}
        symbols = [ids[text] if text in ids else numbers[text] for text in texts]
        ends = np.cumsum([len(event) for event in events], dtype=np.int32)
        return cls(np.array(symbols, np.uint32), ends, texts)

    def __len__(self) -> int:
        return len(self.texts)

    def per_event(self, values: Sequence[str]) -> list[list[str]]:
        """The n values, one of each symbol, as a list for each event."""
        bounds = pairwise([0, *self.event_ends.tolist()])
        return [list(values[start:end]) for start, end in bounds]
