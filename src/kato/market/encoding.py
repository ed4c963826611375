"""Candles and trades as events of symbols, so that a memory can observe them.

A *feature* is a number without a unit, made of a candle (or trade) and those before it:

* ``ret``: the logarithm of the close (price) by the one before;
* ``rng``: the logarithm of the high by the low; of candles only;
* ``vol``: the volume (size) by the mean of the ``window`` before;
* ``side``: who took; of trades only.

All are quotients, so a market with other prices and other volumes makes the same symbols. A
feature's *bins* cut it into levels: ``ret:-2`` to ``ret:+2`` about a middle that is ``ret:0``,
``rng:0`` to ``rng:4``, ``vol:0`` to ``vol:4``. They are fitted to history once and kept, by one of
two rules:

* ``quantile``: each level was seen equally often; of returns, each size of a move, so that a rise
  is never told as a fall.
* ``sax``: the breakpoints that cut the normal distribution into equal parts, about the mean and by
  the standard deviation of history (J. Lin, E. Keogh, S. Lonardi, B. Chiu: A Symbolic
  Representation of Time Series, with Implications for Streaming Algorithms, DMKD 2003).

Quotients are those of exact decimals, rounded once, and volumes are added up as fractions: so an
event depends on nothing but its candle and the ``window`` before it, wherever one begins to read.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist, fmean, pstdev
from typing import Literal, Protocol

import msgspec

from kato.errors import InvalidConfig, InvalidInput
from kato.market.trade import Side
from kato.model.event import Event

Method = Literal["quantile", "sax"]
METHODS: tuple[Method, ...] = ("quantile", "sax")
MOST_BINS = 99
MOST_WINDOW = 1000

CANDLE_FEATURES = ("ret", "rng", "vol")
TRADE_FEATURES = ("ret", "vol", "side")
FEATURES = ("ret", "rng", "vol", "side")

ENDLESS = sys.float_info.max
"""The quotient of something by nothing."""

TRADES = "trades"
"""In place of a timeframe: trades are observed themselves."""


class CandleLike(Protocol):
    """What is read of a candle."""

    @property
    def high(self) -> Decimal:
        """Highest price."""

    @property
    def low(self) -> Decimal:
        """Lowest price."""

    @property
    def close(self) -> Decimal:
        """Last price."""

    @property
    def volume(self) -> Decimal:
        """Sum of the sizes; 0 where there was no trade."""


class TradeLike(Protocol):
    """What is read of a trade."""

    @property
    def price(self) -> Decimal:
        """In the quote currency."""

    @property
    def size(self) -> Decimal:
        """In the base currency."""

    @property
    def side(self) -> Side:
        """Who took."""


class Tick(msgspec.Struct, frozen=True):
    """What features are made of, of a candle or a trade.

    Attributes:
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: What was traded, in the base currency.
        side: Who took, of a trade.
    """

    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    side: str = ""

    @classmethod
    def of_candle(cls, candle: CandleLike) -> Tick:
        """Of a candle."""
        return cls(candle.high, candle.low, candle.close, candle.volume)

    @classmethod
    def of_trade(cls, trade: TradeLike) -> Tick:
        """Of a trade."""
        price = trade.price
        return cls(price, price, price, trade.size, Side(trade.side).name.lower())


class Bins(msgspec.Struct, frozen=True):
    """How a number becomes a level.

    Attributes:
        cuts: Ascending; a number has as many levels below it as cuts.
        centre: What is taken away from a number first.
        signed: Whether levels count from the centre, to both sides.

    >>> bins = Bins((0.5, 2.0), signed=True)
    >>> [bins.level(number) for number in (-3.0, -0.5, 0.0, 0.7, 2.1)]
    [-2, 0, 0, 1, 2]
    """

    cuts: tuple[float, ...]
    centre: float = 0.0
    signed: bool = False

    def level(self, number: float) -> int:
        """The level; of a greater number it is never lower."""
        off = number - self.centre
        if not self.signed:
            return bisect_left(self.cuts, off)
        level = bisect_left(self.cuts, abs(off))
        return -level if off < 0 else level

    def text(self, number: float) -> str:
        """The level as symbols have it."""
        level = self.level(number)
        return f"{level:+d}" if self.signed and level else str(level)


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """How candles or trades become events: all it takes, so that everybody makes the same ones.

    Attributes:
        timeframe: Of the candles, such as ``1m``; ``trades`` for trades.
        window: How many candles before one its volume is compared with.
        fill: Whether a time without trades, between two that had some, is a candle too.
        method: The rule its bins were fitted by.
        features: What an event tells, in this order.
        bins: By feature.

    >>> ticks = [Tick(Decimal(p + 1), Decimal(p), Decimal(p), Decimal(9)) for p in (10, 11, 13, 10)]
    >>> encoding = fit(ticks, timeframe="1m", bins=3, window=1)
    >>> list(encoding.events(ticks[1:]))
    [['ret:+1', 'rng:0', 'vol:0'], ['ret:-1', 'rng:2', 'vol:0']]
    """

    timeframe: str
    window: int
    fill: bool = False
    method: Method = "quantile"
    features: tuple[str, ...]
    bins: dict[str, Bins]

    def events(self, ticks: Iterable[Tick]) -> Iterator[Event]:
        """The events of what follows the first ``window``, which it needs to begin."""
        for numbers in _features(ticks, self.window):
            yield self._event(numbers)

    def _event(self, numbers: _Numbers) -> Event:
        return [f"{name}:{self._text(name, numbers)}" for name in self.features]

    def _text(self, name: str, numbers: _Numbers) -> str:
        if name == "side":
            return numbers.side
        number: float = getattr(numbers, name)
        return self.bins[name].text(number)


def fit(  # noqa: PLR0913 - each is a choice of its own, said by name
    history: Iterable[Tick],
    *,
    timeframe: str,
    bins: int = 5,
    window: int = 20,
    method: Method = "quantile",
    features: Sequence[str] | None = None,
    fill: bool = False,
) -> Encoding:
    """Fit an encoding to history.

    Args:
        history: Of candles or trades in their order, more than ``window``.
        timeframe: Of the candles; ``trades`` for trades.
        bins: Levels of each feature, an odd number of 3 or more.
        window: How many candles before one its volume is compared with.
        method: ``quantile`` or ``sax``.
        features: What an event tells; everything there is by default.
        fill: Whether a time without trades is a candle too; the history must be of that kind.

    Raises:
        InvalidConfig: A choice cannot be used.
        InvalidInput: There is too little history.
    """
    chosen = tuple(features or (TRADE_FEATURES if timeframe == TRADES else CANDLE_FEATURES))
    _check(timeframe, bins, window, method, chosen)
    numbers = list(_features(history, window))
    if len(numbers) < bins:
        raise InvalidInput(
            f"{len(numbers)} events of history are too few for {bins} bins",
            remedy=f"give {window + bins} or more, or fewer bins or a smaller window",
        )
    fitted = {
        name: _fitted([getattr(each, name) for each in numbers], bins, method, name == "ret")
        for name in chosen
        if name != "side"
    }
    return Encoding(
        timeframe=timeframe, window=window, fill=fill, method=method, features=chosen, bins=fitted
    )


class _Numbers(msgspec.Struct, frozen=True):
    ret: float
    rng: float
    vol: float
    side: str


def _features(ticks: Iterable[Tick], window: int) -> Iterator[_Numbers]:
    """The features of all ticks but the first ``window``."""
    before: deque[Fraction] = deque()
    total, last = Fraction(0), None
    for tick in ticks:
        volume = Fraction(tick.volume)
        if last is not None and len(before) == window:
            usual = total / window
            yield _Numbers(
                math.log(_quotient(tick.close, last)),
                math.log(_quotient(tick.high, tick.low)),
                _share(volume, usual),
                tick.side,
            )
            total -= before.popleft()
        before.append(volume)
        total += volume
        last = tick.close


def _quotient(above: Decimal, below: Decimal) -> float:
    # Of integers, division rounds once, whatever both were multiplied by.
    numerator, denominator = above.as_integer_ratio()
    under, over = below.as_integer_ratio()
    return (numerator * over) / (denominator * under)


def _share(volume: Fraction, usual: Fraction) -> float:
    if usual:
        return float(volume / usual)
    return ENDLESS if volume else 1.0


def _fitted(numbers: list[float], bins: int, method: Method, signed: bool) -> Bins:
    if method == "sax":
        return _sax([number for number in numbers if number < ENDLESS], bins, signed)
    if not signed:
        return Bins(_quantiles(numbers, [(i, bins) for i in range(1, bins)]))
    middle = bins // 2
    sizes = [abs(number) for number in numbers]
    # The middle level takes one share of the moves, every other one two: a rise and a fall.
    return Bins(_quantiles(sizes, [(2 * i + 1, bins) for i in range(middle)]), signed=True)


def _sax(numbers: list[float], bins: int, signed: bool) -> Bins:
    mean, deviation = fmean(numbers), pstdev(numbers)
    breakpoints = [NormalDist().inv_cdf(i / bins) for i in range(1, bins)]
    kept = breakpoints[bins // 2 :] if signed else breakpoints
    return Bins(tuple(deviation * point for point in kept), mean, signed)


def _quantiles(numbers: list[float], shares: list[tuple[int, int]]) -> tuple[float, ...]:
    """Numbers that were seen, below or at which lie these shares: nothing is put in between."""
    ordered = sorted(numbers)
    count = len(ordered)
    return tuple(ordered[-(-count * part // whole) - 1] for part, whole in shares)


def _check(timeframe: str, bins: int, window: int, method: str, features: tuple[str, ...]) -> None:
    known = TRADE_FEATURES if timeframe == TRADES else CANDLE_FEATURES
    problems = {
        "bins": None if 3 <= bins <= MOST_BINS and bins % 2 else f"Must be odd, 3 to {MOST_BINS}",
        "window": None if 1 <= window <= MOST_WINDOW else f"Must be 1 to {MOST_WINDOW}",
        "method": None if method in METHODS else "Must be one of: " + ", ".join(METHODS),
        "features": _problem_of(features, known),
    }
    found = {key: problem for key, problem in problems.items() if problem is not None}
    if found:
        raise InvalidConfig(found)


def _problem_of(features: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    if features and len(set(features)) == len(features) and set(features) <= set(known):
        return None
    return "Must be different ones of: " + ", ".join(known)
