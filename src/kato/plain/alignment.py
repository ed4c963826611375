"""The memory beside one pattern after the other (``spec/algorithms.md`` 6, 7.1 to 7.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from kato.matching import Alignment, Candidates, Observation
from kato.plain.similarity import Block, matching_blocks, symbol_similarity, text_similarity
from kato.plain.similarity import subsequence_length as subsequence
from kato.recall.query import Query

Events = Sequence[Sequence[int]]

_similar = lru_cache(maxsize=1 << 16)(text_similarity)


class Aligner:
    """Lays the memory of one query beside patterns, as the session's configuration says.

    >>> from kato.model.config import SessionConfig
    >>> from kato.storage.ledger.tail import TailView
    >>> memory = Observation.of([["b"], ["c"]], {"b": 2, "c": 3})
    >>> query = Query(1, memory, SessionConfig(), TailView([], set(), {}, {}), 2, dict, dict)
    >>> found = Aligner(query).align(Candidates.of([(1, [[1], [2], [3], [4]])]))
    >>> found.similarity.tolist(), found.matched.tolist(), found.present_start.tolist()
    ([0.6666666666666665], [2], [1])
    """

    def __init__(self, query: Query) -> None:
        config, self._query = query.config, query
        self._by_characters = not config.use_token_matching
        # A memory of one symbol is recalled by that symbol alone (Q26).
        fuzzy = config.fuzzy_token_threshold if len(query.observation) > 1 else 0.0
        self._least_ratio = fuzzy or 0.0

    def align(self, candidates: Candidates) -> Alignment:
        """The alignment with each candidate, in their order."""
        texts = self._texts_of(candidates)
        rows = [self._aligned(candidates.events(at), texts) for at in range(len(candidates))]
        memories = [row.memory for row in rows] if self._least_ratio else []
        shape = len(memories), len(self._query.observation)
        columns = {
            name: np.array([getattr(row, name) for row in rows], dtype)
            for name, dtype in _COLUMNS.items()
        }
        return Alignment(**columns, rewritten=np.array(memories, np.uint32).reshape(shape))

    def _texts_of(self, candidates: Candidates) -> Mapping[int, str]:
        if not self._by_characters and not self._least_ratio:
            return {}
        return self._query.texts_of(sorted(set(candidates.symbols.tolist())))

    def _aligned(self, events: Events, texts: Mapping[int, str]) -> _Row:
        observation = self._query.observation
        symbols = [symbol for event in events for symbol in event]
        memory = observation.symbols.tolist()
        spelling = observation.texts
        if self._least_ratio:
            memory = _rewritten(symbols, observation, texts, self._least_ratio)
            spelling = [
                spelling[at] if new == old else texts[new]
                for at, (old, new) in enumerate(zip(observation.symbols, memory, strict=True))
            ]
        similarity = symbol_similarity(symbols, memory)
        if self._by_characters:
            pattern = " ".join(texts[symbol] for symbol in symbols)
            similarity = text_similarity(pattern, " ".join(spelling))
        return _row(events, symbols, memory, similarity)


class _Row(NamedTuple):
    """One value of each column of :class:`Alignment`."""

    similarity: float
    lcs: int
    matched: int
    blocks: int
    past_events: int
    present_events_end: int
    present_start: int
    present_end: int
    preliminary: float
    memory: list[int]


_FLOATS = ("similarity", "preliminary")
_COLUMNS: dict[str, type[np.generic]] = {
    name: np.float64 if name in _FLOATS else np.int32 for name in _Row._fields if name != "memory"
}


def _row(events: Events, symbols: list[int], memory: list[int], similarity: float) -> _Row:
    blocks = matching_blocks(symbols, memory)
    past, until = _present_events(events, symbols, blocks)
    ends = [0, *accumulate(map(len, events))]
    matched = sum(size for _, _, size in blocks)
    return _Row(
        similarity,
        subsequence(symbols, memory),
        matched,
        len(blocks),
        past,
        until,
        ends[past],
        ends[until],
        _preliminary(matched, len(symbols), ends[until] - ends[past], len(memory), len(blocks)),
        memory,
    )


def _present_events(
    events: Events, symbols: Sequence[int], blocks: Sequence[Block]
) -> tuple[int, int]:
    """How many events lie before the present, and how many up to its end (7.1)."""
    first = blocks[0][0] if blocks else 0
    last = blocks[-1][0] + blocks[-1][2] if blocks else len(symbols)
    total, past = 0, 0
    while total < first:
        total, past = total + len(events[past]), past + 1
    until = past
    while total < last:
        total, until = total + len(events[until]), until + 1
    if blocks and past > 0 and symbols[first] in events[past - 1]:
        past -= 1
    return past, until


def _preliminary(matched: int, length: int, present: int, observed: int, blocks: int) -> float:
    """The potential before the ensemble is known (7.2 and 7.3)."""
    evidence = matched / length
    confidence = matched / present if present else 0.0
    snr = (3 * matched - observed) / (matched + observed)
    cohesion = 1 / blocks if blocks else 0.0
    return (evidence + confidence) * snr + cohesion


def _rewritten(
    symbols: Sequence[int], observation: Observation, texts: Mapping[int, str], least: float
) -> list[int]:
    """The memory with similar symbols of the pattern in the place of observed ones (Q7)."""
    memory: list[int] = observation.symbols.tolist()
    free = list(range(len(symbols)))
    unmatched = []
    for at, observed in enumerate(memory):
        equal = next((place for place in free if symbols[place] == observed), None)
        if equal is None:
            unmatched.append(at)
        else:
            free.remove(equal)
    for at in unmatched:
        ratios = [_similar(observation.texts[at], texts[symbols[place]]) for place in free]
        if ratios and max(ratios) >= least:
            place = free.pop(ratios.index(max(ratios)))  # the first of equals
            memory[at] = symbols[place]
    return memory
