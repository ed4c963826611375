"""How much is read and aligned: what speed rests on, counted instead of timed."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import numpy as np
import pytest
from tests.recall.index.cases import memory_of, searched

from kato.recall.index.build import build
from kato.recall.index.find import Work
from kato.recall.index.segment import Shelved
from kato.storage.ledger.journal import Sequences

PATTERNS, SYMBOLS, EXPONENT = 1_000_000, 100_000, 1.1
QUERIES = 100


def zipf(count: int, rng: np.random.Generator) -> Sequences:
    """Patterns of lognormal length (5-30, mean 12) of independent Zipf-distributed symbols."""
    lengths = np.clip(np.rint(rng.lognormal(np.log(11), 0.45, count)).astype(int), 5, 30)
    weights = np.cumsum(1 / np.arange(1, SYMBOLS + 1) ** EXPONENT)
    drawn = np.searchsorted(weights, rng.random(int(lengths.sum())) * weights[-1])
    symbols = (drawn + 1).clip(1, SYMBOLS).astype(np.uint32)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    ids, none = np.arange(1, count + 1), np.zeros(count + 1, np.int64)
    names = np.zeros((count, 20), np.uint8)
    return Sequences(ids, names, symbols, offsets, np.zeros(0, np.int32), none)


def windows(patterns: Sequences, rng: np.random.Generator) -> Iterator[list[int]]:
    """Windows of 3 to 10 symbols of stored patterns, a fifth of the symbols exchanged."""
    for _ in range(QUERIES):
        row = rng.integers(len(patterns.ids))
        pattern = patterns.symbols[patterns.offsets[row] : patterns.offsets[row + 1]]
        size = min(len(pattern), int(rng.integers(3, 11)))
        start = rng.integers(len(pattern) - size + 1)
        window = pattern[start : start + size].copy()
        for place in np.flatnonzero(rng.random(size) < 0.2):
            window[place] = patterns.symbols[rng.integers(len(patterns.symbols))]
        yield window.tolist()


@pytest.fixture(scope="module")
def million() -> tuple[Sequences, Shelved]:
    patterns = zipf(PATTERNS, np.random.default_rng(1))
    return patterns, build(patterns, 1, PATTERNS)


def test_windows_over_a_million_patterns(million: tuple[Sequences, Shelved]) -> None:
    patterns, shelf = million
    rng = np.random.default_rng(2)
    works = [
        searched((shelf,), memory_of(window), 0.1, 300)[1] for window in windows(patterns, rng)
    ]
    read, aligned = [work.read for work in works], [work.aligned for work in works]
    assert median(read) <= 20_000
    assert max(read) <= 400_000
    assert median(aligned) <= 3_000
    assert max(aligned) <= 80_000


def test_frequent_symbols_over_a_million_patterns(million: tuple[Sequences, Shelved]) -> None:
    _, shelf = million
    rng = np.random.default_rng(3)

    def work() -> Work:
        observed = (rng.permutation(20)[: rng.integers(5, 11)] + 1).tolist()
        return searched((shelf,), memory_of(observed), 0.1, 300)[1]

    works = [work() for _ in range(20)]
    assert max(work.postings for work in works) == 0  # their bits say it all
    assert max(work.read for work in works) <= 200_000
    assert max(work.aligned for work in works) <= 40_000


def test_bytes_of_a_pattern(million: tuple[Sequences, Shelved]) -> None:
    assert million[1].bytes / PATTERNS <= 115
