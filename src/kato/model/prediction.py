"""A prediction: a pattern that was recalled, how it matches, and every number about it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kato.model.emotive import Emotives
from kato.model.event import Event
from kato.model.explanation import Explanation


class Anomaly(msgspec.Struct, frozen=True):
    """An observed symbol that was taken for a similar one of the pattern.

    Attributes:
        observed: The symbol as it was observed.
        expected: The pattern's symbol it was taken for.
        similarity: Character ratio of the two, 0 to 1.
    """

    observed: str
    expected: str
    similarity: float


class Prediction(msgspec.Struct, frozen=True):
    """One recalled pattern, aligned with the short-term memory.

    Formulas: ``spec/algorithms.md`` section 7. With M matched symbols, n observed ones and a
    pattern of m symbols in all:

    Attributes:
        type: Always ``prototypical``.
        name: The pattern's name.
        frequency: How often the pattern was learned.
        emotives: Per name, the mean over the pattern's records.
        matches: Matched symbols in observed order and spelling.
        past: Events before the first match.
        present: Events from the first to the last match.
        missing: Per present event, its symbols that were not matched.
        extras: Per observed event, its symbols that are not in the present.
        anomalies: Observed symbols taken for similar ones (fuzzy mode).
        potential: ``(evidence + confidence) * snr + itfdf_similarity + 1 / (fragmentation + 1)``.
        evidence: M / m, 0 to 1.
        similarity: 2 LCS / (m + n), 0 to 1; by characters in character mode.
        fragmentation: Matched blocks - 1; -1 if nothing matched.
        snr: Signal to noise, (3M - n) / (M + n), -1 to 1.
        confluence: Chance of the present, by frequency against chance, 0 to 1.
        predictive_information: How much of the ensemble agrees on this future, 0 to 1.
        sequence: All events of the pattern.
        future: Events after the last match.
        confidence: M / symbols in the present, 0 to 1.
        weighted_similarity: With affinity weights; None without ``affinity_emotive``.
        weighted_evidence: With affinity weights; None without ``affinity_emotive``.
        weighted_confidence: With affinity weights; None without ``affinity_emotive``.
        weighted_snr: With affinity weights; None without ``affinity_emotive``.
        entropy: Of the present, in bits.
        normalized_entropy: Of the present, to the base of the vocabulary's size.
        global_normalized_entropy: Of the present by how many patterns hold each symbol.
        itfdf_similarity: 1 - cosine distance * share of frequency.
        tfidf_score: Mean term frequency by inverse pattern frequency over the present.
        pattern_probability: Share of the ensemble's frequency.
        weighted_strength: similarity * pattern_probability.
        bayesian_posterior: Share of similarity * prior over the ensemble.
        bayesian_prior: Same as ``pattern_probability``.
        bayesian_likelihood: Same as ``similarity``.
    """

    type: str
    name: str
    frequency: int
    emotives: Emotives
    matches: list[str]
    past: list[Event]
    present: list[Event]
    missing: list[list[str]]
    extras: list[list[str]]
    anomalies: list[Anomaly]
    potential: float
    evidence: float
    similarity: float
    fragmentation: float
    snr: float
    confluence: float
    predictive_information: float
    sequence: list[Event]
    future: list[Event]
    confidence: float
    weighted_similarity: float | None
    weighted_evidence: float | None
    weighted_confidence: float | None
    weighted_snr: float | None
    entropy: float
    normalized_entropy: float
    global_normalized_entropy: float
    itfdf_similarity: float
    tfidf_score: float
    pattern_probability: float
    weighted_strength: float
    bayesian_posterior: float
    bayesian_prior: float
    bayesian_likelihood: float


class FuturePotential(msgspec.Struct, frozen=True):
    """A future that recalled patterns agree on.

    Attributes:
        future: The events to come.
        aggregate_potential: Its share of the ensemble's frequency * similarity, 0 to 1.
        supporting_patterns: How many recalled patterns have this future.
        total_weighted_frequency: Their sum of frequency * similarity.
    """

    future: list[Event]
    aggregate_potential: float
    supporting_patterns: int
    total_weighted_frequency: float


class Predictions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one predict: ranked predictions, and the futures they agree on.

    Iterates, counts and indexes as its predictions.

    Attributes:
        predictions: The best first.
        future_potentials: The futures the recalled patterns agree on, the likeliest first.
        explanation: How they were found, if that was asked; else it is not in their JSON.

    >>> len(Predictions([], []))
    0
    """

    predictions: list[Prediction]
    future_potentials: list[FuturePotential]
    explanation: Explanation | None = None

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, index: int) -> Prediction:
        return self.predictions[index]
