"""Seeded sequences to learn and windows to ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

Events = list[list[str]]

FIFA = Path(__file__).parents[2] / "shared" / "data" / "FIFA.dat"


def zipf_sequences(
    count: int, *, seed: int = 1, symbols: int = 100_000, exponent: float = 1.1
) -> list[Events]:
    """Sequences of lognormal length (5-30, mean 12) of independent Zipf-distributed symbols."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(np.rint(rng.lognormal(np.log(11), 0.45, count)).astype(int), 5, 30)
    return _cut(_zipf_symbols(rng, int(lengths.sum()), symbols, exponent), lengths.tolist())


def visits(count: int, *, length: int = 15, seed: int = 1) -> list[Events]:
    """Sequences like windows of a web log: Zipf-distributed pages of 3,000, one an event."""
    rng = np.random.default_rng(seed)
    return _cut(_zipf_symbols(rng, count * length, 3000, 1.0), [length] * count)


def fifa_windows(length: int = 15, step: int = 5) -> list[Events]:
    """Windows of the sessions of FIFA.dat; none where the file is missing."""
    if not FIFA.exists():
        return []
    lines = FIFA.read_text(encoding="utf-8").splitlines()
    return [window for line in lines for window in _windows(line.split(), length, step)]


def window_queries(sequences: list[Events], count: int, *, seed: int = 2) -> list[Events]:
    """Windows of 3 to 10 events of learned sequences, every fifth symbol exchanged at random."""
    rng = np.random.default_rng(seed)
    return [_noisy_window(sequences, rng) for _ in range(count)]


def frequent_queries(count: int, *, seed: int = 3) -> list[Events]:
    """Memories of 5 to 10 of the 20 most frequent symbols of :func:`zipf_sequences`."""
    rng = np.random.default_rng(seed)
    return [
        [[f"s{rank}"] for rank in rng.permutation(20)[: rng.integers(5, 11)]] for _ in range(count)
    ]


def _noisy_window(sequences: list[Events], rng: np.random.Generator) -> Events:
    sequence = sequences[rng.integers(len(sequences))]
    size = min(len(sequence), int(rng.integers(3, 11)))
    start = int(rng.integers(0, len(sequence) - size + 1))
    window = [list(event) for event in sequence[start : start + size]]
    for position in np.flatnonzero(rng.random(size) < 0.2).tolist():
        other = sequences[rng.integers(len(sequences))]
        window[position] = list(other[rng.integers(len(other))])
    return window


def _zipf_symbols(rng: np.random.Generator, count: int, symbols: int, exponent: float) -> list[str]:
    weights = 1 / np.arange(1, symbols + 1) ** exponent
    names = np.array([f"s{rank}" for rank in range(symbols)])
    drawn: list[str] = names[rng.choice(symbols, count, p=weights / weights.sum())].tolist()
    return drawn


def _cut(symbols: list[str], lengths: list[int]) -> list[Events]:
    remaining = iter(symbols)
    return [[[next(remaining)] for _ in range(length)] for length in lengths]


def _windows(symbols: list[str], length: int, step: int) -> Iterator[Events]:
    for start in range(0, max(1, len(symbols) - length + 1), step):
        yield [[symbol] for symbol in symbols[start : start + length]]
