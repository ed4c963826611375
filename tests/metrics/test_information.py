"""The formulas one at a time, by the original's verified values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests import reference
from tests.closeness import differences
from tests.examples import Example, case_id, examples

from kato.metrics import information
from kato.model.emotive import accumulate_metadata, average_emotives, checked_metadata


def accumulated(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    return accumulate_metadata([checked_metadata(record) for record in records])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "expectation": information.expectation,
    "classic_expectation": information.classic_expectation,
    "normalized_entropy": information.normalized_entropy,
    "global_normalized_entropy": information.global_normalized_entropy,
    "conditionalProbability": information.conditional_probability,
    "compandingFunction": information.companding,
    "average_emotives": average_emotives,
    "accumulate_metadata": accumulated,
}
REFERENCE: dict[str, Callable[..., Any]] = {
    "expectation": reference.expectation,
    "normalized_entropy": reference.entropy,
    "conditionalProbability": reference.chance,
    "average_emotives": reference.average,
}


@pytest.mark.parametrize("case", examples("maths"), ids=case_id)
def test_the_originals_values(case: Example) -> None:
    name, arguments = case["input"]["function"], case["input"]["args"]
    expected = case["output"]["value"]
    assert differences(expected, FUNCTIONS[name](*arguments)) == []
    if name in REFERENCE:
        assert differences(expected, REFERENCE[name](*arguments)) == []


def test_every_function_of_the_cases_is_here() -> None:
    assert {case["input"]["function"] for case in examples("maths")} == set(FUNCTIONS)


@pytest.mark.parametrize("symbols", ["", "a", "ab", "aab", "abcabcd"])
def test_entropy_is_normalized_entropy_to_base_two(symbols: str) -> None:
    expected = information.normalized_entropy(symbols, 2)
    assert information.entropy(symbols) == pytest.approx(expected, abs=1e-12)
