"""The ledger's counters, asked for one pattern and one symbol at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from kato.storage.ledger.counters import Carried, Counters, Facts, IntArray

_NO_PATTERNS = np.zeros(0, np.int64)
_NO_SYMBOLS = np.zeros(0, np.uint32)


class SingleReads(Counters):
    """Counters that are read one by one, each waited for before the next is asked.

    So they are not of one moment: beside somebody who learns, the totals are a little older than
    the frequencies. What was forgotten meanwhile is noticed as always.
    """

    def begin_facts(
        self, kb: int, ids: IntArray, symbols: npt.NDArray[np.uint32], weighed: Sequence[int] = ()
    ) -> Callable[[], Facts]:
        """See :meth:`Counters.begin_facts`; all is read when this returns."""
        # The totals first: a pattern that is there later was counted in them.
        totals = self._asked(kb, _NO_PATTERNS, _NO_SYMBOLS)
        patterns = [self._asked(kb, ids[at : at + 1], _NO_SYMBOLS) for at in range(len(ids))]
        counted = [
            self._asked(kb, _NO_PATTERNS, symbols[at : at + 1]) for at in range(len(symbols))
        ]
        felt = [self._asked(kb, _NO_PATTERNS, _NO_SYMBOLS, [symbol]) for symbol in weighed]
        facts = Facts(
            patterns=totals.patterns,
            pattern_frequencies=totals.pattern_frequencies,
            symbols=totals.symbols,
            frequencies=np.array([int(one.frequencies[0]) for one in patterns], np.int64),
            emotives={at: one.emotives[0] for at, one in enumerate(patterns) if one.emotives},
            symbol_frequencies=np.array([int(c.symbol_frequencies[0]) for c in counted], np.int64),
            members=np.array([int(one.members[0]) for one in counted], np.int64),
            affinities=[one.affinities[0] for one in felt],
        )
        return lambda: facts

    def carried(self, kb: int, ids: IntArray) -> list[Carried]:
        """See :meth:`Counters.carried`."""
        return [super(SingleReads, self).carried(kb, ids[at : at + 1])[0] for at in range(len(ids))]

    def _asked(
        self, kb: int, ids: IntArray, symbols: npt.NDArray[np.uint32], weighed: Sequence[int] = ()
    ) -> Facts:
        return super().begin_facts(kb, ids, symbols, weighed)()
