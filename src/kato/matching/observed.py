"""The memory as kernels see it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kato.matching.codes import NONE, SymbolTable, symbol_table
from kato.matching.compiled import Array, compiled


class Observed(NamedTuple):
    """The observed symbols by code, and where each code stands.

    Attributes:
        table: The codes of the symbols that matter.
        rows: int64[1 or k, n], the codes of the memory; one row for all candidates, or one each.
        first: int64[codes], the first position of each code, -1 if it is not in the memory.
        following: int64[n], the next position of the same code, -1 at its last.
        masks: uint64[codes, words], the positions of each code as bits.
    """

    table: SymbolTable
    rows: Array
    first: Array
    following: Array
    masks: Array


def observed(memory: npt.NDArray[np.uint32], others: npt.ArrayLike = ()) -> Observed:
    """The memory for the kernels, where ``others`` are symbols that need a code as well.

    Args:
        memory: uint32[1 or k, n], symbol ids.
        others: Symbol ids, in any order.
    """
    ids = np.unique(np.concatenate([memory.ravel(), np.asarray(others, np.uint32)]))
    count, length = len(ids), memory.shape[1]
    return Observed(
        symbol_table(ids),
        np.searchsorted(ids, memory),
        np.full(count, NONE, np.int64),
        np.full(length, NONE, np.int64),
        np.zeros((count, length // 64 + 1), np.uint64),
    )


@compiled
def enter_row(memory: Observed, row: int) -> None:
    """Note the positions of each code of one row."""
    codes = memory.rows[row]
    for position in range(len(codes) - 1, -1, -1):
        code = codes[position]
        memory.following[position] = memory.first[code]
        memory.first[code] = position
        bit = np.uint64(1) << np.uint64(position & 63)
        memory.masks[code, position >> 6] |= bit


@compiled
def leave_row(memory: Observed, row: int) -> None:
    """Forget what :func:`enter_row` noted."""
    for code in memory.rows[row]:
        memory.first[code] = NONE
        memory.masks[code, :] = 0
