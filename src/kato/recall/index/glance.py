"""What a row has in common with a memory at a glance: its subsequence and its run, from bits.

Each symbol of a row becomes a word: the places where it was observed. So memories of up to 64
symbols are compared; for longer ones :mod:`kato.matching` has the general ways.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kato.matching.bits import bit_count
from kato.matching.codes import SHIFT
from kato.matching.compiled import Array, inner
from kato.matching.observed import Observed
from kato.recall.index.segment import symbol_at

LARGEST = 64
"""Symbols of a memory that a word has bits for."""

_NONE = np.uint64(0)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


class Glance(NamedTuple):
    """The observed places of symbols, and room for one row.

    Attributes:
        keys: int64[capacity], of :class:`kato.matching.codes.SymbolTable`.
        places: uint64[capacity], the places of the symbol in each slot; uint64[0] if the memory is
            too long, or a symbol may be in another slot than the first.
        factor: int64[1], of the table's hash.
        row: uint64[longest], the places of each symbol of the row.
        runs: uint64[2, longest], where a run of the length in question begins in the memory, for
            each symbol of the row that begins one; and room for the next length.
    """

    keys: Array
    places: Array
    factor: Array
    row: Array
    runs: Array


def glance_of(memory: Observed, longest: int) -> Glance:
    """A glance at rows of up to so many symbols.

    Args:
        memory: Its first row is entered, see :func:`kato.matching.observed.enter_row`.
        longest: Symbols of the longest row.
    """
    table = memory.table
    places = np.zeros(0, np.uint64)
    if table.alone and memory.rows.shape[1] <= LARGEST:
        places = np.where(table.keys >= 0, memory.masks[table.values, 0], _NONE)
    return Glance(
        table.keys,
        places,
        np.full(1, table.factor, np.int64),
        np.zeros(longest, np.uint64),
        np.zeros((2, longest), np.uint64),
    )


@inner
def is_at_hand(glance: Glance) -> bool:
    """Whether the memory is short enough."""
    return len(glance.places) > 0


@inner
def take_in(glance: Glance, symbols: Array, first: int, length: int) -> None:
    """Find the places of a row's symbols."""
    keys, places, factor = glance.keys, glance.places, glance.factor[0]
    last = np.uint64(len(keys) - 1)
    for index in range(length):
        symbol = np.int64(symbol_at(symbols, first + index))
        # Unsigned, or numba asks of each slot whether it counts from the end.
        slot = np.uint64((symbol * factor) >> SHIFT) & last
        glance.row[index] = places[slot] if keys[slot] == symbol else _NONE


@inner
def subsequence_at_a_glance(glance: Glance, length: int) -> int:
    """The longest common subsequence, as :func:`kato.matching.subsequence.common_subsequence`."""
    left = _ONES
    for index in range(length):
        common = left & glance.row[index]
        left = (left + common) | (left - common)
    return int(bit_count(~left))


@inner
def run_at_a_glance(glance: Glance, length: int) -> tuple[int, bool]:
    """The longest common run, and whether the symbol before the first such one is its first again.

    A run of k + 1 symbols begins where one of k does, if its last symbol was observed k places on.
    """
    runs, row = glance.runs, glance.row
    now, run, found = 0, 0, _NONE
    for index in range(length):
        runs[0, index] = row[index]
        found |= row[index]
    while found:
        run += 1
        found = _NONE
        for index in range(length - run):
            runs[1 - now, index] = runs[now, index] & (row[index + run] >> np.uint64(run))
            found |= runs[1 - now, index]
        if found:
            now = 1 - now
    start = 0
    while run > 0 and runs[now, start] == _NONE:
        start += 1
    return run, run > 0 and start > 0 and row[start - 1] == row[start]
