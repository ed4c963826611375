"""Comparing answers with the reference: floats to 1e-9, and ties in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.reference import ReferenceMemory

TOLERANCE = 1e-9

Answer = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Predictions and future potentials, as built-in types."""


def differences(
    expected: Any, actual: Any, path: str = "", tolerance: float = TOLERANCE
) -> list[str]:
    """Where two nested values differ, as readable lines; none if they agree.

    >>> differences({"a": [1.0, 2]}, {"a": [1.0 + 1e-12, 3]})
    ['.a[1]: 2 != 3']
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [*expected, *(key for key in actual if key not in expected)]
        pairs = [(f"{path}.{key}", expected.get(key), actual.get(key)) for key in keys]
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = [
            (f"{path}[{at}]", one, other)
            for at, (one, other) in enumerate(zip(expected, actual, strict=True))
        ]
    else:
        equal = _equal(expected, actual, tolerance)
        return [] if equal else [f"{path}: {expected!r} != {actual!r}"]
    return [
        line for where, one, other in pairs for line in differences(one, other, where, tolerance)
    ]


def assert_as_reference(
    answer: Answer, memory: ReferenceMemory, events: Sequence[Sequence[str]], **config: Any
) -> None:
    """The answer is the reference's; what ties to 1e-9 may stand in any order."""
    predictions, futures = answer
    survivors, expected_futures = memory.ensemble(events, **config)
    expected = {prediction["name"]: prediction for prediction in survivors}
    limit = min(len(survivors), config.get("max_predictions", 100))
    assert len(predictions) == limit, (len(predictions), limit)
    for prediction in predictions:
        _assert_same(expected.pop(prediction["name"]), prediction)
    key = config.get("rank_sort_algo", "potential")
    _assert_descending([p[key] for p in predictions])
    _assert_descending([p[key] for p in predictions[-1:]] + [_top(expected, key)])
    _assert_descending([f["aggregate_potential"] for f in futures])
    _assert_same(sorted(expected_futures, key=_future), sorted(futures, key=_future))


def _assert_same(expected: Any, actual: Any) -> None:
    found = differences(expected, actual)
    assert not found, "\n".join(found)


def _top(predictions: dict[str, dict[str, Any]], key: str) -> float:
    return max((p[key] for p in predictions.values()), default=-math.inf)


def _future(potential: dict[str, Any]) -> list[list[str]]:
    return [sorted(event) for event in potential["future"]]


def _assert_descending(values: list[float]) -> None:
    assert all(one >= other - TOLERANCE for one, other in pairwise(values)), values


def _equal(expected: Any, actual: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(actual, (int, float)):
        return math.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance)
    return bool(expected == actual)
