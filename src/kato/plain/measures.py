"""Every number of every survivor, one after the other (``spec/algorithms.md`` 7.4, 7.8 and 9)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kato.matching import Alignment, Candidates, Observation
from kato.metrics import Corpus, Futures, Measures, Weighted
from kato.metrics.information import (
    conditional_probability,
    entropy,
    global_normalized_entropy,
    normalized_entropy,
)
from kato.plain.comparison import Beside, besides
from kato.plain.futures import futures_of

Floats = npt.NDArray[np.float64]
Numbers = dict[str, float]

FLOOR = 0.01
"""The weight of a symbol without an affinity (7.8)."""


def measure(  # noqa: PLR0913, PLR0917, what kato.metrics.measure takes
    observation: Observation,
    survivors: Candidates,
    alignment: Alignment,
    frequencies: npt.NDArray[np.int64],
    symbol_ids: npt.NDArray[np.uint32],
    members: npt.NDArray[np.int64],
    corpus: Corpus,
    weights: Floats | None = None,
) -> Measures:
    """See :func:`kato.metrics.measure`: the same of the same."""
    rows = besides(observation, survivors, alignment)
    held = dict(zip(symbol_ids.tolist(), members.tolist(), strict=True))
    weighted = None
    if weights is not None:
        weight_of = dict(zip(symbol_ids.tolist(), weights.tolist(), strict=True))
        weighted = [_weighed(row, weight_of) for row in rows]
    ensemble = _Ensemble(rows, frequencies.tolist(), held, corpus)
    numbers = []
    for at in range(len(rows)):
        found = ensemble.numbers(at)
        scores = found if weighted is None else weighted[at]
        numbers.append({**found, "potential": _potential(found, scores)})
    return _measures(frequencies, numbers, weighted, ensemble.futures)


class _Ensemble:
    """Survivors that are measured together.

    Args:
        rows: The survivors.
        frequencies: How often each was learned.
        held: By symbol, how many patterns hold it.
        corpus: The knowledge base's totals.
    """

    def __init__(
        self, rows: list[Beside], frequencies: list[int], held: Mapping[int, int], corpus: Corpus
    ) -> None:
        self._rows, self._frequencies, self._corpus = rows, frequencies, corpus
        whole = max(sum(frequencies), 1)
        self._priors = [frequency / whole for frequency in frequencies]
        pairs = zip(rows, self._priors, strict=True)
        self._strengths = [row.similarity * prior for row, prior in pairs]
        self._evidence = sum(self._strengths)
        present = {symbol for row in rows for symbol in row.present}
        self._held = held
        self._shares = {symbol: held[symbol] / corpus.patterns for symbol in present}
        self.futures = futures_of(rows, frequencies)

    def numbers(self, at: int) -> Numbers:
        """Every number of one survivor but its potential."""
        row, learned = self._rows[at], max(self._corpus.pattern_frequencies, 1)
        named = {str(symbol): self._shares[symbol] for symbol in row.present}
        surprise = 1 - conditional_probability(list(map(str, row.present)), named)
        distance = _distance(row.memory, row.present, self._shares)
        return {
            **_match(row),
            **self._bayes(at),
            **self._information(row, named),
            "itfdf_similarity": 1 - distance * self._priors[at],
            "confluence": self._frequencies[at] / learned * surprise if row.present else 0.0,
            "predictive_information": self._predictive_information(at),
        }

    def _bayes(self, at: int) -> Numbers:
        strength = self._strengths[at]
        return {
            "pattern_probability": self._priors[at],
            "bayesian_prior": self._priors[at],
            "weighted_strength": strength,
            "bayesian_posterior": _share(strength, self._evidence),
        }

    def _information(self, row: Beside, named: Mapping[str, float]) -> Numbers:
        symbols = self._corpus.symbols
        return {
            "entropy": entropy(row.present),
            "normalized_entropy": normalized_entropy(row.present, symbols),
            "global_normalized_entropy": global_normalized_entropy(list(named), named, symbols),
            "tfidf_score": _rarity(row.present, self._held, self._corpus.patterns),
        }

    def _predictive_information(self, at: int) -> float:
        """The strength of a survivor by the share of its own future."""
        group = int(self.futures.group[at])
        if group < 0:
            return 0.0
        return _share(self._strengths[at], float(self.futures.aggregate_potential[group]))


def _match(row: Beside) -> Numbers:
    """Of one pattern beside the memory (7.2)."""
    matched, observed, present = sum(row.hits), len(row.memory), len(row.present)
    return {
        "similarity": row.similarity,
        "bayesian_likelihood": row.similarity,
        "evidence": matched / len(row.symbols),
        "confidence": matched / present if present else 0.0,
        "snr": (3 * matched - observed) / (matched + observed),
        "fragmentation": row.blocks - 1.0,
    }


def _distance(memory: Sequence[int], present: Sequence[int], shares: Mapping[int, float]) -> float:
    """Cosine distance of two lists of symbols, each symbol counting by its share of patterns."""
    one, other = Counter(memory), Counter(present)
    axes = sorted({*one, *other})
    state = [shares.get(symbol, 0.0) * one[symbol] for symbol in axes]
    vector = [shares.get(symbol, 0.0) * other[symbol] for symbol in axes]
    lengths = math.hypot(*state) * math.hypot(*vector)
    product = math.fsum(a * b for a, b in zip(state, vector, strict=True))
    return 1 - product / lengths if lengths else 1.0


def _rarity(present: Sequence[int], held: Mapping[int, int], patterns: int) -> float:
    """Mean over the distinct symbols of tf * (log2(N / df) + 1) (Q17)."""
    scores = [
        count / len(present) * (math.log2(patterns / max(held[symbol], 1)) + 1)
        for symbol, count in Counter(present).items()
    ]
    return sum(scores) / len(scores) if scores else 0.0


def _weighed(row: Beside, weights: Mapping[int, float]) -> Numbers:
    """Scores in which each symbol counts by its affinity (7.8)."""
    observed = set(row.memory)

    def total(symbols: Sequence[int]) -> float:
        # Symbols outside the memory weigh nothing; beside a memory of one symbol they do.
        counted = [s for s in symbols if s in observed or len(row.memory) == 1]
        return sum((float(weights.get(s, FLOOR)) for s in counted), 0.0)

    matches = total([s for s, hit in zip(row.memory, row.hits, strict=True) if hit])
    extras = total([s for s in row.memory if s not in row.present])
    pattern = total(row.symbols)
    return {
        "similarity": _share(2 * matches, total(row.memory) + pattern),
        "evidence": _share(matches, pattern),
        "confidence": _share(matches, total(row.present)),
        "snr": _share(matches, matches + extras),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _potential(found: Numbers, scores: Numbers) -> float:
    cohesion = 1 / (found["fragmentation"] + 1) if found["fragmentation"] >= 0 else 0.0
    strength = (scores["evidence"] + scores["confidence"]) * scores["snr"]
    return strength + found["itfdf_similarity"] + cohesion


def _measures(
    frequencies: npt.NDArray[np.int64],
    numbers: Sequence[Numbers],
    weighted: Sequence[Numbers] | None,
    futures: Futures,
) -> Measures:
    computed = [n for n in Measures.__struct_fields__ if n not in _GIVEN]
    columns = {name: np.array([found[name] for found in numbers]) for name in computed}
    scores = None
    if weighted is not None:
        names = Weighted.__struct_fields__
        scores = Weighted(*(np.array([each[name] for each in weighted]) for name in names))
    return Measures(frequency=frequencies, weighted=scores, futures=futures, **columns)


_GIVEN = ("frequency", "weighted", "futures")
