"""Measuring, ranking and the answer, where the comparison with the reference does not look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests import pipeline
from tests.reference import ReferenceMemory

from kato.matching import Alignment, Candidates, Observation, TokenMatcher, align
from kato.metrics import (
    Corpus,
    Measures,
    affinity_weights,
    assemble,
    counted_symbols,
    measure,
    rank,
    worded_events,
)
from kato.metrics.answer import WEIGHTED
from kato.model.config import RANK_SORT_ALGOS
from kato.model.prediction import FuturePotential, Prediction

IDS = {"a": 1, "b": 2, "c": 3, "d": 4}
SYMBOLS = np.array([1, 2, 3, 4], np.uint32)
MEMBERS = np.array([3, 3, 1, 2], np.int64)
CORPUS = Corpus(patterns=3, pattern_frequencies=6, symbols=4)
NAMES = ["n2", "n1", "n0"]
NAME_BYTES = np.array([list(name.encode()) for name in NAMES], np.uint8)


def ensemble(events: list[list[str]]) -> tuple[Observation, Candidates, Alignment]:
    """Three patterns: abc; abd twice, in two shapes."""
    observation = Observation.of(events, IDS)
    candidates = Candidates.of([(5, [[1], [2], [3]]), (6, [[1], [2], [4]]), (7, [[1], [2], [4]])])
    return observation, candidates, align(observation, candidates, TokenMatcher())


def measured(frequencies: list[int], **more: Any) -> Measures:
    counts = np.array(frequencies, np.int64)
    return measure(*ensemble([["a"], ["b"]]), counts, SYMBOLS, MEMBERS, CORPUS, **more)


@pytest.mark.parametrize(
    ("frequencies", "algo", "limit", "names"),
    [
        pytest.param([1, 1, 1], "potential", 3, ["n0", "n1", "n2"], id="the name on ties"),
        pytest.param([1, 1, 2], "similarity", 2, ["n0", "n1"], id="the limit"),
        pytest.param([1, 2, 3], "similarity", 3, ["n0", "n1", "n2"], id="the frequency on ties"),
        pytest.param([3, 1, 2], "frequency", 3, ["n2", "n0", "n1"], id="the rank value"),
        pytest.param([3, 1, 2], "confluence", 1, ["n2"], id="another rank value"),
    ],
)
def test_ranking(frequencies: list[int], algo: str, limit: int, names: list[str]) -> None:
    order = rank(measured(frequencies), NAME_BYTES, algo, limit)
    assert [NAMES[at] for at in order] == names


@pytest.mark.parametrize("algo", RANK_SORT_ALGOS)
def test_every_number_can_be_ranked_by(algo: str) -> None:
    weights = affinity_weights([1.0, 0.0, 0.5, 0.0], [3, 3, 1, 2])
    assert len(rank(measured([1, 2, 3], weights=weights), NAME_BYTES, algo, 9)) == 3


def test_no_ranking_by_weights_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="weighted_snr needs affinity weights"):
        rank(measured([1, 1, 1]), NAME_BYTES, "weighted_snr", 3)


def test_totals_of_the_ensemble() -> None:
    measures = measured([1, 2, 3])
    assert measures.bayesian_prior.sum() == pytest.approx(1)
    assert measures.bayesian_posterior.sum() == pytest.approx(1)
    assert measures.futures.aggregate_potential.sum() == pytest.approx(1)
    assert (measures.confluence <= 1).all()


def test_sums_are_in_the_order_of_pattern_ids() -> None:
    # The same numbers whatever the patterns are called and whatever stood before them.
    once, again = measured([1, 2, 3]), measured([1, 2, 3])
    for name in ("potential", "bayesian_posterior", "predictive_information"):
        assert getattr(once, name).tobytes() == getattr(again, name).tobytes()


@pytest.mark.parametrize(
    ("weights", "first", "symbol"),
    [
        pytest.param(None, 1, 1, id="of its present"),
        pytest.param(np.ones(3), 0, 4, id="of the whole pattern, if it is weighed"),
    ],
)
def test_a_survivors_symbol_must_have_counters(weights: Any, first: int, symbol: int) -> None:
    parts = (*ensemble([["a"]]), np.ones(3, np.int64))
    some = slice(first, first + 3)
    with pytest.raises(ValueError, match=f"symbol {symbol} of a survivor"):
        measure(*parts, SYMBOLS[some], MEMBERS[some], CORPUS, weights)


@pytest.mark.parametrize("weights", [None, affinity_weights([1.0, 0.0, 0.5, 2.0], [3, 3, 1, 2])])
@pytest.mark.parametrize("events", [[["b"]], [["a"], ["b"]], [["b"], ["x"], ["d"]]])
def test_the_counted_symbols_are_enough(events: list[list[str]], weights: Any) -> None:
    parts, counts = ensemble(events), np.array([1, 2, 3])
    whole = measure(*parts, counts, SYMBOLS, MEMBERS, CORPUS, weights)
    symbols = counted_symbols(*parts, weighed=weights is not None)
    held = np.searchsorted(SYMBOLS, symbols)
    weights = None if weights is None else weights[held]
    part = measure(*parts, counts, symbols, MEMBERS[held], CORPUS, weights)
    for algo in RANK_SORT_ALGOS:
        if weights is not None or algo not in WEIGHTED:
            assert whole.column(algo).tobytes() == part.column(algo).tobytes()


def test_with_weights_an_observed_symbol_must_have_counters() -> None:
    observation, candidates, alignment = ensemble([["a"], ["b"]])
    observation.symbols[0] = 9
    counts = np.ones(3, np.int64)
    parts = (observation, candidates, alignment, counts, SYMBOLS, MEMBERS, CORPUS)
    assert measure(*parts).weighted is None
    with pytest.raises(ValueError, match="symbol 9 of the memory"):
        measure(*parts, weights=np.ones(4))


def test_the_answer_is_said_in_texts() -> None:
    parts = ensemble([["a"], ["b"]])
    measures = measure(*parts, np.array([1, 1, 9]), SYMBOLS, MEMBERS, CORPUS)
    order = rank(measures, NAME_BYTES, "frequency", 1)
    texts = np.full(5, None, object)
    for text, number in IDS.items():
        texts[number] = text
    names = [NAMES[at] for at in order]
    answer = assemble(
        *parts,
        measures,
        order,
        names=names,
        sequences=worded_events(parts[1], texts),
        texts=texts,
    )
    assert [prediction.name for prediction in answer] == ["n0"]
    assert answer[0].emotives == {}
    assert [f.future for f in answer.future_potentials] == [[["d"]], [["c"]]]


def test_the_answer_holds_plain_numbers() -> None:
    memory = ReferenceMemory()
    memory.learn([["a", "b"], ["c"], ["d"]], {"joy": 1})
    predictions, futures = pipeline.predict(memory, [["a"], ["c"]], affinity_emotive="joy")
    for record, kind in ((predictions[0], Prediction), (futures[0], FuturePotential)):
        assert tuple(record) == kind.__struct_fields__
        plain = {type(value) for value in record.values()}
        assert plain <= {str, int, float, list, dict}


def test_an_empty_ensemble() -> None:
    observation = Observation.of([["a"]], IDS)
    alignment = align(observation, Candidates.empty(), TokenMatcher())
    none = np.zeros(0, np.int64)
    parts = (observation, Candidates.empty(), alignment)
    measures = measure(*parts, none, none.astype(np.uint32), none, CORPUS)
    order = rank(measures, NAME_BYTES[:0], "potential", 5)
    answer = assemble(*parts, measures, order, names=[], sequences=[], texts=np.empty(0, object))
    assert (list(answer), answer.future_potentials) == ([], [])
