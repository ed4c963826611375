"""The arithmetic behind a prediction, its numbers put in (``spec/algorithms.md`` section 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from kato.model.event import flattened
from kato.model.prediction import Prediction

_TOLERANCE = 1e-9


class Step(msgspec.Struct, frozen=True):
    """One number of a prediction.

    Attributes:
        name: The field.
        formula: How it comes about, in letters.
        numbers: The same with the numbers put in.
        value: What the prediction says it is.
        computed: What the numbers give.
    """

    name: str
    formula: str
    numbers: str
    value: float
    computed: float

    @property
    def holds(self) -> bool:
        """Whether the numbers give the value; not in modes that count in another way."""
        return math.isclose(self.computed, self.value, rel_tol=0, abs_tol=_TOLERANCE)


class Arithmetic:
    """How the numbers of a prediction come about.

    Attributes:
        matched: M, symbols that were matched.
        observed: n, symbols that were observed.
        length: m, symbols of the pattern.
        present: p, symbols of its present.
        common: L, length of the longest common subsequence, read off the similarity.
        ensemble: F, the frequencies of all recalled patterns.
        distance: d, cosine distance of what was observed and the present, each symbol weighted by
            how many patterns hold it; read off ``itfdf_similarity``.
    """

    def __init__(self, prediction: Prediction, observed: Sequence[Sequence[str]]) -> None:
        self._prediction = prediction
        self.matched = len(prediction.matches)
        self.observed = len(flattened(observed))
        self.length = len(flattened(prediction.sequence))
        self.present = len(flattened(prediction.present))
        self.common = round(prediction.similarity * (self.length + self.observed) / 2)
        share = prediction.pattern_probability
        self.ensemble = round(prediction.frequency / share) if share else 0
        self.distance = (1 - prediction.itfdf_similarity) / share if share else 0.0

    def legend(self) -> list[tuple[str, str, str]]:
        """The letters: letter, number, meaning."""
        return [
            ("M", str(self.matched), "symbols matched"),
            ("n", str(self.observed), "symbols observed"),
            ("m", str(self.length), "symbols in the pattern"),
            ("p", str(self.present), "symbols in its present"),
            ("L", str(self.common), "longest common subsequence"),
            ("k", str(self._blocks), "blocks the matches fall into"),
            ("f", str(self._prediction.frequency), "times the pattern was learned"),
            ("F", str(self.ensemble), "the same over all patterns recalled"),
            ("d", f"{self.distance:.4f}", "cosine distance of observed and present"),
        ]

    def steps(self) -> list[Step]:
        """The numbers that hold, in the order they are used."""
        steps = (*self._of_the_match(), *self._of_the_ensemble(), self._potential())
        return [step for step in steps if step.holds]

    @property
    def _blocks(self) -> int:
        return int(self._prediction.fragmentation) + 1

    def _of_the_match(self) -> list[Step]:
        given, matched, seen = self._prediction, self.matched, self.observed
        return [
            Step(
                "similarity",
                "2L / (m + n)",
                f"2·{self.common} / ({self.length} + {seen})",
                given.similarity,
                _ratio(2 * self.common, self.length + seen),
            ),
            Step(
                "evidence",
                "M / m",
                f"{matched} / {self.length}",
                given.evidence,
                _ratio(matched, self.length),
            ),
            Step(
                "confidence",
                "M / p",
                f"{matched} / {self.present}",
                given.confidence,
                _ratio(matched, self.present),
            ),
            Step(
                "snr",
                "(3M − n) / (M + n)",
                f"(3·{matched} − {seen}) / ({matched} + {seen})",
                given.snr,
                _ratio(3 * matched - seen, matched + seen),
            ),
            Step(
                "fragmentation",
                "k − 1",
                f"{self._blocks} − 1",
                given.fragmentation,
                self._blocks - 1,
            ),
        ]

    def _of_the_ensemble(self) -> list[Step]:
        given = self._prediction
        return [
            Step(
                "pattern_probability",
                "f / F",
                f"{given.frequency} / {self.ensemble}",
                given.pattern_probability,
                _ratio(given.frequency, self.ensemble),
            ),
            Step(
                "itfdf_similarity",
                "1 − d·f / F",
                f"1 − {self.distance:.4f}·{given.frequency} / {self.ensemble}",
                given.itfdf_similarity,
                1 - self.distance * _ratio(given.frequency, self.ensemble),
            ),
        ]

    def _potential(self) -> Step:
        given = self._prediction
        evidence = _weighed(given.weighted_evidence, given.evidence)
        confidence = _weighed(given.weighted_confidence, given.confidence)
        snr = _weighed(given.weighted_snr, given.snr)
        blocks = _ratio(1, self._blocks)
        return Step(
            "potential",
            "(evidence + confidence)·snr + itfdf_similarity + 1/k",
            f"({evidence:.4f} + {confidence:.4f})·{snr:.4f} + {given.itfdf_similarity:.4f}"
            f" + {blocks:.4f}",
            given.potential,
            (evidence + confidence) * snr + given.itfdf_similarity + blocks,
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _weighed(weighted: float | None, plain: float) -> float:
    return plain if weighted is None else weighted
