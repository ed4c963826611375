"""Streams over real layers: everything that is over, once, in order, with what was before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.market.filling import BEGIN, MINUTE, Layers, Made, layers_of, walk
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.errors import InvalidInput
from kato.market.answers import Range
from kato.market.encoding import Tick, fit
from kato.market.observing import Bridge, session_for
from kato.market.streams import CandleStream, Item, Place, Stream, TradeStream, all_of

QUIET = (5, 6, 11)
MADE = walk(20, quiet=QUIET)
OF = ("binance", "BTC/USDT")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores alone: servers are asked the same, by the tests of sessions and layers."""
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def layers(memory: kato.Memory) -> Iterator[Layers]:
    """Twenty minutes, three of them quiet, the first twelve sealed."""
    with layers_of(memory) as layers:
        layers.take(MADE)
        layers.seal(BEGIN + 12 * MINUTE + 10 * 10**9)
        layers.take([Made(9000 + i, BEGIN + i * MINUTE, "1.5", "2") for i in range(3)], "ETHUSDT")
        yield layers


def candles(
    layers: Layers, now: float = 21, *, sealed: bool = True, fill: bool = False
) -> CandleStream:
    clock = BEGIN + int(now * MINUTE)
    return CandleStream(
        layers.market, "binance", "BTC/USDT", "1m", clock=lambda: clock, sealed=sealed, fill=fill
    )


def minutes(items: list[Item]) -> list[int]:
    return [(item.time - BEGIN) // MINUTE for item in items]


def read_on(stream: Stream, before: int, limit: int) -> list[Item]:
    """All items, read in small parts; what each part says was before is what was."""
    items: list[Item] = []
    place = None
    while (stretch := stream.read(place, before, limit)).items:
        assert stretch.before == (items[-before:] if items else [])
        items += stretch.items
        place = Place.parsed(Place(stream.name, items[-1].time, items[-1].order).text())
    return items


def test_candles_are_those_of_the_market(layers: Layers) -> None:
    items = all_of(candles(layers, sealed=False))
    expected = layers.market.candles("BTC/USDT", "1m", "binance", Range(limit=50))
    assert [(item.time, item.tick) for item in items] == [
        (candle.start, Tick.of_candle(candle)) for candle in expected
    ]
    assert minutes(items) == [minute for minute in range(20) if minute not in QUIET]


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("fill", [False, True])
def test_candles_are_read_on(layers: Layers, limit: int, fill: bool) -> None:
    stream = candles(layers, sealed=False, fill=fill)
    items = read_on(stream, 4, limit)
    assert items == all_of(candles(layers, sealed=False, fill=fill))
    assert minutes(items) == [m for m in range(20) if fill or m not in QUIET]
    if fill:
        close = items[4].tick.close
        assert items[5].tick == items[6].tick == Tick(close, close, close, close * 0)


def test_only_what_is_over_and_sealed_is_given(layers: Layers) -> None:
    assert minutes(all_of(candles(layers))) == [m for m in range(12) if m not in QUIET]
    for now, last in ((8.0, 6), (8.1, 6), (8.17, 7), (19.99, 18)):
        found = minutes(all_of(candles(layers, now, sealed=False)))
        assert found[-1] == max(m for m in range(last + 1) if m not in QUIET)
    assert all_of(candles(layers, 1.16, sealed=False)) == []


def test_who_begins_late_has_what_was_before(layers: Layers) -> None:
    stream = CandleStream(
        layers.market, *OF, "1m", begin=BEGIN + 8 * MINUTE, clock=lambda: BEGIN + 11 * MINUTE
    )
    stretch = stream.read(None, 3, 10)
    assert (minutes(stretch.before), minutes(stretch.items)) == ([3, 4, 7], [8, 9])


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_trades_are_read_on(layers: Layers, limit: int) -> None:
    stream = TradeStream(layers.market, *OF, clock=lambda: BEGIN + 30 * MINUTE)
    items = read_on(stream, 3, limit)
    assert [(item.time, item.tick.close) for item in items] == [
        (one.time, Decimal(one.price)) for one in MADE
    ]
    assert {item.tick.side for item in items} == {"buy", "sell"}


def test_many_trades_of_one_moment_and_invalid_ones(layers: Layers) -> None:
    at = BEGIN + 3 * MINUTE
    burst = [Made(i, at, "10", str(i)) for i in range(1, 30)]
    invalid = [Made(100 + i, at + 10**6 * (1 + i // 9), "0", "1") for i in range(30)]
    last = Made(200, at + MINUTE, "11", "1")
    layers.take([*burst, *invalid, last], "SOLUSDT")
    stream = TradeStream(layers.market, "binance", "SOL/USDT", clock=lambda: at + 3 * MINUTE)
    for limit in (1, 4):
        items = read_on(stream, 5, limit)
        assert [item.tick.volume for item in items] == [*map(Decimal, range(1, 30)), 1]


def test_the_bridge_over_layers(layers: Layers, memory: kato.Memory, kb_name: str) -> None:
    history = all_of(candles(layers))
    encoding = fit((item.tick for item in history), timeframe="1m", bins=3, window=2)
    kb = memory.knowledge_base(kb_name)
    observed = []
    for now in (4, 4.5, 9, 14.2, 21):
        stream = candles(layers, now, sealed=False)
        bridge = Bridge(session_for(kb, stream, events=3), encoding, stream)
        while (seen := bridge.step(3)) is not None:
            observed += seen
    items = all_of(candles(layers, sealed=False))
    assert [each.item for each in observed] == items[2:]
    assert [each.event for each in observed] == list(encoding.events(i.tick for i in items))


def test_no_such_timeframe(layers: Layers) -> None:
    with pytest.raises(InvalidInput, match="no timeframe"):
        CandleStream(layers.market, *OF, "7m")
