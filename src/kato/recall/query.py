"""What recall is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import UNKNOWN, Alignment, Candidates, Observation
from kato.model.config import SessionConfig
from kato.recall.trace import Trace
from kato.storage.ledger.journal import Sequences
from kato.storage.ledger.tail import TailView

SURVIVORS_PER_PREDICTION = 3
"""The ensemble holds this many patterns for each prediction that is asked for."""


class Query(msgspec.Struct, frozen=True, eq=False):
    """One recall.

    Attributes:
        kb: The knowledge base's number.
        observation: The memory, of one symbol or more.
        config: The session's configuration.
        tail: What ClickHouse may not have yet.
        last_pattern: The greatest pattern id there can be.
        texts_of: Texts of symbol ids.
        vocabulary: All texts of the knowledge base by symbol id.
        forgotten: How many patterns were forgotten so far.
        restored: How many of them were given back.
        trace: Where it is noted how it is answered, if that is asked.
    """

    kb: int
    observation: Observation
    config: SessionConfig
    tail: TailView
    last_pattern: int
    texts_of: Callable[[Sequence[int]], Mapping[int, str]]
    vocabulary: Callable[[], Mapping[int, str]]
    forgotten: int = 0
    restored: int = 0
    trace: Trace | None = None

    @property
    def limit(self) -> int:
        """How many patterns the ensemble may hold."""
        return SURVIVORS_PER_PREDICTION * self.config.max_predictions

    @property
    def first_of_tail(self) -> int:
        """The patterns before this id are in ClickHouse, the others in the tail.

        Ids are given in the order of the journal, so the tail holds the last of them.
        """
        firsts = (int(part.ids[0]) for part in self.tail.sequences if len(part.ids))
        return min(firsts, default=self.last_pattern + 1)

    @property
    def known_symbols(self) -> list[int]:
        """Distinct ids, ascending, of the observed symbols the knowledge base knows."""
        symbols = np.unique(self.observation.symbols)
        known: list[int] = symbols[symbols < UNKNOWN].tolist()
        return known


class StageReport(msgspec.Struct, frozen=True):
    """What a stage did with the candidates of one recall.

    Attributes:
        filter: Its name.
        candidates_before: How many patterns it looked at.
        candidates_after: How many went on.
        candidates_cut: How many met its condition and did not go on, because
            ``max_candidates_per_stage`` had been reached.
        time_ms: Milliseconds; stages that are one statement share its time evenly.
    """

    filter: str
    candidates_before: int = 0
    candidates_after: int = 0
    candidates_cut: int = 0
    time_ms: float = 0.0


class Recalled(msgspec.Struct, frozen=True, eq=False):
    """The ensemble: the best patterns, by ascending id.

    Attributes:
        candidates: The patterns.
        names: uint8[k, 20], their names.
        alignment: Of the memory with them.
        stages: What each filter did, in their order, if the session asks for it.
    """

    candidates: Candidates
    names: npt.NDArray[np.uint8]
    alignment: Alignment
    stages: list[StageReport] = []

    def take(self, indices: npt.NDArray[np.integer]) -> Recalled:
        """The patterns at these indices."""
        return Recalled(
            self.candidates.take(indices), self.names[indices], self.alignment.take(indices)
        )

    @staticmethod
    def join(parts: Sequence[Recalled]) -> Recalled:
        """All patterns of the parts, which share none."""
        candidates = Candidates.join([part.candidates for part in parts])
        order = np.argsort(np.concatenate([part.candidates.ids for part in parts]), kind="stable")
        names = np.concatenate([part.names for part in parts])[order]
        return Recalled(candidates, names, Alignment.join([p.alignment for p in parts]).take(order))


def candidates_of(sequences: Sequences) -> Candidates:
    """Patterns as storage gives them, as matching takes them."""
    return Candidates(
        sequences.ids,
        sequences.symbols,
        sequences.offsets,
        sequences.event_ends,
        sequences.event_offsets,
    )
