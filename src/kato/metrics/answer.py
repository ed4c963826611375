"""From numbers to the answer: predictions in the domain's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from kato.matching import Alignment, Candidates, Observation, matched_positions
from kato.matching.characters import character_ratio
from kato.metrics.ensemble import Measures
from kato.model.emotive import Emotives
from kato.model.event import Event
from kato.model.prediction import Anomaly, FuturePotential, Prediction, Predictions

NUMBERS = (
    "frequency",
    "potential",
    "evidence",
    "similarity",
    "fragmentation",
    "snr",
    "confluence",
    "predictive_information",
    "confidence",
    "entropy",
    "normalized_entropy",
    "global_normalized_entropy",
    "itfdf_similarity",
    "tfidf_score",
    "pattern_probability",
    "weighted_strength",
    "bayesian_posterior",
    "bayesian_prior",
    "bayesian_likelihood",
)
WEIGHTED = ("weighted_similarity", "weighted_evidence", "weighted_confidence", "weighted_snr")


def symbols_to_name(
    survivors: Candidates, measures: Measures, order: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint32]:
    """The ids, ascending, of all symbols whose texts :func:`assemble` needs."""
    shown = np.union1d(order, measures.futures.first)
    return np.unique(survivors.take(shown).symbols)


def assemble(  # noqa: PLR0913, each is a thing of its own, and all are needed
    observation: Observation,
    survivors: Candidates,
    alignment: Alignment,
    measures: Measures,
    order: npt.NDArray[np.int64],
    *,
    names: Sequence[str],
    texts: Mapping[int, str],
    emotives: Sequence[Emotives] = (),
) -> Predictions:
    """Build the predictions of the ranked survivors, and the futures all survivors agree on.

    Args:
        observation: The memory.
        survivors: The patterns that were measured.
        alignment: Of the memory with the survivors.
        measures: Of the survivors.
        order: Indices of the survivors to return, see :func:`kato.metrics.rank`.
        names: The survivors' names.
        texts: The text of each symbol of :func:`symbols_to_name`, by id.
        emotives: Averages of each returned pattern, in the order of ``order``; none if left out.
    """
    returned, lying = survivors.take(order), alignment.take(order)
    hits = matched_positions(observation, returned, lying)
    values = _values(measures, order)
    averages = emotives or [{}] * len(order)
    predictions = [
        _prediction(
            _Shape(observation, returned, lying, index, texts),
            hits[index],
            name=names[survivor],
            emotives=averages[index],
            **values[index],
        )
        for index, survivor in enumerate(order.tolist())
    ]
    return Predictions(predictions, _future_potentials(survivors, alignment, measures, texts))


class _Shape:
    """One returned pattern beside the memory, in texts."""

    def __init__(
        self,
        observation: Observation,
        patterns: Candidates,
        alignment: Alignment,
        index: int,
        texts: Mapping[int, str],
    ) -> None:
        self.observation = observation
        self.memory = alignment.memory(observation, index).tolist()
        self.texts = texts
        ids = patterns.events(index)
        past, end = int(alignment.past_events[index]), int(alignment.present_events_end[index])
        self.present_ids = ids[past:end]
        self.sequence = _events(ids, texts)
        self.past = self.sequence[:past]
        self.present = self.sequence[past:end]
        self.future = self.sequence[end:]

    def missing(self, matched: Iterable[int]) -> list[Event]:
        """Per present event, its symbols that are not among the matched ones."""
        found = set(matched)
        return [
            [self.texts[symbol] for symbol in event if symbol not in found]
            for event in self.present_ids
        ]

    def extras(self) -> list[Event]:
        """Per observed event, its symbols, as observed, that are not in the present."""
        present = {symbol for event in self.present_ids for symbol in event}
        texts, ends = self.observation.texts, self.observation.event_ends.tolist()
        return [
            [texts[at] for at in range(start, end) if self.memory[at] not in present]
            for start, end in pairwise([0, *ends])
        ]

    def anomalies(self, positions: Iterable[int]) -> list[Anomaly]:
        """The matched symbols that were taken for similar ones."""
        symbols = self.observation.symbols.tolist()
        return [
            _anomaly(self.observation.texts[at], self.texts[self.memory[at]])
            for at in positions
            if symbols[at] != self.memory[at]
        ]


def _prediction(shape: _Shape, hits: npt.NDArray[np.bool_], **values: Any) -> Prediction:
    positions = np.flatnonzero(hits).tolist()
    return Prediction(
        type="prototypical",
        matches=[shape.observation.texts[at] for at in positions],
        past=shape.past,
        present=shape.present,
        missing=shape.missing(shape.memory[at] for at in positions),
        extras=shape.extras(),
        anomalies=shape.anomalies(positions),
        sequence=shape.sequence,
        future=shape.future,
        **values,
    )


def _anomaly(observed: str, expected: str) -> Anomaly:
    return Anomaly(observed, expected, character_ratio(observed, expected))


def _events(ids: list[list[int]], texts: Mapping[int, str]) -> list[Event]:
    return [[texts[symbol] for symbol in event] for event in ids]


def _values(measures: Measures, order: npt.NDArray[np.int64]) -> list[dict[str, float | None]]:
    columns = {name: measures.column(name)[order].tolist() for name in NUMBERS}
    for name in WEIGHTED:
        known = measures.weighted is not None
        columns[name] = measures.column(name)[order].tolist() if known else [None] * len(order)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _future_potentials(
    survivors: Candidates, alignment: Alignment, measures: Measures, texts: Mapping[int, str]
) -> list[FuturePotential]:
    futures = measures.futures
    ends = alignment.present_events_end.tolist()
    rows = zip(
        futures.first.tolist(),
        futures.aggregate_potential.tolist(),
        futures.supporting_patterns.tolist(),
        futures.total_weighted_frequency.tolist(),
        strict=True,
    )
    return [
        FuturePotential(
            future=_events(survivors.events(first)[ends[first] :], texts),
            aggregate_potential=aggregate,
            supporting_patterns=supporting,
            total_weighted_frequency=total,
        )
        for first, aggregate, supporting, total in rows
    ]
