"""Futures that patterns share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import Example, case_id, examples

from kato.matching import Candidates
from kato.matching.alignment import kernel_patterns
from kato.metrics.futures import Futures, grouped_futures

Events = list[list[int]]

Singles = st.lists(st.integers(0, 2), max_size=4).map(lambda row: [[symbol] for symbol in row])
Several = st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=3)


def grouped(futures: list[Events], weights: list[float]) -> Futures:
    """The groups of patterns that have an event [9] behind them and these futures before them."""
    patterns = Candidates.of((at, [[9], *future]) for at, future in enumerate(futures))
    ones = np.ones(len(futures), np.int32)
    return grouped_futures(kernel_patterns(patterns), ones, ones, np.array(weights))


@given(st.lists(Singles | Several, min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_futures_are_equal_if_each_event_holds_the_same_symbols(futures: list[Events]) -> None:
    keys = [str([sorted(event) for event in future]) for future in futures]
    group = grouped(futures, [1.0] * len(futures)).group.tolist()
    assert [number < 0 for number in group] == [not future for future in futures]
    for one, first in enumerate(futures):
        for other, second in enumerate(futures):
            if first and second:
                assert (group[one] == group[other]) == (keys[one] == keys[other])


def test_long_events_are_sorted_whole() -> None:
    rng = np.random.default_rng(5)
    event = rng.integers(0, 50, 500)
    futures = [[rng.permutation(event).tolist()] for _ in range(4)]
    changed = [[*futures[0][0][1:], 50]]
    assert grouped([*futures, changed], [1.0] * 5).group.tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("case", examples("predictive_information"), ids=case_id)
def test_the_originals_shares(case: Example) -> None:
    given_ones = case["input"]["predictions"]
    ids = {"x": 1, "y": 2}
    futures = [[[ids[s] for s in event] for event in p["future"]] for p in given_ones]
    found = grouped(futures, [p["similarity"] * p["frequency"] for p in given_ones])
    expected = case["output"]["future_potentials"]
    for name in ("aggregate_potential", "supporting_patterns", "total_weighted_frequency"):
        assert getattr(found, name).tolist() == pytest.approx([f[name] for f in expected])
    strengths = [p["weighted_strength"] for p in case["output"]["predictions"]]
    shares = np.append(found.aggregate_potential, np.inf)[found.group]
    information = [p["predictive_information"] for p in case["output"]["predictions"]]
    assert (np.array(strengths) / shares).tolist() == pytest.approx(information)


@pytest.mark.parametrize(
    ("weights", "first"),
    [
        pytest.param([1.0, 3.0, 1.0], [1, 0, 2], id="the highest potential, then the oldest"),
        pytest.param([1.0, 1.0, 1.0], [0, 1, 2], id="the oldest pattern on ties"),
        pytest.param([0.0, 0.0, 0.0], [0, 1, 2], id="no weight at all"),
    ],
)
def test_order(weights: list[float], first: list[int]) -> None:
    assert grouped([[[1]], [[2]], [[3]]], weights).first.tolist() == first


def test_more_supporters_come_first_on_ties() -> None:
    found = grouped([[[1]], [[2]], [[2]]], [2.0, 1.0, 1.0])
    assert found.first.tolist() == [1, 0]
    assert found.supporting_patterns.tolist() == [2, 1]


def test_no_futures() -> None:
    found = grouped([[], []], [1.0, 1.0])
    assert found.group.tolist() == [-1, -1]
    assert len(found.first) == 0
