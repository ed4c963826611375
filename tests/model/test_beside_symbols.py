"""Emotives, metadata and vectors: what goes beside symbols."""

from __future__ import annotations

import struct
from hashlib import sha1
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.errors import (
    InvalidEmotives,
    InvalidMetadata,
    InvalidSymbol,
    InvalidVector,
    shown,
)
from kato.model.emotive import (
    accumulate_metadata,
    average_emotives,
    checked_emotives,
    checked_metadata,
)
from kato.model.vector import checked_vector, vector_symbol

numbers = st.floats(-1e6, 1e6)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), numbers, max_size=3), max_size=6))
def test_averages_are_over_the_records_that_have_the_name(records: list[dict[str, float]]) -> None:
    averages = average_emotives(records)
    assert set(averages) == {name for record in records for name in record}
    for name, average in averages.items():
        values = [record[name] for record in records if name in record]
        assert average == pytest.approx(sum(values) / len(values), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        ["joy"],
        {"joy": "1"},
        {"joy": True},
        {"joy": None},
        {1: 1},
        {"joy": float("nan")},
        {"joy": float("inf")},
        {"joy": 1.1e100},
        {"joy": -(10**101)},
        {"joy": 10**400},
        {"joy": 10**5000},
        {"joy": [10**5000]},
    ],
    ids=shown,
)
def test_emotives_that_are_no_numbers_by_name(wrong: Any) -> None:
    with pytest.raises(InvalidEmotives):
        checked_emotives(wrong)


def test_metadata_is_text_by_key() -> None:
    # spec/algorithms.md section 3: every value by str
    values = {"i": 5, "f": 1.0, "b": True, "n": None, "l": [1, 2], "d": {"x": 1}, "s": "5"}
    assert checked_metadata(values) == {
        "i": "5",
        "f": "1.0",
        "b": "True",
        "n": "None",
        "l": "[1, 2]",
        "d": "{'x': 1}",
        "s": "5",
    }


@given(st.lists(st.dictionaries(st.sampled_from("kl"), st.text(max_size=2), max_size=2)))
def test_metadata_adds_up_to_sorted_sets(records: list[dict[str, str]]) -> None:
    added = accumulate_metadata(records)
    for key in "kl":
        assert added.get(key, []) == sorted({r[key] for r in records if key in r})


@pytest.mark.parametrize("wrong", [["k"], {1: "v"}, "k", {"k": 10**5000}], ids=shown)
def test_metadata_that_is_no_mapping_by_text(wrong: Any) -> None:
    with pytest.raises(InvalidMetadata):
        checked_metadata(wrong)


def test_a_lone_surrogate_is_refused_here_too() -> None:
    for check in (
        lambda: checked_metadata({"k": "\ud800"}),
        lambda: checked_metadata({"\ud800": 1}),
        lambda: checked_emotives({"\ud800": 1}),
    ):
        with pytest.raises(InvalidSymbol):
            check()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_a_vector_is_named_by_its_bytes(values: list[float]) -> None:
    positive = [value + 0.0 for value in values]
    digest = sha1(struct.pack(f"<{len(values)}d", *positive)).hexdigest()  # noqa: S324
    assert vector_symbol(values) == f"VCTR|{digest}"
    assert vector_symbol([-0.0 if value == 0 else value for value in values]) == f"VCTR|{digest}"


def test_integers_and_arrays_are_vectors_too() -> None:
    assert vector_symbol([1, 2]) == vector_symbol(np.array([1.0, 2.0], np.float32).tolist())
    assert checked_vector((1, 2)).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "wrong",
    [[], [[1.0]], "12", ["1"], [None], 5, [float("nan")], [1, float("-inf")], [1j]],
    ids=str,
)
def test_not_a_vector(wrong: Any) -> None:
    with pytest.raises(InvalidVector):
        vector_symbol(wrong)
