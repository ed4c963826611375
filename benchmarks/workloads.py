"""Seeded sequences to learn and windows to ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec
import numpy as np

Events = list[list[str]]

CHUNK = 50_000
"""Sequences of a generated workload that are held at a time."""

FIFA = Path(__file__).parents[2] / "shared" / "data" / "FIFA.dat"


class Workload(msgspec.Struct, frozen=True):
    """Sequences in chunks, each of which can be made again by itself.

    Attributes:
        name: How results call it.
        count: How many sequences.
        chunks: How many chunks.
        chunk: The sequences of a chunk, by its number from 0.
    """

    name: str
    count: int
    chunks: int
    chunk: Callable[[int], list[Events]]

    def __iter__(self) -> Iterator[Events]:
        for number in range(self.chunks):
            yield from self.chunk(number)

    def sample(self, count: int, *, seed: int = 5, chunks: int = 40) -> list[Events]:
        """About as many sequences, of chunks that lie evenly in the workload."""
        rng = np.random.default_rng(seed)
        numbers = np.unique(np.linspace(0, self.chunks - 1, chunks).astype(int)).tolist()
        each = -(-count // len(numbers))
        parts = (self.chunk(number) for number in numbers)
        return [part[i] for part in parts for i in rng.integers(len(part), size=each).tolist()]


def generated(name: str, sequences: Callable[..., list[Events]], count: int) -> Workload:
    """A workload of seeded sequences; a chunk's seed is its number."""

    def chunk(number: int) -> list[Events]:
        return sequences(min(CHUNK, count - number * CHUNK), seed=1000 + number)

    return Workload(name, count, -(-count // CHUNK), chunk)


def zipf_sequences(
    count: int, *, seed: int = 1, symbols: int = 100_000, exponent: float = 1.1
) -> list[Events]:
    """Sequences of lognormal length (5-30, mean 12) of independent Zipf-distributed symbols."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(np.rint(rng.lognormal(np.log(11), 0.45, count)).astype(int), 5, 30)
    return _cut(_zipf_symbols(rng, int(lengths.sum()), symbols, exponent), lengths.tolist())


def motif_sequences(count: int, *, seed: int = 1) -> list[Events]:
    """Sequences of one to three planted motifs with Zipf-distributed noise before each.

    A motif is four to eight events of one symbol or two. A tenth of its events is left out where it
    is planted, and another tenth is noise.
    """
    rng = np.random.default_rng(seed)
    planted = rng.integers(1, 4, count).tolist()
    chosen = iter((2000 * rng.random(3 * count) ** 2).astype(int).tolist())
    gaps = iter(rng.integers(1, 6, 3 * count).tolist())
    noise = iter(_zipf_symbols(rng, 39 * count, 20_000, 1.1))
    fates = iter(rng.integers(0, 10, 24 * count).tolist())

    def planting() -> Iterator[list[str]]:
        for _ in range(next(gaps)):
            yield [next(noise)]
        for event in _motifs()[next(chosen)]:
            fate = next(fates)
            if fate:
                yield [next(noise)] if fate == 1 else event

    return [[event for _ in range(times) for event in planting()] for times in planted]


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


def frequent_queries(
    count: int, *, seed: int = 3, symbols: list[str] | None = None
) -> list[Events]:
    """Memories of 5 to 10 of the most frequent symbols: 20 of :func:`zipf_sequences`, or these."""
    rng = np.random.default_rng(seed)
    texts = symbols or [f"s{rank}" for rank in range(20)]
    return [
        [[texts[rank]] for rank in rng.permutation(len(texts))[: rng.integers(5, 11)]]
        for _ in range(count)
    ]


def frequent_symbols(sequences: Iterable[Events], count: int = 20) -> list[str]:
    """The most frequent symbols, the most frequent first."""
    counted = Counter(s for events in sequences for event in events for s in event)
    return sorted(counted, key=lambda symbol: (-counted[symbol], symbol))[:count]


def short_queries(sequences: list[Events], count: int, *, seed: int = 6) -> list[Events]:
    """Memories of one event or two of learned sequences, as they were learned."""
    rng = np.random.default_rng(seed)
    return [_part(sequences, rng, size=1 + number % 2) for number in range(count)]


def _part(sequences: list[Events], rng: np.random.Generator, *, size: int) -> Events:
    sequence = sequences[rng.integers(len(sequences))]
    start = int(rng.integers(0, max(1, len(sequence) - size + 1)))
    return sequence[start : start + size]


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
    drawn: list[str] = _names(symbols)[
        rng.choice(symbols, count, p=weights / weights.sum())
    ].tolist()
    return drawn


@cache
def _names(symbols: int) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array([f"s{rank}" for rank in range(symbols)], object)


@cache
def _motifs() -> list[Events]:
    """2,000 motifs, the same for every sequence."""
    rng = np.random.default_rng(7)
    symbols = iter(_zipf_symbols(rng, 32_000, 20_000, 0.7))
    sizes = rng.integers(4, 9, 2000).tolist()
    return [[_motif_event(symbols, rng) for _ in range(size)] for size in sizes]


def _motif_event(symbols: Iterator[str], rng: np.random.Generator) -> list[str]:
    return sorted({next(symbols) for _ in range(1 + (rng.random() < 0.25))})


def _cut(symbols: list[str], lengths: list[int]) -> list[Events]:
    events = [[symbol] for symbol in symbols]
    return [events[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]


def _windows(symbols: list[str], length: int, step: int) -> Iterator[Events]:
    for start in range(0, max(1, len(symbols) - length + 1), step):
        yield [[symbol] for symbol in symbols[start : start + length]]
