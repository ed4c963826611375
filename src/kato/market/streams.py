"""Streams of candles or trades that are over, read on from a position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from kato.errors import InvalidInput
from kato.market.encoding import CandleLike, Tick, TradeLike

ZERO = Decimal(0)


class Item(msgspec.Struct, frozen=True):
    """A candle or trade in its stream.

    Attributes:
        time: When it begins, or was made, ns since 1970.
        tick: What features are made of.
        order: What tells trades of the same time apart: sequence and id.
    """

    time: int
    tick: Tick
    order: tuple[int, str] = (0, "")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where in which stream somebody is; its text is a session's position.

    Attributes:
        stream: The stream's name.
        time: Of the last item that was read.
        order: Of the same.

    >>> Place.parsed(Place("binance BTC/USDT 1m", 60 * 10**9).text()).time
    60000000000
    """

    stream: str
    time: int
    order: tuple[int, str] = (0, "")

    def text(self) -> str:
        """As a session keeps it."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parsed(cls, text: str) -> Place:
        """The place that a text tells.

        Raises:
            InvalidInput: It tells none.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            raise InvalidInput(
                f"the session follows something else: {text[:60]!a}", remedy="use another session"
            ) from None


class Stretch(msgspec.Struct, frozen=True):
    """A part of a stream.

    Attributes:
        before: The items directly before it, as many as were asked for if there are so many.
        items: The items, in order.
    """

    before: list[Item]
    items: list[Item]


class Stream(Protocol):
    """Candles or trades of one instrument that will not change any more, in order."""

    @property
    def name(self) -> str:
        """What it is of; the same for the same."""

    def read(self, since: Place | None, before: int, limit: int) -> Stretch:
        """The next ``limit`` items or more, and those ``before``; from the begin without a place.

        Raises:
            StoreUnavailable: They cannot be read now.
        """


class History:
    """A stream of what is there already.

    Args:
        name: What it is of.
        items: In order.
    """

    def __init__(self, name: str, items: Sequence[Item]) -> None:
        self.name = name
        self._items = items

    def read(self, since: Place | None, before: int, limit: int) -> Stretch:
        """The next items, and those before."""
        first = 0
        if since is not None:
            passed = (since.time, since.order)
            first = sum((item.time, item.order) <= passed for item in self._items)
        begin = max(first - before, 0)
        return Stretch([*self._items[begin:first]], [*self._items[first : first + limit]])


class StartedCandle(CandleLike, Protocol):
    """A candle, and when it begins."""

    @property
    def start(self) -> Any:
        """When it begins, ns since 1970."""


class TimedTrade(TradeLike, Protocol):
    """A trade, and its place among others."""

    @property
    def time(self) -> int:
        """When it was made, ns since 1970."""

    @property
    def sequence(self) -> int:
        """Its place among the trades of its time."""

    @property
    def trade_id(self) -> str:
        """What the exchange calls it."""


def candle_items(candles: Iterable[StartedCandle], step: int | None = None) -> list[Item]:
    """Candles as items of a stream.

    Args:
        candles: In order.
        step: Length of their timeframe in ns, to fill the times without trades between them.
    """
    items = [Item(candle.start, Tick.of_candle(candle)) for candle in candles]
    return items if step is None else [*_filled(items, step)]


def _filled(items: list[Item], step: int) -> Iterator[Item]:
    yield from items[:1]
    for item, following in pairwise(items):
        close = item.tick.close
        quiet = Tick(close, close, close, ZERO)
        for time in range(item.time + step, following.time, step):
            yield Item(time, quiet)
        yield following


def trade_items(trades: Iterable[TimedTrade]) -> list[Item]:
    """Trades, in order, as items of a stream."""
    return [
        Item(trade.time, Tick.of_trade(trade), (trade.sequence, trade.trade_id)) for trade in trades
    ]
