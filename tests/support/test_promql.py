"""The evaluator answers as Prometheus does, and refuses what it does not know."""

from __future__ import annotations

import math

import pytest
from tests.support.promql import Refused, Series, evaluate, names_in


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


@pytest.fixture
def series() -> Series:
    """Scrapes each 60 s: a counter that grows by 10 and is reset, and one that stands still."""
    series = Series()
    for step, value in enumerate((0, 10, 20, 30, 40, 5, 15, 25, 35, 45, 55)):
        text = f'c_total{{x="a"}} {value}\nc_total{{x="b"}} 7\ng{{x="a"}} {step}\ng{{x="b"}} 2\n'
        series.scrape(text, at=60.0 * step)
    return series


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # 20 to 55 over 4 of 5 minutes, extrapolated to all: the value Prometheus' docs would have.
        ('increase(c_total{x="a"}[5m])', {labels(x="a"): 50.0}),
        ('rate(c_total{x="a"}[5m])', {labels(x="a"): 50 / 300}),
        ('increase(c_total{x="b"}[5m])', {labels(x="b"): 0.0}),
        # Ten points behind 0 s: 10 to 40, reset, 5 to 55; zero is reached a minute before.
        ('increase(c_total{x="a"}[10m])', {labels(x="a"): 85.0 * 600 / 540}),
        ("g - 1", {labels(x="a"): 9.0, labels(x="b"): 1.0}),
        ("time() - g * 10 > 500", {labels(x="b"): 580.0}),
        ("g > 5", {labels(x="a", __name__="g"): 10.0}),
        ("c_total / g", {labels(x="a"): 5.5, labels(x="b"): 3.5}),
        ("sum by (y) (g)", {labels(): 12.0}),
        ("max by (x) (g) == 2", {labels(x="b"): 2.0}),
        ("absent(nothing)", {labels(): 1.0}),
        ("absent(g)", {}),
        ("2 * (3 + 4) / 7", 2.0),
    ],
)
def test_expressions(series: Series, expression: str, expected: object) -> None:
    value = evaluate(expression, series, at=600.0)
    assert value == pytest.approx(expected)


def test_an_old_value_is_none_and_neither_is_one_that_was_left_out(series: Series) -> None:
    assert len(dict(evaluate("g", series, at=890.0))) == 2  # type: ignore[arg-type]
    assert evaluate("g", series, at=901.0) == {}
    series.scrape('g{x="b"} 3\n', at=660.0)
    assert evaluate("g", series, at=661.0) == {labels(x="b", __name__="g"): 3.0}


def test_quantiles_of_histograms() -> None:
    series = Series()
    rows = (("0.1", 10), ("0.5", 30), ("1", 40), ("+Inf", 41))
    series.scrape("".join(f'h_bucket{{le="{le}"}} {n}\n' for le, n in rows), at=0.0)
    for share, expected in ((0.0, 0.0), (0.5, 0.1 + 0.4 * 10.5 / 20), (0.99, 1.0), (1.0, 1.0)):
        found = evaluate(f"histogram_quantile({share}, h_bucket)", series, at=1.0)
        assert found == pytest.approx({labels(): expected})
    empty = Series()
    empty.scrape('h_bucket{le="1"} 0\nh_bucket{le="+Inf"} 0\n', at=0.0)
    (value,) = dict(evaluate("histogram_quantile(0.5, h_bucket)", empty, at=1.0)).values()  # type: ignore[arg-type]
    assert math.isnan(value)


@pytest.mark.parametrize(
    "expression",
    [
        "", "g >", "g g", "g[5m]", "rate(g)", "irate(g[5m])", "avg by (x) (g)", "sum(g)",
        "g and g", "g or g", "g unless g", 'g{x=~"a"}', 'g{x!="a"}', "g offset 5m", "g[5m:1m]",
        "-g", "1 > bool 0", "1 > 0", "g > on (x) g", "sum without (x) (g)", "g[5y]", "g % 2",
        "quantile(0.5, g)", "histogram_quantile(g, g)", "g @ 5", "g ^ 2", "rate(g[5m]", "'g'",
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(series: Series, expression: str) -> None:
    with pytest.raises(Refused):
        evaluate(expression, series, at=600.0)


def test_names_are_those_of_metrics() -> None:
    assert names_in("rate(a_total[5m]) / sum by (x) (b) > time() - c") == {"a_total", "b", "c"}
