"""The market on the wire: decimals are texts, to stay exact; moments are ns since 1970."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Number = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["95381.7"])]
Moment = Annotated[int, Field(examples=[1795257000000000000])]


class CandleShown(BaseModel):
    """What was traded of an instrument in a stretch of time."""

    exchange: str
    symbol: str = Field(examples=["BTC/USDT"])
    start: Moment = Field(description="When it begins.")
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number = Field(description="Sum of the sizes.")
    quote_volume: Number = Field(description="Sum of price times size.")
    buy_volume: Number = Field(description="Sum of the sizes where the taker bought.")
    trades: int
    vwap: Number | None = Field(description="Quote volume by volume; null without trades.")
    first_time: Moment | None = Field(description="When the first trade was made.")
    last_time: Moment | None = Field(description="When the last trade was made.")
    sealed: bool = Field(description="Whether its time is over, and it is final.")


class TradeShown(BaseModel):
    """A trade."""

    exchange: str
    symbol: str = Field(examples=["BTC/USDT"])
    native: str = Field(description="What the exchange calls the symbol.")
    trade_id: str
    sequence: int = Field(description="Its place among the trades of its symbol; 0 without one.")
    time: Moment
    price: Number
    size: Number
    quote: Number = Field(description="Price times size.")
    side: Literal["buy", "sell", "sell_short", "unknown"] = Field(description="Who took.")
    is_valid: bool = Field(description="Whether candles count it.")
    errors: list[str] = Field(description="Why not.")
    vendor: dict[str, str] = Field(description="What else the exchange says of it.")
    received: Moment


class SymbolShown(BaseModel):
    """An instrument of which there are trades."""

    exchange: str
    symbol: str = Field(examples=["BTC/USDT"])
    trades: int
    first_time: Moment
    last_time: Moment
    close: Number = Field(description="The price of the last trade.")


class GapShown(BaseModel):
    """What is missing between trades, or what a feed noted."""

    exchange: str
    symbol: str = Field(description="Empty if it is about a connection.")
    kind: str = Field(examples=["missing", "gap", "late", "duplicate", "reset", "reconnect"])
    after: int = Field(description="The id before it.")
    before: int = Field(description="The id behind it.")
    missing: int = Field(description="How many trades it is about.")
    time: Moment
    connection: str


class FreshnessShown(BaseModel):
    """How old the newest trade of an instrument is."""

    exchange: str
    symbol: str = Field(examples=["BTC/USDT"])
    last_time: Moment
    age: float = Field(description="Seconds.")
