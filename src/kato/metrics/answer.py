"""From numbers to the answer: predictions in the domain's own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from kato.matching import Alignment, Candidates, Observation
from kato.matching.characters import character_ratio
from kato.metrics.ensemble import Measures
from kato.metrics.spans import Comparison, Flags, compare
from kato.metrics.wording import Texts, chosen, parted, worded
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


Column = Sequence[Any]
"""One field of all returned predictions."""


def assemble(  # noqa: PLR0913, each is a thing of its own, and all are needed
    observation: Observation,
    survivors: Candidates,
    alignment: Alignment,
    measures: Measures,
    order: npt.NDArray[np.int64],
    *,
    names: Sequence[str],
    sequences: Sequence[list[Event]],
    texts: Texts,
    emotives: Sequence[Emotives] = (),
    compare: Callable[[Observation, Candidates, Alignment], Comparison] = compare,
) -> Predictions:
    """Build the predictions of the ranked survivors, and the futures all survivors agree on.

    Args:
        observation: The memory.
        survivors: The patterns that were measured.
        alignment: Of the memory with the survivors.
        measures: Of the survivors.
        order: Indices of the survivors to return, see :func:`kato.metrics.rank`.
        names: The names of the returned patterns, in the order of ``order``.
        sequences: The events of all survivors, see :func:`kato.metrics.wording.worded_events`.
        texts: By id, the texts of all symbols of the survivors.
        emotives: Averages of each returned pattern, in the order of ``order``; none if left out.
        compare: Says what the memory and each returned pattern share.
    """
    aligned = alignment.take(order)
    compared = compare(observation, survivors.take(order), aligned)
    columns = {
        **_events([sequences[at] for at in order.tolist()], aligned),
        "type": ["prototypical"] * len(order),
        "name": names,
        "emotives": emotives or [{} for _ in range(len(order))],
        **_values(measures, order),
        **_Returned(observation, aligned, texts).matches(compared),
    }
    rows = zip(*(columns[field] for field in Prediction.__struct_fields__), strict=True)
    predictions = [Prediction(*row) for row in rows]
    return Predictions(predictions, _future_potentials(sequences, alignment, measures))


def _events(sequences: list[list[Event]], alignment: Alignment) -> dict[str, Column]:
    pasts, ends = alignment.past_events.tolist(), alignment.present_events_end.tolist()
    rows = list(zip(sequences, pasts, ends, strict=True))
    return {
        "sequence": sequences,
        "past": [sequence[:past] for sequence, past, _ in rows],
        "present": [sequence[past:end] for sequence, past, end in rows],
        "future": [sequence[end:] for sequence, _, end in rows],
    }


class _Returned:
    """The returned patterns beside the memory, in texts, field by field."""

    def __init__(self, observation: Observation, alignment: Alignment, texts: Texts) -> None:
        self._observation = observation
        self._alignment = alignment
        self._texts = texts

    def matches(self, found: Comparison) -> dict[str, Column]:
        """What memory and patterns share, and what not."""
        texts = self._observation.texts
        return {
            "matches": [list(compress(texts, row)) for row in found.hits.tolist()],
            "missing": self._missing(found.presents, found.missing),
            "extras": self._extras(found.extra),
            "anomalies": self._anomalies(found.hits),
        }

    def _missing(self, presents: Candidates, missing: Flags) -> Column:
        """Per present event, its symbols that are not among the matched ones."""
        bounds, offsets = presents.event_bounds()
        return parted(chosen(worded(presents.symbols, self._texts), missing, bounds), offsets)

    def _extras(self, extra: Flags) -> Column:
        """Per observed event, its symbols, as observed, that are not in the present."""
        rows, observed = extra.shape
        ends = self._observation.event_ends
        bounds = np.zeros(rows * len(ends) + 1, np.int64)
        bounds[1:] = (np.arange(rows)[:, np.newaxis] * observed + ends).ravel()
        events = chosen(self._observation.texts * rows, extra.ravel(), bounds)
        return parted(events, np.arange(rows + 1) * len(ends))

    def _anomalies(self, hits: Flags) -> Column:
        """The matched symbols that were taken for similar ones."""
        memories, symbols = self._alignment.rewritten, self._observation.symbols
        anomalies: list[list[Anomaly]] = [[] for _ in range(len(hits))]
        if len(memories):
            for row, at in np.argwhere(hits & (memories != symbols)).tolist():
                expected = self._texts[memories[row, at]]
                anomalies[row].append(_anomaly(self._observation.texts[at], expected))
        return anomalies


def _anomaly(observed: str, expected: str) -> Anomaly:
    return Anomaly(observed, expected, character_ratio(observed, expected))


def _values(measures: Measures, order: npt.NDArray[np.int64]) -> dict[str, Column]:
    columns: dict[str, Column] = {name: [None] * len(order) for name in WEIGHTED}
    for name in NUMBERS if measures.weighted is None else NUMBERS + WEIGHTED:
        columns[name] = measures.column(name)[order].tolist()
    return columns


def _future_potentials(
    sequences: Sequence[list[Event]], alignment: Alignment, measures: Measures
) -> list[FuturePotential]:
    futures, ends = measures.futures, alignment.present_events_end
    rows = zip(
        futures.first.tolist(),
        ends[futures.first].tolist(),
        futures.aggregate_potential.tolist(),
        futures.supporting_patterns.tolist(),
        futures.total_weighted_frequency.tolist(),
        strict=True,
    )
    return [FuturePotential(sequences[at][end:], *numbers) for at, end, *numbers in rows]
