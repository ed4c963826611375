"""Whether a fast algorithm and a plain one give the same answer."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.closeness import Answer, differences

import kato

TOLERANCE = 1e-12
"""For what is a sum of floats or a logarithm: the order of the one, the rounding of the other."""

EXACT = ("frequency", "evidence", "similarity", "fragmentation", "snr", "confidence")
"""Numbers of one pattern beside the memory: equal to the last bit."""


def built_in(answer: kato.Predictions) -> Answer:
    """An answer in built-in types."""
    return msgspec.to_builtins((answer.predictions, answer.future_potentials))  # type: ignore[no-any-return]


def assert_same(fast: Answer, plain: Answer, rank_value: str = "potential") -> None:
    """The same predictions in the same order, and the same futures.

    What ties in the value it is ranked by, to :data:`TOLERANCE`, may change places.
    """
    assert _lines(_numbers(fast, rank_value), _numbers(plain, rank_value)) == []
    assert len(fast[1]) == len(plain[1])
    if [p["name"] for p in fast[0]] == [p["name"] for p in plain[0]]:
        assert _lines(fast[0], plain[0]) == []
        assert _exact(fast) == _exact(plain)
    else:
        found = {p["name"]: p for p in plain[0]}
        both = [(p, found[p["name"]]) for p in fast[0] if p["name"] in found]
        assert [line for one, other in both for line in _lines(one, other)] == []
    assert _lines(_by_future(fast), _by_future(plain)) == []


def _lines(one: Any, other: Any) -> list[str]:
    return differences(one, other, tolerance=TOLERANCE)


def _numbers(answer: Answer, rank_value: str) -> list[float]:
    return [prediction[rank_value] for prediction in answer[0]]


def _exact(answer: Answer) -> list[list[float]]:
    return [[prediction[name] for name in EXACT] for prediction in answer[0]]


def _by_future(answer: Answer) -> list[dict[str, Any]]:
    return sorted(answer[1], key=lambda each: [sorted(event) for event in each["future"]])
