"""Charts of candles, as SVG or PNG; of the extra ``plots``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from kato.errors import InvalidInput
from kato.market.answers import Candle
from kato.market.timeframes import timeframe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Picture = Literal["svg", "png"]
PICTURES: tuple[Picture, ...] = ("svg", "png")

RISING, FALLING, QUIET, VWAP = "#1a7f5a", "#c0392b", "#8a8f98", "#3b5bdb"
BODY = 0.7
"""Share of its time that a candle's body takes."""


def chart(candles: Sequence[Candle], name: str, picture: Picture = "svg") -> bytes:
    """Draw candles of one instrument above their volume; the same candles make the same bytes.

    Candles that are not sealed yet are drawn paler. The line is the volume-weighted price.

    Args:
        candles: In order, of one exchange and symbol.
        name: Of their timeframe.
        picture: ``svg`` or ``png``.

    Raises:
        InvalidInput: There are no candles, or no such timeframe, or the extra is not installed.
    """
    if not candles:
        raise InvalidInput("there are no candles to draw", remedy="choose another time or symbol")
    figure = _figure()
    prices, volumes = figure.subplots(
        2, 1, sharex=True, height_ratios=[3, 1], gridspec_kw={"hspace": 0.06}
    )
    width = timeframe(name).seconds / 86_400
    _draw_prices(prices, candles, width)
    _draw_volumes(volumes, candles, width)
    _label(prices, volumes, candles, name)
    return _written(figure, picture)


def _figure() -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - of an extra
    except ImportError:
        raise InvalidInput(
            "charts are not installed: there is no matplotlib",
            remedy='install it with pip install "kato[plots]"',
        ) from None
    return Figure(figsize=(11, 6), layout="constrained")


def _draw_prices(axes: Axes, candles: Sequence[Candle], width: float) -> None:
    at = [_middle(candle, width) for candle in candles]
    colours = [_colour(candle) for candle in candles]
    paleness = [1.0 if candle.sealed else 0.55 for candle in candles]
    lows, highs = _floats(candles, "low"), _floats(candles, "high")
    opens, closes = _floats(candles, "open"), _floats(candles, "close")
    heights = [close - opened for opened, close in zip(opens, closes, strict=True)]
    axes.vlines(at, lows, highs, colors=colours, alpha=paleness, linewidth=0.9)
    for place, bottom, height, colour, alpha in zip(
        at, opens, heights, colours, paleness, strict=True
    ):
        axes.bar(place, height, width * BODY, bottom, color=colour, alpha=alpha, linewidth=0)
    flat = [place for place, height in enumerate(heights) if not height]
    half = width * BODY / 2
    axes.hlines(
        [closes[i] for i in flat],
        [at[i] - half for i in flat],
        [at[i] + half for i in flat],
        colors=[colours[i] for i in flat],
        linewidth=1.2,
    )
    traded = [(at[i], float(c.vwap)) for i, c in enumerate(candles) if c.vwap is not None]
    axes.plot(*zip(*traded, strict=True), color=VWAP, linewidth=0.8, label="vwap")


def _draw_volumes(axes: Axes, candles: Sequence[Candle], width: float) -> None:
    at = [_middle(candle, width) for candle in candles]
    total, bought = _floats(candles, "volume"), _floats(candles, "buy_volume")
    axes.bar(at, total, width * BODY, color=FALLING, label="sold", linewidth=0)
    axes.bar(at, bought, width * BODY, color=RISING, label="bought", linewidth=0)
    axes.legend(loc="upper left", fontsize=8, frameon=False)


def _label(prices: Axes, volumes: Axes, candles: Sequence[Candle], name: str) -> None:
    from matplotlib import dates  # noqa: PLC0415 - of an extra

    untyped: Any = dates
    locator = untyped.AutoDateLocator(tz="UTC")
    volumes.xaxis.set_major_locator(locator)
    volumes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, tz="UTC"))
    first = candles[0]
    # Dollar signs would begin a formula.
    prices.set_title(f"{first.symbol} on {first.exchange}, {name}".replace("$", r"\$"))
    prices.set_ylabel("price")
    volumes.set_ylabel("volume")
    prices.legend(loc="upper left", fontsize=8, frameon=False)
    for axes in (prices, volumes):
        axes.grid(visible=True, alpha=0.25)


def _written(figure: Figure, picture: Picture) -> bytes:
    from matplotlib import rc_context  # noqa: PLC0415 - of an extra

    sink = io.BytesIO()
    # Else ids are random, and the moment stands in it.
    with rc_context({"svg.hashsalt": "kato"}):
        metadata: dict[str, Any] = {"Date": None} if picture == "svg" else {"Software": None}
        figure.savefig(sink, format=picture, dpi=110, metadata=metadata)
    return sink.getvalue()


def _middle(candle: Candle, width: float) -> float:
    """In days since 1970, as matplotlib counts."""
    return candle.start / 86_400e9 + width / 2


def _colour(candle: Candle) -> str:
    if not candle.trades:
        return QUIET
    return RISING if candle.close >= candle.open else FALLING


def _floats(candles: Sequence[Candle], attribute: str) -> list[float]:
    return [float(getattr(candle, attribute)) for candle in candles]
