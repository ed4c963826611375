"""Codes: the few symbols that matter to one query, numbered from 0, and found in a step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching.compiled import Array, compiled, kernel_array

NONE = -1
"""The code of a symbol that has none."""

# Fibonacci hashing (Knuth, TAOCP 6.4), with an odd factor below 2**31: its product with a uint32
# stays within int64.
_FACTOR = 0x4F1BBCDD
_SHIFT = 15


class SymbolTable(NamedTuple):
    """An open-addressing table from symbol ids to codes.

    Attributes:
        keys: int64[capacity], the symbol id in each slot, -1 where empty; capacity is a power of 2.
        values: int64[capacity], the code in each slot.
    """

    keys: Array
    values: Array


def symbol_table(ids: npt.ArrayLike) -> SymbolTable:
    """The table that gives each of the distinct ``ids`` its index as a code.

    >>> table = symbol_table([30, 10])
    >>> [code_of(table, symbol) for symbol in (10, 20, 30)]
    [1, -1, 0]
    """
    numbers = kernel_array(ids, np.int64)
    capacity = 1 << max(4, int(4 * len(numbers)).bit_length())
    table = SymbolTable(np.full(capacity, NONE, np.int64), np.zeros(capacity, np.int64))
    fill_table(table, numbers)
    return table


@compiled
def fill_table(table: SymbolTable, ids: Array) -> None:
    """Enter each id with its index."""
    mask = len(table.keys) - 1
    for code in range(len(ids)):
        slot = ((ids[code] * _FACTOR) >> _SHIFT) & mask
        while table.keys[slot] >= 0:
            slot = (slot + 1) & mask
        table.keys[slot] = ids[code]
        table.values[slot] = code


@compiled
def code_of(table: SymbolTable, symbol: int) -> int:
    """The code of a symbol, or :data:`NONE`."""
    mask = len(table.keys) - 1
    key = np.int64(symbol)
    slot = ((key * _FACTOR) >> _SHIFT) & mask
    while table.keys[slot] >= 0:
        if table.keys[slot] == key:
            return int(table.values[slot])
        slot = (slot + 1) & mask
    return NONE
