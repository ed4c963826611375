"""Memory under a load that goes on; the hour is ``python -m benchmarks.soak``."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest
from benchmarks import market_soak, resident, soak


@pytest.mark.deep
@pytest.mark.parametrize("load", [soak, market_soak])
def test_memory_is_flat_after_five_minutes(tmp_path: Path, load: Any) -> None:
    assert load.problems_of(load.soaked(tmp_path, 300)) == []


def test_growth_and_refusals_are_problems() -> None:
    figures = {"growth": {"service": 0.2, "valkey": 0.01}, "load": {"statuses": {"200": 9}}}
    assert soak.problems_of(figures) == ["service grew by 20.0%"]
    figures = {"growth": {}, "load": {"statuses": {"200": 9, "503": 2}}}
    assert soak.problems_of(figures) == ["2 answers with status 503"]


def test_examples() -> None:
    assert doctest.testmod(resident).attempted
    assert doctest.testmod(resident).failed == 0


def test_lost_trades_and_too_much_memory_are_problems() -> None:
    result = {"growth": {"ingest": 0.01}, "peak_mib": 1499.0}
    counts = {"told": 7, "in_silver": 7, "in_candles": 7}
    assert market_soak.problems_of({**result, **counts}) == []
    assert market_soak.problems_of({**result, **counts, "in_candles": 6}) == [
        "6 trades in_candles, 7 were told"
    ]
    assert market_soak.problems_of({**result, **counts, "peak_mib": 1501.0}) == [
        "1501.0 MiB at one moment, more than 1500"
    ]
