"""Patterns, memories, and what an exhaustive look at them answers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from kato.matching import Candidates, Matcher, Observation, TokenMatcher, align, best, qualifies
from kato.recall.index.build import build
from kato.recall.index.find import WORK, Work, find
from kato.recall.index.segment import Shelved
from kato.storage.ledger.journal import Sequences

Rows = list[list[list[int]]]

# Few symbols repeat and tie; with many, postings matter beside bits.
FEW, SOME, MANY = 4, 40, 400


def symbols() -> st.SearchStrategy[int]:
    """Ids of a small, a middling or a large vocabulary, small ones more often."""
    return st.one_of(
        st.integers(1, FEW),
        st.integers(1, SOME),
        st.integers(0, MANY - 1).map(lambda number: 1 + number * number // MANY),
    )


@st.composite
def patterns(draw: st.DrawFn, most: int = 60) -> Rows:
    """Patterns of events of one symbol or several, some long, some the same."""
    single = st.lists(symbols().map(lambda symbol: [symbol]), min_size=2, max_size=12)
    several = st.lists(st.lists(symbols(), min_size=1, max_size=3), min_size=1, max_size=6)
    long = st.lists(symbols().map(lambda symbol: [symbol]), min_size=60, max_size=90)
    rows = draw(st.lists(single | several | long, min_size=1, max_size=most))
    return rows + draw(st.lists(st.sampled_from(rows), max_size=5))


@st.composite
def memories(draw: st.DrawFn) -> Observation:
    """Memories of one symbol to just a word of bits and more, some symbols unknown."""
    least, most = draw(st.sampled_from(((1, 1), (1, 3), (1, 10), (64, 65), (1, 80))))
    observed = draw(st.lists(symbols(), min_size=least, max_size=most))
    unknown = draw(st.sets(st.sampled_from(observed), max_size=2))
    return memory_of(observed, unknown)


def memory_of(observed: Iterable[int], unknown: Iterable[int] = ()) -> Observation:
    """The memory of these symbols, one an event."""
    texts = [[str(symbol)] for symbol in observed]
    ids = {text: int(text) for (text,) in texts if int(text) not in set(unknown)}
    return Observation.of(texts, ids)


def sequences_of(candidates: Candidates) -> Sequences:
    """Patterns as storage gives them; a pattern's name says its id."""
    names = np.zeros((len(candidates), 20), np.uint8)
    names[:, :8] = candidates.ids.astype("<u8")[:, np.newaxis].view(np.uint8)
    return Sequences(
        candidates.ids,
        names,
        candidates.symbols,
        candidates.offsets,
        candidates.event_ends,
        candidates.event_offsets,
    )


def shelves_of(candidates: Candidates, cuts: Iterable[int] = ()) -> tuple[Shelved, ...]:
    """The patterns in segments, cut behind some ids."""
    last = int(candidates.ids[-1])
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < last}), last]
    shelves = []
    for low, high in pairwise(bounds):
        rows = np.flatnonzero((candidates.ids > low) & (candidates.ids <= high))
        shelves.append(build(sequences_of(candidates.take(rows)), low + 1, high))
    return tuple(shelves)


def searched(
    shelves: tuple[Shelved, ...], memory: Observation, threshold: float, limit: int
) -> tuple[Sequences, Work]:
    """What the index finds, and the work."""
    work = np.zeros(WORK, np.int64)
    found = find(shelves, memory, threshold, limit, work)
    return found, Work(*work.tolist())


def expected(
    memory: Observation,
    candidates: Candidates,
    threshold: float,
    limit: int,
    matcher: Matcher | None = None,
) -> npt.NDArray[np.int64]:
    """Ids of the best patterns, every one of them aligned."""
    if len(memory) == 1:
        first = candidates.symbols[candidates.offsets[:-1]]
        candidates = candidates.take(np.flatnonzero(first == memory.symbols[0]))
        threshold = 0.0
    alignment = align(memory, candidates, matcher or TokenMatcher())
    matching = np.flatnonzero(qualifies(alignment, threshold))
    kept = best(alignment.take(matching), candidates.take(matching), limit)
    return candidates.ids[matching[kept]]
