"""Sealing: from distinct trades, when their time is over, and again when one comes late."""

from __future__ import annotations

import numpy as np
import pytest
from tests.market.layers.given import NOON, NS, Carrier, candles_of, trade, unsealed

from kato.market.answers import Candle
from kato.market.layers.sealing import Sealer, _ranges
from kato.market.market import Market
from kato.market.timeframes import TIMEFRAMES, timeframe
from kato.market.trade import Trade
from kato.storage.clickhouse.client import ClickHouse

MINUTE = 60 * NS
MORNING = NOON + 400 * 86_400 * NS
"""Of a day that no other test has trades of."""


def minute_by_minute(symbol: str, *minutes: int) -> list[Trade]:
    return [trade(symbol, 1 + minute, MORNING + minute * MINUTE) for minute in minutes]


def candles(clickhouse: ClickHouse, symbol: str, name: str = "1m") -> list[Candle]:
    return Market(clickhouse).candles(symbol.replace("-", "/"), name)


def sealed(clickhouse: ClickHouse, symbol: str, name: str = "1m") -> list[bool]:
    return [one.sealed for one in candles(clickhouse, symbol, name)]


def test_what_is_over_is_sealed(carrier: Carrier, symbol: str) -> None:
    carrier.carry(minute_by_minute(symbol, 0, 1, 2))
    sealer = Sealer(carrier.clickhouse, lateness=30)
    sealer.seal(MORNING + 2 * MINUTE + 29 * NS)
    assert sealed(carrier.clickhouse, symbol) == [True, False, False]
    sealer.seal(MORNING + 2 * MINUTE + 30 * NS)
    assert sealed(carrier.clickhouse, symbol) == [True, True, False]
    sealer.seal(MORNING + 5 * MINUTE + 30 * NS)
    assert sealed(carrier.clickhouse, symbol) == [True, True, True]
    assert sealed(carrier.clickhouse, symbol, "5m") == [True]
    assert sealed(carrier.clickhouse, symbol, "15m") == [False]
    assert sealer.seal(MORNING + 5 * MINUTE + 30 * NS).windows == 0


@pytest.mark.parametrize("days", [0, 1, 5])
def test_a_late_trade_seals_again(carrier: Carrier, symbol: str, days: int) -> None:
    given = minute_by_minute(symbol, 0, 1, 2)
    carrier.carry(given[:1] + given[2:])
    sealer, now = Sealer(carrier.clickhouse), MORNING + (2 + days) * 86_400 * NS
    sealer.seal(now, everything=True)
    carrier.carry(given[1:2])
    sealer.seal(now)
    sealer.seal(now, everything=True)
    for one in TIMEFRAMES:
        assert all(sealed(carrier.clickhouse, symbol, one.name))
        assert unsealed(candles(carrier.clickhouse, symbol, one.name)) == candles_of(
            "binance", given, one
        )


def test_copies_that_came_in_past_ingest_are_counted_once(carrier: Carrier, symbol: str) -> None:
    given = minute_by_minute(symbol, 0, 0, 1)
    carrier.carry(given)
    batch = carrier.batches
    claimed = batch._new(carrier.log.records)  # the same again, under another token
    again = claimed.batch.block(np.ones(len(claimed.batch), np.bool_))
    carrier.intents.done(claimed.intent)
    carrier.clickhouse.insert("market_landing", again, "copies")
    Sealer(carrier.clickhouse).seal(MORNING + 86_400 * 2 * NS)
    market, name = Market(carrier.clickhouse), symbol.replace("-", "/")
    assert unsealed(market.candles(name)) == candles_of("binance", given, timeframe("1m"))
    differences = [one for one in market.differences() if one.symbol == name]
    # The record holds the first trade twice: it was let in once, and both times past ingest.
    assert [(one.live_trades, one.sealed_trades) for one in differences] == [(3, 1), (2, 1)]


def test_ranges_are_windows_in_a_row() -> None:
    hour = timeframe("1h")
    step = hour.nanoseconds
    starts = [0, step, 2 * step, 5 * step, 6 * step]  # an hour is near, three are not
    assert list(_ranges(starts, hour)) == [(0, 3 * step), (5 * step, 7 * step)]
    assert list(_ranges([], hour)) == []
    week = [number * step for number in range(7 * 24)]
    assert list(_ranges(week, hour)) == [
        (day * 24 * step, (day + 1) * 24 * step) for day in range(7)
    ]
