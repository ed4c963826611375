"""Streams of candles or trades that are over, read on from a position."""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise, takewhile
from typing import Protocol

import msgspec

from kato.errors import InvalidInput
from kato.market.answers import MOST_ROWS, Candle, Range, StoredTrade
from kato.market.encoding import TRADES, Tick
from kato.market.layers.sealing import LATENESS
from kato.market.timeframes import timeframe

ZERO = Decimal(0)


class Layers(Protocol):
    """Where candles and trades are: :class:`kato.market.market.Market`, or one far away."""

    def candles(self, symbol: str, name: str, exchange: str, within: Range) -> list[Candle]:
        """Candles of an instrument that begin in a range, in order."""

    def trades(self, symbol: str, exchange: str, within: Range) -> list[StoredTrade]:
        """Trades of an instrument that were made in a range, in order."""


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


class CandleStream:
    """The candles of an instrument whose time is over.

    Args:
        market: Where they are.
        exchange: On which it is traded.
        symbol: What it is.
        name: Of the timeframe.
        begin: The first one of those who have no place yet begins then or later, ns since 1970.
        fill: Whether a time without trades, between two that had some, is a candle too.
        sealed: Whether to wait until candles are sealed. If not, they are given as they are when
            their time and ``lateness`` are over, and what comes later still is missed.
        lateness: Seconds a trade may come late.
        clock: The time, ns since 1970.

    Raises:
        InvalidInput: There is no such timeframe.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own, said by name
        self,
        market: Layers,
        exchange: str,
        symbol: str,
        name: str,
        *,
        begin: int = 0,
        fill: bool = False,
        sealed: bool = True,
        lateness: float = LATENESS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = f"{exchange} {symbol} {name}"
        self._timeframe = timeframe(name)
        self._of = (symbol, name, exchange)
        self._market = market
        self._begin = begin
        self._fill = fill
        self._sealed = sealed
        self._lateness = int(lateness * 1e9)
        self._clock = clock

    def read(self, since: Place | None, before: int, limit: int) -> Stretch:
        """The next candles, and those before."""
        first = self._begin if since is None else since.time + 1
        over = self._timeframe.start(max(self._clock() - self._lateness, 0))
        if first >= over:
            return Stretch([], [])
        found = self._candles(Range(first, over, limit, oldest=True))
        if self._sealed:
            found = [*takewhile(lambda candle: candle.sealed, found)]
        if not found:
            return Stretch([], [])
        known = self._candles(Range(0, first, before)) if first and before else []
        items = candle_items([*known, *found], self._timeframe.nanoseconds if self._fill else None)
        new = bisect_left(items, first, key=lambda item: item.time)
        return Stretch(items[max(new - before, 0) : new], items[new:])

    def _candles(self, within: Range) -> list[Candle]:
        symbol, name, exchange = self._of
        return self._market.candles(symbol, name, exchange, within)


class TradeStream:
    """The valid trades of an instrument, in the order they were made.

    Args:
        market: Where they are.
        exchange: On which it is traded.
        symbol: What it is.
        begin: The first one of those who have no place yet was made then or later, ns since 1970.
        lateness: Seconds a trade may come late; what comes later still is missed.
        clock: The time, ns since 1970.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own, said by name
        self,
        market: Layers,
        exchange: str,
        symbol: str,
        *,
        begin: int = 0,
        lateness: float = LATENESS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = f"{exchange} {symbol} {TRADES}"
        self._market = market
        self._exchange = exchange
        self._symbol = symbol
        self._begin = begin
        self._lateness = int(lateness * 1e9)
        self._clock = clock

    def read(self, since: Place | None, before: int, limit: int) -> Stretch:
        """The next trades, and those before."""
        place = (self._begin - 1, _LAST) if since is None else (since.time, since.order)
        items = self._behind(place, limit)
        return Stretch(self._until(place, before) if items else [], items)

    def _behind(self, place: tuple[int, tuple[int, str]], limit: int) -> list[Item]:
        """Trades behind a place; more are read where all of them are at it, or invalid."""
        until = max(self._clock() - self._lateness, 0)
        begin = max(place[0], 0)
        while begin < until:
            found = self._trades(Range(begin, until, limit, oldest=True))
            items = [item for item in trade_items(found) if (item.time, item.order) > place]
            if items or len(found) < limit:
                return items[:limit]
            if limit == MOST_ROWS and found[-1].time == begin:
                raise InvalidInput(
                    f"more than {MOST_ROWS} trades of {self._symbol} were made at {begin}",
                    remedy="observe candles",
                )
            begin, limit = found[-1].time, min(2 * limit, MOST_ROWS)
        return []

    def _until(self, place: tuple[int, tuple[int, str]], count: int) -> list[Item]:
        """The last trades up to a place; more are read where some are behind it, or invalid."""
        if place[0] < 0 or not count:
            return []
        limit = count
        while True:
            found = self._trades(Range(0, place[0] + 1, limit))
            items = [item for item in trade_items(found) if (item.time, item.order) <= place]
            if len(items) >= count or len(found) < limit or limit == MOST_ROWS:
                return items[-count:]
            limit = min(2 * limit, MOST_ROWS)

    def _trades(self, within: Range) -> list[StoredTrade]:
        return self._market.trades(self._symbol, self._exchange, within)


_LAST = (sys.maxsize, "")
"""Behind all trades of a moment."""


def all_of(stream: Stream, limit: int = 10_000) -> list[Item]:
    """All that a stream has by now."""
    items: list[Item] = []
    place: Place | None = None
    while stretch := stream.read(place, 0, limit).items:
        items += stretch
        place = Place(stream.name, stretch[-1].time, stretch[-1].order)
    return items


def candle_items(candles: Iterable[Candle], step: int | None = None) -> list[Item]:
    """Candles as items of a stream.

    Args:
        candles: In order.
        step: Length of their timeframe in ns, to fill the times without trades between them.
    """
    items = [Item(candle.start, Tick.of_candle(candle)) for candle in candles]
    return items if step is None else [*_filled(items, step)]


def trade_items(trades: Iterable[StoredTrade]) -> list[Item]:
    """The valid ones of trades, in order, as items of a stream."""
    return [
        Item(trade.time, Tick.of_trade(trade), (trade.sequence, trade.trade_id))
        for trade in trades
        if trade.is_valid
    ]


def _filled(items: list[Item], step: int) -> Iterator[Item]:
    yield from items[:1]
    for item, following in pairwise(items):
        close = item.tick.close
        quiet = Tick(close, close, close, ZERO)
        for start in range(item.time + step, following.time, step):
            yield Item(start, quiet)
        yield following
