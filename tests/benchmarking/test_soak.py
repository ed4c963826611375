"""Memory under a load that goes on; the hour is ``python -m benchmarks.soak``."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from benchmarks import soak


@pytest.mark.deep
def test_memory_is_flat_after_five_minutes(tmp_path: Path) -> None:
    assert soak.problems_of(soak.soaked(tmp_path, 300)) == []


def test_growth_and_refusals_are_problems() -> None:
    figures = {"growth": {"service": 0.2, "valkey": 0.01}, "load": {"statuses": {"200": 9}}}
    assert soak.problems_of(figures) == ["service grew by 20.0%"]
    figures = {"growth": {}, "load": {"statuses": {"200": 9, "503": 2}}}
    assert soak.problems_of(figures) == ["2 answers with status 503"]


def test_examples() -> None:
    assert doctest.testmod(soak).attempted
    assert doctest.testmod(soak).failed == 0
