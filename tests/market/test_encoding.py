"""Encoding: the same whoever makes it, monotone, and free of scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kato.errors import InvalidConfig, InvalidInput
from kato.market.encoding import METHODS, Bins, Encoding, Tick, fit
from kato.market.trade import Side, Trade

PRICES = st.decimals("0.001", 100_000, places=3)
VOLUMES = st.decimals(0, 1000, places=3)


def tick(prices: list[Decimal], volume: Decimal) -> Tick:
    return Tick(max(prices), min(prices), prices[1], volume)


TICKS = st.builds(tick, st.lists(PRICES, min_size=3, max_size=3), VOLUMES)
HISTORIES = st.lists(TICKS, min_size=12, max_size=40)
ENCODERS = st.fixed_dictionaries(
    {
        "bins": st.sampled_from([3, 5, 9]),
        "window": st.integers(1, 3),
        "method": st.sampled_from(METHODS),
    }
)


STILL = Tick(Decimal(1), Decimal(1), Decimal(1), Decimal(1))
VALUES: dict[str, Callable[[Tick], Decimal]] = {
    "ret": lambda tick: tick.close,
    "rng": lambda tick: tick.high / tick.low,
    "vol": lambda tick: tick.volume,
}


def fitted(history: list[Tick], choice: dict[str, Any]) -> Encoding:
    return fit(history, timeframe="1m", **choice)


def levels(events: list[list[str]], feature: str) -> list[int]:
    names = [symbol for event in events for symbol in event if symbol.startswith(feature + ":")]
    return [int(name.partition(":")[2]) for name in names]


@given(HISTORIES, ENCODERS)
def test_it_is_the_same_after_it_was_kept(history: list[Tick], choice: dict[str, Any]) -> None:
    encoding = fitted(history, choice)
    kept = msgspec.json.decode(msgspec.json.encode(encoding), type=Encoding)
    assert kept == encoding == fitted(history, choice)
    assert list(kept.events(history)) == list(encoding.events(history))


@given(HISTORIES, ENCODERS, st.integers(0, 8))
def test_where_reading_begins_does_not_matter(
    history: list[Tick], choice: dict[str, Any], begin: int
) -> None:
    encoding = fitted(history, choice)
    assert list(encoding.events(history[begin:])) == list(encoding.events(history))[begin:]


@given(HISTORIES, ENCODERS, st.decimals("0.001", 1000, places=3), st.decimals("0.001", 9, places=3))
def test_another_scale_makes_the_same_events(
    history: list[Tick], choice: dict[str, Any], price: Decimal, volume: Decimal
) -> None:
    scaled = [
        Tick(each.high * price, each.low * price, each.close * price, each.volume * volume)
        for each in history
    ]
    encoding = fitted(history, choice)
    assert fitted(scaled, choice) == encoding
    assert list(encoding.events(scaled)) == list(encoding.events(history))


@given(HISTORIES, ENCODERS, TICKS, TICKS)
def test_more_is_never_a_lower_level(
    history: list[Tick], choice: dict[str, Any], one: Tick, other: Tick
) -> None:
    encoding = fitted(history, choice)
    before = history[-choice["window"] :]
    (a,), (b,) = (list(encoding.events([*before, each])) for each in (one, other))
    for feature, value in VALUES.items():
        (low,), (high,) = levels([a], feature), levels([b], feature)
        if value(one) < value(other):
            assert low <= high
        elif value(one) == value(other):
            assert low == high


@given(HISTORIES, st.integers(1, 3))
@pytest.mark.deep
def test_a_rise_is_never_told_as_a_fall(history: list[Tick], window: int) -> None:
    encoding = fit(history, timeframe="1m", bins=5, window=window)
    told = levels(list(encoding.events(history)), "ret")
    for (before, after), level in zip(pairwise(history[window - 1 :]), told, strict=True):
        assert level * (after.close - before.close) >= 0


def test_levels_of_history_are_seen_equally_often() -> None:
    closes = [Decimal(100)]
    for step in range(1, 501):
        closes.append(closes[-1] + (step * 7919 % 501 - 250) / Decimal(1000))
    history = [Tick(c + i % 97 + 1, c, c, Decimal(i % 89 + 1)) for i, c in enumerate(closes)]
    encoding = fit(history, timeframe="1m", bins=5, window=1)
    for feature in encoding.features:
        counted = Counter(levels(list(encoding.events(history)), feature))
        assert len(counted) == 5
        assert max(counted.values()) - min(counted.values()) < 30


def test_sax_cuts_at_the_published_breakpoints() -> None:
    # The table of the paper: an alphabet of five is cut at -0.84, -0.25, 0.25, 0.84.
    history = [Tick(Decimal(h), Decimal(1), Decimal(1), Decimal(1)) for h in (1, 2, 4, 8, 16, 32)]
    encoding = fit(history, timeframe="1m", bins=5, window=1, method="sax", features=["rng"])
    bins = encoding.bins["rng"]
    deviation = 2**0.5 * 0.693147  # of 1, 2, 3, 4 and 5 times the logarithm of two
    assert [cut / deviation for cut in bins.cuts] == pytest.approx(
        [-0.84, -0.25, 0.25, 0.84], abs=5e-3
    )
    assert bins.centre == pytest.approx(3 * 0.693147)


def test_trades_are_events_too() -> None:
    trades = [
        Trade("X", str(i), i, Decimal(100 + i % 3), Decimal(1 + i % 2), Side(1 + i % 2), i)
        for i in range(30)
    ]
    ticks = [*map(Tick.of_trade, trades)]
    encoding = fit(ticks, timeframe="trades", bins=3, window=2)
    events = list(encoding.events(ticks))
    assert len(events) == 28
    assert {event[2] for event in events} == {"side:buy", "side:sell"}
    assert [event[0][:4] for event in events] == ["ret:"] * 28


def test_nothing_traded_is_no_fault() -> None:
    quiet = [Tick(Decimal(1), Decimal(1), Decimal(1), Decimal(0))] * 10
    for method in METHODS:
        encoding = fit(quiet, timeframe="1m", bins=3, window=2, method=method)
        assert set(map(tuple, encoding.events(quiet))) == {("ret:0", "rng:0", "vol:0")}
        burst = [*quiet, Tick(Decimal(2), Decimal(1), Decimal(2), Decimal(5))]
        assert list(encoding.events(burst))[-1][0] == "ret:+1"


@pytest.mark.parametrize(
    ("choice", "key"),
    [
        ({"bins": 4}, "bins"),
        ({"bins": 1}, "bins"),
        ({"window": 0}, "window"),
        ({"method": "guess"}, "method"),
        ({"features": ["ret", "ret"]}, "features"),
        ({"features": ["side"]}, "features"),
    ],
)
def test_what_cannot_be_chosen(choice: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        fit([STILL] * 40, timeframe="1m", **choice)
    assert set(refused.value.problems) == {key}


def test_too_little_history_is_refused() -> None:
    with pytest.raises(InvalidInput, match="too few"):
        fit([STILL] * 24, timeframe="1m")


@given(st.lists(st.floats(0, 10), min_size=1).map(sorted), st.floats(-20, 20), st.floats(-20, 20))
def test_levels_do_not_fall(cuts: list[float], one: float, other: float) -> None:
    for bins in (Bins(tuple(cuts), 1.0), Bins(tuple(cuts), 1.0, signed=True)):
        assert bins.level(min(one, other)) <= bins.level(max(one, other))
