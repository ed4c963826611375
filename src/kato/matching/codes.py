"""Codes: the few symbols that matter to one query, numbered from 0, and found in a step."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, compiled, kernel_array

NONE = -1
"""The code of a symbol that has none."""

# Fibonacci hashing (Knuth, TAOCP 6.4), with odd factors below 2**31: their product with a uint32
# stays within int64. Others are tried where the first lets two symbols meet.
_FACTORS = (0x4F1BBCDD, 0x6C62272F, 0x1B873593, 0x27D4EB2F, 0x5BD1E995, 0x165667B1)
SHIFT = 15
"""Of the hash: the slot of a symbol is ``(symbol * factor >> SHIFT) & (capacity - 1)``."""

_FEW = 64
_LARGEST = 1 << 14


class SymbolTable(NamedTuple):
    """An open-addressing table from symbol ids to codes.

    Attributes:
        keys: int64[capacity], the symbol id in each slot, -1 where empty; capacity is a power of 2.
        values: int64[capacity], the code in each slot.
        factor: Of the hash.
        alone: Whether each id is in the first slot that is tried, so that one look is enough: what
            takes half the time of a look that may go on, because no branch is guessed wrongly.
    """

    keys: Array
    values: Array
    factor: int
    alone: bool


def symbol_table(ids: npt.ArrayLike) -> SymbolTable:
    """The table that gives each of the distinct ``ids`` its index as a code.

    >>> table = symbol_table([30, 10])
    >>> [code_of(table, symbol) for symbol in (10, 20, 30)]
    [1, -1, 0]
    """
    numbers = kernel_array(ids, np.int64)
    return _table_of_few(numbers.tobytes()) if len(numbers) <= _FEW else _table(numbers)


@lru_cache(maxsize=64)
def _table_of_few(ids: bytes) -> SymbolTable:
    # Each step of a prediction asks for the table of the same memory; nobody changes one.
    return _table(np.frombuffer(bytearray(ids), np.int64))


def _table(numbers: npt.NDArray[np.int64]) -> SymbolTable:
    capacity = 1 << max(4, int(4 * len(numbers)).bit_length())
    while len(numbers) <= _FEW and capacity <= _LARGEST:
        slots = (numbers[:, np.newaxis] * np.array(_FACTORS) >> SHIFT) & (capacity - 1)
        slots.sort(axis=0)
        meeting = (slots[1:] == slots[:-1]).any(axis=0)
        if not meeting.all():
            return _filled(numbers, capacity, _FACTORS[int(meeting.argmin())], alone=True)
        capacity *= 2
    return _filled(numbers, capacity, _FACTORS[0], alone=False)


def _filled(
    numbers: npt.NDArray[np.int64], capacity: int, factor: int, *, alone: bool
) -> SymbolTable:
    keys, values = np.full(capacity, NONE, np.int64), np.zeros(capacity, np.int64)
    table = SymbolTable(keys, values, factor, alone)
    fill_table(table, numbers)
    return table


@compiled
def fill_table(table: SymbolTable, ids: Array) -> None:
    """Enter each id with its index."""
    mask = len(table.keys) - 1
    for code in range(len(ids)):
        slot = ((ids[code] * table.factor) >> SHIFT) & mask
        while table.keys[slot] >= 0:
            slot = (slot + 1) & mask
        table.keys[slot] = ids[code]
        table.values[slot] = code


@compiled
def code_of(table: SymbolTable, symbol: int) -> int:
    """The code of a symbol, or :data:`NONE`."""
    mask = len(table.keys) - 1
    key = np.int64(symbol)
    slot = ((key * table.factor) >> SHIFT) & mask
    if table.alone:
        code = table.values[slot]
        return int(code if table.keys[slot] == key else NONE)
    while table.keys[slot] >= 0:
        if table.keys[slot] == key:
            return int(table.values[slot])
        slot = (slot + 1) & mask
    return NONE
