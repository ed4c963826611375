"""What the layers answer: candles, trades, symbols, gaps, freshness.

Times are ns since 1970, UTC; a range is from ``since`` on and before ``until``. Prices and sums are
exact decimals.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kato.errors import InvalidInput
from kato.market.trade import Side

MOST_ROWS = 100_000
"""Of an answer."""

ENDLESS = 4_102_444_800 * 10**9
"""2100: no trade is made as late."""


class Candle(msgspec.Struct, frozen=True):
    """What was traded of an instrument in a stretch of time.

    Attributes:
        exchange: Where.
        symbol: What.
        start: When it begins, ns since 1970.
        open: Price of the first trade, by time, then place in the sequence, then id.
        high: Highest price.
        low: Lowest price.
        close: Price of the last trade.
        volume: Sum of the sizes.
        quote_volume: Sum of price times size.
        buy_volume: Sum of the sizes where the taker bought.
        trades: How many.
        vwap: Quote volume by volume, rounded half to even to 12 digits; None without trades.
        first_time: When the first trade was made, ns since 1970; None without trades.
        last_time: When the last one was.
        sealed: Whether its time is over and it was computed anew from distinct trades.
    """

    exchange: str
    symbol: str
    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    buy_volume: Decimal
    trades: int
    vwap: Decimal | None
    first_time: int | None
    last_time: int | None
    sealed: bool


class StoredTrade(msgspec.Struct, frozen=True):
    """A trade as silver has it; see :class:`kato.market.trade.Trade`.

    Attributes:
        exchange: Where.
        symbol: What, by its canonical name.
        native: The same as the exchange calls it.
        trade_id: The exchange's id.
        sequence: Its place among the trades of its symbol; 0 where it has none.
        time: When it was made, ns since 1970.
        price: In the quote currency; 0 where it is no valid one.
        size: In the base currency; 0 where it is no valid one.
        quote: Price times size.
        side: Who took.
        is_valid: Whether candles count it.
        errors: Why not.
        vendor: What else the exchange says of it.
        received: When it was received, ns since 1970.
    """

    exchange: str
    symbol: str
    native: str
    trade_id: str
    sequence: int
    time: int
    price: Decimal
    size: Decimal
    quote: Decimal
    side: Side
    is_valid: bool
    errors: list[str]
    vendor: dict[str, str]
    received: int


class TradedSymbol(msgspec.Struct, frozen=True):
    """An instrument of which there are trades.

    Attributes:
        exchange: Where.
        symbol: What.
        trades: How many valid ones.
        first_time: When the first was made, ns since 1970.
        last_time: When the last was.
        close: Its price.
    """

    exchange: str
    symbol: str
    trades: int
    first_time: int
    last_time: int
    close: Decimal


class Gap(msgspec.Struct, frozen=True):
    """Something remarkable between trades.

    Attributes:
        exchange: Where.
        symbol: Of what; empty if it is about a connection.
        kind: ``missing``: ids that nobody has seen until now. ``lost``: offsets that the log lost
            before they were ingested. Else what a feed noted: ``gap``, ``late``, ``duplicate``,
            ``reset`` or ``reconnect`` (see :class:`kato.market.feeds.sequence.Note`).
        after: The id before it.
        before: The id behind it.
        missing: How many trades it is about.
        time: When the trade behind it was made, or when it was noted, ns since 1970.
        connection: By which one that came.
    """

    exchange: str
    symbol: str
    kind: str
    after: int
    before: int
    missing: int
    time: int
    connection: str


class Freshness(msgspec.Struct, frozen=True):
    """How old the newest trade of an instrument is.

    Attributes:
        exchange: Where.
        symbol: What.
        last_time: When it was made, ns since 1970.
        age: Seconds since then; below 0 where the exchange's clock is ahead.
    """

    exchange: str
    symbol: str
    last_time: int
    age: float


class Difference(msgspec.Struct, frozen=True):
    """A candle whose live and sealed forms do not count the same trades.

    A late trade makes one until the next turn of sealing. One that stays says that live candles
    counted what is not in silver once: ``kato market backfill`` makes them anew.

    Attributes:
        exchange: Where.
        symbol: What.
        start: When it begins, ns since 1970.
        live_trades: How many trades the live one counts.
        sealed_trades: How many the sealed one counts.
        live_volume: The volume of the live one.
        sealed_volume: The volume of the sealed one.
    """

    exchange: str
    symbol: str
    start: int
    live_trades: int
    sealed_trades: int
    live_volume: Decimal
    sealed_volume: Decimal


class Range(msgspec.Struct, frozen=True):
    """A range of time, and how much of it.

    Attributes:
        since: From when on, ns since 1970.
        until: Before when, ns since 1970; None is open.
        limit: Most rows, up to 100,000: the newest ones, unless ``oldest``.
        oldest: Whether it is the oldest ones, so that who goes on from the last one misses none.

    Raises:
        InvalidInput: It is none.
    """

    since: int = 0
    until: int | None = None
    limit: int = 1000
    oldest: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        if not 1 <= self.limit <= MOST_ROWS:
            raise InvalidInput(
                f"a limit must be between 1 and {MOST_ROWS}, got {self.limit}",
                remedy="ask for the rest by another range",
            )
        if self.since < 0 or (self.until is not None and self.until < 0):
            raise InvalidInput("a time must not be before 1970", remedy="give ns since 1970")

    @property
    def end(self) -> int:
        """Before when; 2100 where it is open."""
        return ENDLESS if self.until is None else min(self.until, ENDLESS)
