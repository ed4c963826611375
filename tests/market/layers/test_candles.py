"""Candles against a recount: any split, any order, any duplication, any lateness, any merge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.market.layers.given import NOON, NS, Carrier, candles_of, trade, unsealed
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.errors import InvalidInput
from kato.market.answers import Candle, Range
from kato.market.layers.sealing import Sealer
from kato.market.market import Market
from kato.market.timeframes import TIMEFRAMES
from kato.market.trade import Side, Trade
from kato.storage.clickhouse.client import ClickHouse

DAY = 86_400 * NS


@pytest.fixture(scope="module", params=["embedded", "servers"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """One kind of stores after the other."""
    if request.param == "servers":
        servers: Backend = request.getfixturevalue("servers")
        return servers
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


MIDNIGHT = NOON - NOON % DAY + DAY
LATER = NOON + 40 * DAY
"""When all candles of these tests are over."""

decimals = st.builds(
    lambda digits, scale: Decimal(digits).scaleb(-scale),
    st.one_of(st.integers(1, 10**6), st.integers(1, 10**19)),
    st.integers(0, 12),
)
times = st.one_of(
    st.sampled_from([MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 60 * NS - 1, MIDNIGHT + 60 * NS]),
    st.integers(MIDNIGHT - 2 * 3600 * NS, MIDNIGHT + 2 * 3600 * NS),
    st.integers(MIDNIGHT, MIDNIGHT + 5 * NS),
)
trades = st.lists(
    st.tuples(st.integers(0, 2), decimals, decimals, st.sampled_from(Side), times, st.booleans()),
    min_size=1,
    max_size=30,
)


def made(
    symbols: list[str], drawn: list[tuple[int, Decimal, Decimal, Side, int, bool]]
) -> list[Trade]:
    """Trades with ids of their own; every symbol has ids that are numbers and ids that are not."""
    return [
        Trade(
            symbols[which],
            str(1000 + number) if is_numbered else f"x{number:03}",
            number // 3 * int(is_numbered),  # places are shared, so that ids decide
            price,
            size,
            side,
            time,
        )
        for number, (which, price, size, side, time, is_numbered) in enumerate(drawn)
    ]


def batches_of(given: list[Trade], rng: random.Random) -> list[list[Trade]]:
    """Each trade once or more, in any order, in some batches."""
    sent = given + rng.choices(given, k=rng.randint(0, len(given)))
    rng.shuffle(sent)
    cuts = sorted(rng.choices(range(len(sent) + 1), k=rng.randint(0, 2)))
    bounds = [0, *cuts, len(sent)]
    return [sent[a:b] for a, b in pairwise(bounds) if a < b]


def disturb(clickhouse: ClickHouse, rng: random.Random) -> bool:
    """What may happen between batches; answers whether candles were sealed."""
    which = rng.randrange(4)
    match which:
        case 0:
            Sealer(clickhouse, 0).seal(LATER, everything=True)
        case 1:
            clickhouse.command("OPTIMIZE TABLE silver_trades FINAL")
        case 2:
            clickhouse.command("OPTIMIZE TABLE candles_live FINAL")
    return which == 0


def assert_candles(clickhouse: ClickHouse, given: list[Trade]) -> None:
    """The views say what a recount says, of every timeframe."""
    market = Market(clickhouse)
    for one in TIMEFRAMES:
        for symbol in {one.symbol for one in given}:
            of = [each for each in given if each.symbol == symbol]
            found = market.candles(symbol.replace("-", "/"), one.name)
            assert unsealed(found) == candles_of("binance", of, one), one.name


def check_candles(
    carrier: Carrier, symbols: Callable[[], str], drawn: list[object], seed: int
) -> None:
    rng = random.Random(seed)
    given = made([symbols() for _ in range(3)], drawn)  # type: ignore[arg-type]
    carrier.restart()
    sealed = False
    for batch in batches_of(given, rng):
        carrier.carry(batch)
        if rng.random() < 0.3:
            carrier.restart()
        sealed |= disturb(carrier.clickhouse, rng)
    if not sealed:  # a trade that comes later than that is told with the next turn of sealing
        assert_candles(carrier.clickhouse, given)
    Sealer(carrier.clickhouse, 0).seal(LATER, everything=True)
    assert_candles(carrier.clickhouse, given)
    for one in TIMEFRAMES:
        assert Market(carrier.clickhouse).differences(one.name) == []


_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.servers_deep
@settings(max_examples=4, deadline=None, suppress_health_check=_SLOW)
@given(drawn=trades, seed=st.integers(0, 1 << 30))
def test_every_candle_is_what_a_recount_says(
    carrier: Carrier, symbols: Callable[[], str], drawn: list[object], seed: int
) -> None:
    check_candles(carrier, symbols, drawn, seed)


@pytest.mark.deep
@settings(max_examples=400, deadline=None, suppress_health_check=_SLOW)
@given(drawn=trades, seed=st.integers(0, 1 << 30))
def test_every_candle_is_what_a_recount_says_deep(
    carrier: Carrier, symbols: Callable[[], str], drawn: list[object], seed: int
) -> None:
    check_candles(carrier, symbols, drawn, seed)


def minutes(carrier: Carrier, symbol: str, *at: int) -> None:
    """A trade in each of these minutes after noon, the price being the minute."""
    carrier.carry(
        [trade(symbol, 1 + i, NOON + minute * 60 * NS, str(minute)) for i, minute in enumerate(at)]
    )


def prices(candles: list[Candle]) -> list[tuple[int, int, int]]:
    """Minute after noon, close, trades."""
    return [((one.start - NOON) // (60 * NS), int(one.close), one.trades) for one in candles]


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (Range(until=NOON), [(5, 5, 1), (6, 5, 0), (7, 5, 0), (8, 8, 1)]),
        (Range(until=NOON + 600 * NS), [(5, 5, 1), (6, 5, 0), (7, 5, 0), (8, 8, 1), (9, 8, 0)]),
        (Range(NOON + 361 * NS, NOON + 600 * NS), [(7, 5, 0), (8, 8, 1), (9, 8, 0)]),
        (Range(NOON + 60 * NS, NOON + 420 * NS), [(5, 5, 1), (6, 5, 0)]),
        (Range(NOON, NOON + 900 * NS, 2), [(13, 8, 0), (14, 8, 0)]),
        (Range(NOON, NOON + 900 * NS, 2, oldest=True), [(5, 5, 1), (6, 5, 0)]),
        (Range(NOON + 540 * NS, NOON + 660 * NS), [(9, 8, 0), (10, 8, 0)]),
        (Range(NOON + 540 * NS, NOON + 900 * NS, 1, oldest=True), [(9, 8, 0)]),
        (Range(NOON - 900 * NS, NOON), []),
    ],
)
def test_quiet_times_are_filled_on_request(
    carrier: Carrier, symbol: str, within: Range, expected: list[tuple[int, int, int]]
) -> None:
    minutes(carrier, symbol, 5, 8)
    market, name = Market(carrier.clickhouse), symbol.replace("-", "/")
    found = market.candles(name, "1m", "binance", within, fill=True)
    if within.until == NOON and not within.since:
        found = market.candles(name, fill=True, within=Range(until=NOON + 540 * NS))
    assert prices(found) == expected
    for candle in found:
        assert (candle.vwap is None) == (candle.trades == 0)
        if not candle.trades:
            assert {candle.open, candle.high, candle.low} == {candle.close}
            assert candle.volume == candle.quote_volume == 0


def test_quiet_times_are_not_filled_beyond_the_clock(carrier: Carrier, symbol: str) -> None:
    minutes(carrier, symbol, 5)
    name = symbol.replace("-", "/")
    far = Range(NOON, NOON + 36_500 * DAY, 3)
    found = Market(carrier.clickhouse).candles(name, "1d", "", far, fill=True)
    assert len(found) == 3
    assert all(candle.start < NOON + 36_500 * DAY for candle in found)
    assert time.time_ns() - 2 * DAY < found[-1].start <= time.time_ns()


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (Range(), [1, 2, 3, 4]),
        (Range(limit=2), [3, 4]),
        (Range(limit=2, oldest=True), [1, 2]),
        (Range(NOON + 120 * NS), [2, 3, 4]),
        (Range(NOON + 119 * NS, NOON + 181 * NS), [2, 3]),
        (Range(NOON + 121 * NS, NOON + 180 * NS), []),
    ],
)
def test_ranges_of_candles_and_trades(
    carrier: Carrier, symbol: str, within: Range, expected: list[int]
) -> None:
    minutes(carrier, symbol, 1, 2, 3, 4)
    market, name = Market(carrier.clickhouse), symbol.replace("-", "/")
    assert [minute for minute, _, _ in prices(market.candles(name, within=within))] == expected
    if within.since % (60 * NS) == 0:
        assert [int(one.price) for one in market.trades(name, within=within)] == expected


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 100_001}, {"since": -1}, {"until": -1}])
def test_ranges_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Range(**wrong)  # type: ignore[arg-type]


def test_an_unknown_timeframe_is_refused(clickhouse: ClickHouse) -> None:
    with pytest.raises(InvalidInput, match="no timeframe"):
        Market(clickhouse).candles("A/B", "2m")


def test_several_exchanges_and_symbols_are_told_apart(
    carrier: Carrier, clickhouse: ClickHouse, memory: kato.Memory, symbol: str
) -> None:
    kraken = Carrier(clickhouse, memory.ledger(), "kraken")
    minutes(carrier, symbol, 1, 2)
    minutes(kraken, symbol, 3)
    market, name = Market(clickhouse), symbol.replace("-", "/")
    assert [one.exchange for one in market.candles(name)] == ["binance", "binance", "kraken"]
    assert prices(market.candles(name, exchange="kraken")) == [(3, 3, 1)]
    known = {(one.exchange, one.symbol): one for one in market.symbols()}
    assert known["binance", name].trades == 2
    assert known["kraken", name].close == 3
    [fresh] = [
        one
        for one in market.freshness(NOON + 190 * NS)
        if (one.symbol, one.exchange) == (name, "kraken")
    ]
    assert (fresh.last_time, fresh.age) == (NOON + 180 * NS, 10.0)


def test_many_trades_fill_a_day(carrier: Carrier, symbol: str) -> None:
    """Sums beyond 128 bits stay exact."""
    large, small = "99999999999999999999.999999999999", "0.000000000001"
    given = [
        trade(symbol, number, NOON + number, large, size=small if number % 2 else "9" * 19 + ".9")
        for number in range(200)
    ]
    carrier.carry(given)
    assert_candles(carrier.clickhouse, given)
