"""Count a knowledge base again from its sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kato.storage.ledger.journal import Sequences, State

IntArray = npt.NDArray[np.int64]


class Recount:
    """Counters of a knowledge base, from sequences.

    Attributes:
        patterns: How many there are.
        frequencies: How often all were learned.
        occurrences: How many symbols were learned with them, repeats included.

    >>> from kato.matching import Candidates
    >>> given = Candidates.of([(1, [[3], [1], [3]])])
    >>> names = np.zeros((1, 20), np.uint8)
    >>> recount = Recount()
    >>> recount.add(
    ...     Sequences(
    ...         given.ids,
    ...         names,
    ...         given.symbols,
    ...         given.offsets,
    ...         given.event_ends,
    ...         given.event_offsets,
    ...     ),
    ...     np.array([2]),
    ... )
    >>> recount.symbol_frequencies(3).tolist(), recount.members(3).tolist(), recount.occurrences
    ([0, 2, 0, 4], [0, 1, 0, 1], 6)
    """

    def __init__(self) -> None:
        self.patterns = 0
        self.frequencies = 0
        self.occurrences = 0
        self._counts = np.zeros((2, 0), np.int64)
        self._felt: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, sequences: Sequences, frequencies: IntArray, sign: int = 1) -> None:
        """Count these patterns in, or out where the sign is -1."""
        lengths = np.diff(sequences.offsets)
        self.patterns += sign * len(sequences.ids)
        self.frequencies += sign * int(frequencies.sum())
        self.occurrences += sign * int((lengths * frequencies).sum())
        if not len(sequences.symbols):
            return
        # Integers below 2**53 are exact in the floats that bincount sums in, range by range.
        learned = np.bincount(sequences.symbols, np.repeat(frequencies, lengths))
        _, distinct = _distinct(sequences)
        self._reach(len(learned))
        self._counts[0, : len(learned)] += sign * learned.astype(np.int64)
        self._counts[1, : len(learned)] += sign * np.bincount(distinct, minlength=len(learned))

    def add_felt(self, sequences: Sequences, states: Mapping[int, State]) -> None:
        """Add these patterns' shares to the affinity sums of their symbols."""
        felt = {i: state.felt for i, state in states.items() if state.felt}
        rows = np.flatnonzero(np.isin(sequences.ids, np.fromiter(felt, np.int64, len(felt))))
        if not len(rows):
            return
        some = sequences.take(rows)
        owners, symbols = _distinct(some)
        shares = [felt[i] for i in some.ids.tolist()]
        for emotive in sorted({emotive for share in shares for emotive in share}):
            values = np.array([share.get(emotive, 0.0) for share in shares])[owners]
            self._add_sums(emotive, symbols, values)

    def add_inherited(self, inherited: Mapping[int, Mapping[str, float]]) -> None:
        """Add what symbols' affinity sums hold beside shares, by symbol."""
        for emotive in sorted({emotive for sums in inherited.values() for emotive in sums}):
            symbols = [symbol for symbol, sums in inherited.items() if emotive in sums]
            values = np.array([inherited[symbol][emotive] for symbol in symbols])
            self._add_sums(emotive, np.array(symbols), values)

    def affinity_of(self, symbol: int) -> dict[str, tuple[float, float]]:
        """By emotive, the sum of a symbol's shares and of what it inherited, and of the amounts."""
        return {
            emotive: (float(sums[0, symbol]), float(sums[1, symbol]))
            for emotive, sums in self._felt.items()
            if symbol < sums.shape[1] and sums[1, symbol]
        }

    def weighed(self, first: int, last: int) -> set[int]:
        """Those of a range of symbols that have shares of affinity."""
        found: set[int] = set()
        for sums in self._felt.values():
            found.update((np.flatnonzero(sums[1, first : last + 1]) + first).tolist())
        return found

    def is_affinity(self, symbol: int, sums: Mapping[str, float]) -> bool:
        """Whether these are a symbol's affinity sums; they may err, as floats do, by 1e-9.

        What was added and taken away again leaves an error of its own: sums below 1 may err by 1e-9
        of 1.
        """
        found = self.affinity_of(symbol)
        return all(
            abs(sums.get(emotive, 0.0) - total) <= 1e-9 * max(1.0, amount)
            for emotive in {*sums, *found}
            for total, amount in [found.get(emotive, (0.0, 0.0))]
        )

    def add_all(self, other: Recount) -> None:
        """Count in what another one counted."""
        self.patterns += other.patterns
        self.frequencies += other.frequencies
        self.occurrences += other.occurrences
        size = other._counts.shape[1]
        self._reach(size)
        self._counts[:, :size] += other._counts

    @property
    def symbols(self) -> int:
        """How many symbols stand in a pattern."""
        return int(np.count_nonzero(self._counts[1]))

    def symbol_frequencies(self, last: int) -> IntArray:
        """int64[last + 1], by symbol id how often it was learned."""
        self._reach(last + 1)
        return self._counts[0, : last + 1]

    def members(self, last: int) -> IntArray:
        """int64[last + 1], by symbol id how many patterns it stands in."""
        self._reach(last + 1)
        return self._counts[1, : last + 1]

    def _add_sums(self, emotive: str, symbols: IntArray, values: npt.NDArray[np.float64]) -> None:
        size = int(symbols.max()) + 1
        sums = np.array([np.bincount(symbols, v, size) for v in (values, np.abs(values))])
        before = self._felt.get(emotive, np.zeros((2, 0)))
        size = max(size, before.shape[1])
        self._felt[emotive] = _reaching(before, size) + _reaching(sums, size)

    def _reach(self, size: int) -> None:
        if size > self._counts.shape[1]:
            self._counts = _reaching(self._counts, size * 5 // 4)


def _reaching(counts: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The same with zeros behind, so many columns all together."""
    return np.pad(counts, ((0, 0), (0, size - counts.shape[1])))


def _distinct(sequences: Sequences) -> tuple[IntArray, IntArray]:
    """Each pattern's distinct symbols: the pattern's place, and the symbol's id."""
    lengths = np.diff(sequences.offsets)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs = np.unique(rows << 32 | sequences.symbols)
    return pairs >> 32, pairs & 0xFFFFFFFF
