"""Every number of every recalled pattern, over the whole ensemble (``spec/algorithms.md`` 7)."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from kato.matching import UNKNOWN, Alignment, Candidates, Observation, matched_positions
from kato.matching.alignment import kernel_patterns
from kato.matching.candidates import distinct
from kato.matching.codes import SymbolTable, code_of, symbol_table
from kato.matching.compiled import Array, compiled, kernel_array
from kato.metrics.affinity import FLOOR, Weighted, Weights, WeightSums, weigh, weighted_scores
from kato.metrics.futures import Futures, grouped_futures
from kato.metrics.presents import Presents, mark_presents, present_numbers, symbol_terms
from kato.metrics.spans import presents_of

Floats = npt.NDArray[np.float64]


class Corpus(msgspec.Struct, frozen=True):
    """The totals of a knowledge base.

    Attributes:
        patterns: Number of patterns.
        pattern_frequencies: Sum of their frequencies: every learn counts.
        symbols: Number of distinct symbols.
    """

    patterns: int
    pattern_frequencies: int
    symbols: int


class Measures(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One value per survivor; what each means: :class:`kato.model.prediction.Prediction`.

    Attributes:
        weighted: None without affinity weights.
        futures: The futures that survivors share.
    """

    frequency: npt.NDArray[np.int64]
    similarity: Floats
    evidence: Floats
    confidence: Floats
    snr: Floats
    fragmentation: Floats
    potential: Floats
    confluence: Floats
    predictive_information: Floats
    entropy: Floats
    normalized_entropy: Floats
    global_normalized_entropy: Floats
    itfdf_similarity: Floats
    tfidf_score: Floats
    pattern_probability: Floats
    weighted_strength: Floats
    bayesian_posterior: Floats
    bayesian_prior: Floats
    bayesian_likelihood: Floats
    weighted: Weighted | None
    futures: Futures

    def __len__(self) -> int:
        return len(self.frequency)

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """The values of one number, by the name it has in a prediction.

        Raises:
            ValueError: It is a weighted one, and there are no weights.
        """
        if not name.startswith("weighted_") or name == "weighted_strength":
            values: npt.NDArray[np.generic] = getattr(self, name)
            return values
        if self.weighted is None:
            raise ValueError(f"{name} needs affinity weights, none were given to measure()")
        weighted: Floats = getattr(self.weighted, name.removeprefix("weighted_"))
        return weighted


def counted_symbols(
    observation: Observation, survivors: Candidates, alignment: Alignment, *, weighed: bool
) -> npt.NDArray[np.uint32]:
    """The ids, ascending, of all symbols whose counters :func:`measure` needs.

    Args:
        observation: The memory.
        survivors: The patterns to measure.
        alignment: Of the memory with the survivors.
        weighed: Whether it will be given affinity weights.
    """
    if not weighed:
        return distinct(presents_of(survivors, alignment).symbols)
    known = observation.symbols[observation.symbols < UNKNOWN]
    return distinct(np.concatenate([survivors.symbols, known]))


def measure(  # noqa: PLR0913, PLR0917, each is a thing of its own, and all are needed
    observation: Observation,
    survivors: Candidates,
    alignment: Alignment,
    frequencies: npt.NDArray[np.int64],
    symbol_ids: npt.NDArray[np.uint32],
    members: npt.NDArray[np.int64],
    corpus: Corpus,
    weights: Floats | None = None,
) -> Measures:
    """Measure the survivors of the preliminary cut as one ensemble.

    Args:
        observation: The memory, of one symbol or more.
        survivors: The patterns, by ascending id: sums are in that order.
        alignment: Of the memory with the survivors.
        frequencies: int64[k], how often each survivor was learned.
        symbol_ids: Ids, ascending, of at least the symbols of :func:`counted_symbols`.
        members: int64[symbols], how many patterns hold each of these symbols.
        corpus: The knowledge base's totals.
        weights: float64[symbols], their affinity weights, see
            :func:`kato.metrics.affinity_weights`; None without affinity.

    Raises:
        ValueError: A symbol is missing in ``symbol_ids``.
    """
    vocabulary = _Vocabulary(kernel_array(symbol_ids, np.uint32), members, weights)
    presents = _presents(observation, survivors, alignment, vocabulary)
    match = _match_numbers(observation, survivors, alignment)
    ensemble = _ensemble_numbers(alignment.similarity, frequencies)
    present = _present_numbers(presents, vocabulary, corpus)
    itfdf = 1 - present.pop("distance") * ensemble["pattern_probability"]
    chance = present.pop("chance")
    learned = max(corpus.pattern_frequencies, 1)
    weighted = _weighted(observation, survivors, alignment, presents, vocabulary)
    futures = grouped_futures(
        kernel_patterns(survivors),
        kernel_array(alignment.present_end, np.int32),
        kernel_array(alignment.present_events_end, np.int32),
        frequencies * alignment.similarity,
    )
    return Measures(
        frequency=frequencies,
        itfdf_similarity=itfdf,
        confluence=frequencies / learned * (1 - chance),
        predictive_information=_predictive_information(ensemble["weighted_strength"], futures),
        potential=_potential(match, weighted, itfdf),
        weighted=weighted,
        futures=futures,
        **match,
        **ensemble,
        **present,
    )


class _Vocabulary(NamedTuple):
    ids: npt.NDArray[np.uint32]
    members: npt.NDArray[np.int64]
    weights: Floats | None


def _presents(
    observation: Observation, survivors: Candidates, alignment: Alignment, vocabulary: _Vocabulary
) -> Presents:
    symbols = kernel_array(survivors.symbols, np.uint32)
    presents = Presents(
        np.full(len(symbols), len(vocabulary.ids), np.int64),
        kernel_array(survivors.offsets, np.int64),
        kernel_array(alignment.present_start, np.int32),
        kernel_array(alignment.present_end, np.int32),
        _coded_memory(observation, alignment, vocabulary),
    )
    table, whole = symbol_table(vocabulary.ids), vocabulary.weights is not None
    missing = encode(table, symbols, presents, whole)
    if missing >= 0:
        raise ValueError(f"symbol {symbols[missing]} of a survivor is not among symbol_ids")
    return presents


@compiled
def encode(table: SymbolTable, symbols: Array, presents: Presents, whole: bool) -> int:
    """Write the code of each symbol of the presents, or of the whole patterns.

    Returns:
        The position of the first symbol without one, or -1.
    """
    for index in range(len(presents.start)):
        first, end = presents.offsets[index], presents.offsets[index + 1]
        if not whole:
            first, end = first + presents.start[index], first + presents.end[index]
        for position in range(first, end):
            presents.codes[position] = code_of(table, symbols[position])
            if presents.codes[position] < 0:
                return position
    return -1


def _coded_memory(
    observation: Observation, alignment: Alignment, vocabulary: _Vocabulary
) -> npt.NDArray[np.int64]:
    """The memory by code; the code behind the last stands for all symbols without one."""
    rows = alignment.rewritten if len(alignment.rewritten) else observation.symbols[np.newaxis]
    ids = vocabulary.ids
    codes = np.searchsorted(ids, rows)
    # What sorts behind the last id is compared with a number that is no id of a knowledge base.
    strange = np.append(ids, np.uint32(0xFFFFFFFF))[codes] != rows
    codes[strange] = len(ids)
    if vocabulary.weights is not None and (strange & (rows < UNKNOWN)).any():
        symbol = rows[strange & (rows < UNKNOWN)][0]
        raise ValueError(f"symbol {symbol} of the memory is not among symbol_ids")
    return codes


def _match_numbers(
    observation: Observation, survivors: Candidates, alignment: Alignment
) -> dict[str, Floats]:
    matched, observed = alignment.matched, len(observation)
    present = alignment.present_end - alignment.present_start
    return {
        "similarity": alignment.similarity,
        "bayesian_likelihood": alignment.similarity,
        "evidence": matched / survivors.lengths,
        "confidence": matched / np.maximum(present, 1),
        "snr": (3 * matched - observed) / np.maximum(matched + observed, 1),
        "fragmentation": alignment.blocks - 1.0,
    }


def _ensemble_numbers(similarity: Floats, frequencies: npt.NDArray[np.int64]) -> dict[str, Floats]:
    prior = frequencies / max(int(frequencies.sum()), 1)
    strength = similarity * prior
    # A cumulative sum adds one after the other; numpy's sum goes by the width of the processor.
    total = np.cumsum(strength)[-1] if len(strength) else 0.0
    return {
        "pattern_probability": prior,
        "bayesian_prior": prior,
        "weighted_strength": strength,
        "bayesian_posterior": strength / total if total > 0 else np.zeros(len(strength)),
    }


def _present_numbers(
    presents: Presents, vocabulary: _Vocabulary, corpus: Corpus
) -> dict[str, Floats]:
    marks = np.zeros(len(vocabulary.ids) + 1, np.bool_)
    mark_presents(presents, marks)
    members = np.append(np.asarray(vocabulary.members, np.int64), 0)
    terms = symbol_terms(members, corpus.patterns, corpus.symbols, marks)
    numbers = present_numbers(presents, terms)
    base = math.log2(corpus.symbols) if corpus.symbols > 1 else math.inf
    return {
        "distance": numbers.distance,
        "chance": numbers.chance,
        "entropy": numbers.entropy,
        "normalized_entropy": numbers.entropy / base,
        "global_normalized_entropy": numbers.information,
        "tfidf_score": numbers.rarity,
    }


def _predictive_information(strength: Floats, futures: Futures) -> Floats:
    aggregate = np.append(futures.aggregate_potential, 0.0)[futures.group]
    information: Floats = np.divide(
        strength, aggregate, out=np.zeros(len(strength)), where=aggregate > 0
    )
    return information


def _weighted(
    observation: Observation,
    survivors: Candidates,
    alignment: Alignment,
    presents: Presents,
    vocabulary: _Vocabulary,
) -> Weighted | None:
    if vocabulary.weights is None:
        return None
    hits = matched_positions(observation, survivors, alignment)
    # The code behind the last stands for symbols the knowledge base does not know.
    weights = np.append(np.asarray(vocabulary.weights, np.float64), FLOOR)
    sums = WeightSums(*(np.zeros(len(survivors)) for _ in WeightSums._fields))
    weigh(Weights(*presents, hits, weights), sums)
    return weighted_scores(sums)


def _potential(match: dict[str, Floats], weighted: Weighted | None, itfdf: Floats) -> Floats:
    evidence, confidence, snr = match["evidence"], match["confidence"], match["snr"]
    if weighted is not None:
        evidence, confidence, snr = weighted.evidence, weighted.confidence, weighted.snr
    blocks = match["fragmentation"] + 1
    cohesion = np.divide(1.0, blocks, out=np.zeros(len(blocks)), where=blocks > 0)
    potential: Floats = (evidence + confidence) * snr + itfdf + cohesion
    return potential
