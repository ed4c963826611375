"""What the memory and a pattern share (``spec/algorithms.md`` 6.2 and 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kato.matching import Alignment, Candidates, Observation
from kato.metrics.spans import Comparison, presents_of
from kato.plain.similarity import matching_blocks


class Beside(NamedTuple):
    """One pattern, and the memory beside it.

    Attributes:
        symbols: The pattern's, flattened.
        present: Those of the present.
        future: The events behind it.
        memory: The memory as it was matched, rewritten where it was fuzzy.
        hits: Which of its symbols are matched.
        blocks: In how many blocks.
        similarity: Of memory and pattern.
    """

    symbols: list[int]
    present: list[int]
    future: list[list[int]]
    memory: list[int]
    hits: list[bool]
    blocks: int
    similarity: float


def besides(observation: Observation, patterns: Candidates, alignment: Alignment) -> list[Beside]:
    """Each pattern with the memory beside it."""
    return [_beside(observation, patterns, alignment, at) for at in range(len(patterns))]


def compare(observation: Observation, patterns: Candidates, alignment: Alignment) -> Comparison:
    """See :func:`kato.metrics.spans.compare`: the same of the same."""
    rows = besides(observation, patterns, alignment)
    missing = []
    for row in rows:
        matched = {symbol for symbol, hit in zip(row.memory, row.hits, strict=True) if hit}
        missing += [symbol not in matched for symbol in row.present]
    extra = [[symbol not in row.present for symbol in row.memory] for row in rows]
    shape = len(rows), len(observation)
    return Comparison(
        np.array([row.hits for row in rows], np.bool_).reshape(shape),
        presents_of(patterns, alignment),
        np.array(missing, np.bool_),
        np.array(extra, np.bool_).reshape(shape),
    )


def _beside(
    observation: Observation, patterns: Candidates, alignment: Alignment, at: int
) -> Beside:
    events, memory = patterns.events(at), alignment.memory(observation, at).tolist()
    past, until = int(alignment.past_events[at]), int(alignment.present_events_end[at])
    symbols = _flat(events)
    blocks = matching_blocks(symbols, memory)
    matched = {place + step for _, place, size in blocks for step in range(size)}
    return Beside(
        symbols,
        _flat(events[past:until]),
        events[until:],
        memory,
        [place in matched for place in range(len(memory))],
        len(blocks),
        float(alignment.similarity[at]),
    )


def _flat(events: Sequence[Sequence[int]]) -> list[int]:
    return [symbol for event in events for symbol in event]
