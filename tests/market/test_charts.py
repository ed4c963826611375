"""Charts show the candles they are given, the same way each time."""

from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest

from kato.errors import InvalidInput
from kato.market.answers import Candle
from kato.market.charts import FALLING, QUIET, RISING, Picture, chart

MINUTE = 60 * 10**9


def candle(place: int, opened: int, close: int, *, trades: int = 3, symbol: str = "A/$B") -> Candle:
    low, high = min(opened, close) - 1, max(opened, close) + 1
    start = 1_760_000_040 * 10**9 + place * MINUTE
    return Candle(
        exchange="binance",
        symbol=symbol,
        start=start,
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(close),
        volume=Decimal(5),
        quote_volume=Decimal(500),
        buy_volume=Decimal(2),
        trades=trades,
        vwap=Decimal(close) if trades else None,
        first_time=start,
        last_time=start,
        sealed=place < 8,
    )


CANDLES = [candle(i, 100 + i % 4, 100 + (i * 7) % 5) for i in range(12)]


def colours(svg: bytes) -> list[str]:
    return re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg.decode())


def test_an_svg_shows_each_candle() -> None:
    svg = chart(CANDLES, "1m")
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own
    rising = sum(each.close >= each.open for each in CANDLES)
    assert 0 < rising < len(CANDLES)
    one_less = colours(chart([each for each in CANDLES if each is not CANDLES[1]], "1m"))
    shown = colours(svg)
    assert shown.count(RISING) + shown.count(FALLING) > (
        one_less.count(RISING) + one_less.count(FALLING)
    )
    assert QUIET in colours(chart([*CANDLES, candle(12, 100, 100, trades=0)], "1m"))
    assert b"<!-- A/$B on binance, 1m -->" in svg


@pytest.mark.parametrize("picture", ["svg", "png"])
@pytest.mark.deep
def test_the_same_candles_make_the_same_picture(picture: Picture) -> None:
    assert chart(CANDLES, "1m", picture) == chart(list(CANDLES), "1m", picture)
    assert chart(CANDLES[:-1], "1m", picture) != chart(CANDLES, "1m", picture)


def test_a_png_is_one() -> None:
    png = chart(CANDLES, "5m", "png")
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1210, 660)


def test_one_candle_and_any_name() -> None:
    assert chart([candle(0, 100, 100, symbol="$x^{☃}$_\\frac/$")], "1d")


def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="no candles"):
        chart([], "1m")
    with pytest.raises(InvalidInput, match="no timeframe"):
        chart(CANDLES, "7m")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InvalidInput, match=r"kato\[plots\]"):
        chart(CANDLES, "1m")
