"""The state machine of a connection, against simulated exchanges over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from random import Random
from typing import Any

import pytest
from tests.market.feeds.collecting import Collector
from tests.market.feeds.connecting import TIMING, connected, until

from kato.errors import InvalidInput, StoreUnavailable
from kato.market.feeds import connection as module
from kato.market.feeds.connection import Connection
from kato.market.feeds.feed import Feed
from kato.market.feeds.life import Backoff, Timing
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.instruments import InstrumentFile
from kato.market.simulator import Faults, Simulator

names = pytest.mark.parametrize("name", sorted(PROTOCOLS))


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(**arguments: Any) -> None:
        asyncio.run(test(**arguments))

    return run


@names
@asynchronous
async def test_trades_arrive_once_all_is_acknowledged(name: str) -> None:
    async with Simulator(1, protocols=[name]) as simulator, connected(name, simulator) as fed:
        await fed.until_live()
        fed.venue.step(30)
        await fed.until(lambda: fed.counts.trades == 30)
        assert fed.counts.connections == 1
        assert not fed.counts.failures
        assert not fed.clock.slept


@names
@asynchronous
async def test_without_an_acknowledgement_it_connects_again(name: str) -> None:
    timing = Timing(silence=5.0, lifetime=1000.0, acknowledged=0.05)
    async with (
        Simulator(1, Faults(unanswered=1.0), protocols=[name]) as simulator,
        connected(name, simulator, timing=timing) as fed,
    ):
        await fed.until(lambda: fed.counts.failures["unacknowledged"] == 2)
        assert fed.counts.connections == 0
        fed.venue.faults = Faults()
        await fed.until_live()


@names
@asynchronous
async def test_a_refusal_of_everything_is_tried_again_later(name: str) -> None:
    async with (
        Simulator(1, Faults(refused=1.0), protocols=[name]) as simulator,
        connected(name, simulator) as fed,
    ):
        await fed.until(lambda: fed.counts.failures["refused"] == 3)
        fed.venue.faults = Faults()
        await fed.until_live()


@asynchronous
async def test_a_refusal_of_some_leaves_the_others() -> None:
    async with (
        Simulator(1, protocols=["kraken"]) as simulator,
        connected("kraken", simulator, symbols=["BTC/USD"]) as fed,
    ):
        fed.connection.subscribe(["BTC/USD", "NOSUCH/USD"])
        await fed.until(lambda: fed.counts.refusals == 1)
        assert fed.counts.state == "live"
        fed.venue.step(50)
        await fed.until(lambda: fed.counts.trades > 0)


@names
@asynchronous
async def test_silence_is_the_end_of_a_connection(name: str) -> None:
    timing = Timing(silence=0.2, lifetime=1000.0)
    async with (
        Simulator(1, protocols=[name]) as simulator,
        connected(name, simulator, timing=timing) as fed,
    ):
        await fed.until_live()
        fed.venue.stall()
        fed.venue.step(10)
        await fed.until(lambda: fed.counts.connections >= 2)
        assert fed.counts.failures["silent"] >= 1


@pytest.mark.parametrize("name", ["kraken", "kraken_v1", "coinbase"])
@asynchronous
async def test_heartbeats_keep_a_quiet_market_alive(name: str) -> None:
    timing = Timing(silence=0.6, lifetime=1000.0)
    async with (
        Simulator(1, protocols=[name]) as simulator,
        connected(name, simulator, timing=timing) as fed,
    ):
        await fed.until_live()
        for _ in range(20):
            fed.venue.beat()
            await asyncio.sleep(0.04)
        assert fed.counts.heartbeats == 20
        assert not fed.counts.failures


@names
@asynchronous
async def test_what_was_missed_comes_with_the_snapshot_if_there_is_one(name: str) -> None:
    log = Collector()
    async with (
        Simulator(1, protocols=[name]) as simulator,
        connected(name, simulator, writer=log) as fed,
    ):
        await fed.until_live()
        fed.venue.step(20)
        await fed.until(lambda: fed.counts.trades == 20)
        fed.venue.drop()
        fed.venue.step(20)  # nobody is there
        assert len(fed.venue.truth.told()) == 20
        await fed.until(lambda: fed.counts.connections == 2)
        fed.venue.step(20)
        await fed.until_heard()
        exchange = fed.feed.protocol.exchange
        kinds = [note.kind for note in log.notes(exchange)]
        assert kinds.count("reconnect") == 1
        assert fed.counts.failures == {"closed": 1}
        snapshots = fed.venue.wire.snapshots
        assert len(fed.venue.truth.told()) == (60 if snapshots else 40)
        assert ("duplicate" in kinds) is snapshots
        if name == "binance":
            missing = sum(each.missing for each in log.notes("binance") if each.kind == "gap")
            assert 0 < missing <= 20


@names
@asynchronous
async def test_a_rotation_loses_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERLAP_SECONDS", 0.05)
    timing = Timing(silence=5.0, lifetime=0.1)
    async with (
        Simulator(1, protocols=[name]) as simulator,
        connected(name, simulator, timing=timing) as fed,
    ):
        await fed.until_live()
        while fed.counts.rotations < 3:
            fed.venue.step(3)
            await asyncio.sleep(0.005)
        await fed.until_heard()
        assert not fed.counts.failures
        assert fed.counts.notes["gap"] == fed.counts.notes["reconnect"] == 0
        truth = fed.venue.truth
        assert fed.counts.trades - fed.counts.notes["duplicate"] == len(truth.made)
        assert truth.told() == truth.made


@asynchronous
async def test_other_symbols_are_subscribed_to_without_a_break() -> None:
    async with (
        Simulator(1, protocols=["binance"]) as simulator,
        connected("binance", simulator, symbols=["BTCUSDT"]) as fed,
    ):
        await fed.until_live()
        fed.connection.subscribe(["BTCUSDT", "ETHUSDT"])
        await fed.until(lambda: fed.counts.rotations == 1)
        fed.venue.step(40)
        await fed.until_heard()
        symbols = {made.symbol for made in fed.venue.truth.told()}
        assert symbols == {"BTCUSDT", "ETHUSDT"}
        assert not fed.counts.failures


@asynchronous
async def test_pauses_grow_while_nobody_listens_and_are_those_of_the_seed() -> None:
    async with Simulator(1, protocols=["binance"]) as simulator:
        pass  # its port is free again
    async with connected("binance", simulator) as fed:
        await fed.until(lambda: fed.counts.failures["unreachable"] >= 8)
        expected = Backoff(Random(1))
        assert fed.clock.slept[:8] == [expected.pause() for _ in range(8)]
        assert fed.clock.slept[7] > 20.0
        assert fed.counts.state in ("waiting", "connecting")


@asynchronous
async def test_an_address_that_is_no_exchange_s() -> None:
    async with (
        Simulator(1, protocols=["binance"]) as simulator,
        connected("binance", simulator) as fed,
    ):
        other = Connection(
            PROTOCOLS["kraken"],
            ["BTC/USD"],
            fed.feed,
            url=simulator.url("nowhere"),
            timing=TIMING,
            clock=fed.clock,
        )
        task = asyncio.ensure_future(other.run())
        await fed.until(lambda: fed.counts.failures["unreachable"] == 2)
        task.cancel()


@names
@asynchronous
async def test_garbage_stops_nothing(name: str) -> None:
    log = Collector()
    async with (
        Simulator(1, Faults(garbage=1.0), protocols=[name]) as simulator,
        connected(name, simulator, writer=log) as fed,
    ):
        await fed.until_live()
        for _ in range(100):
            fed.venue.step()
        await fed.until_heard()
        assert fed.counts.trades == 100
        assert fed.counts.connections == 1
        dead = log.dead_letters(fed.feed.protocol.exchange)
        assert len(dead) == fed.venue.truth.faults["garbage"] == 100


@asynchronous
async def test_a_log_that_fails_ends_the_feed_with_its_error() -> None:
    class Broken(Collector):
        def send(self, *_: object) -> None:
            raise StoreUnavailable("the log is gone")

    async with Simulator(1, protocols=["binance"]) as simulator:
        feed = Feed(PROTOCOLS["binance"], InstrumentFile(None), Broken())
        connection = Connection(
            PROTOCOLS["binance"], ["BTCUSDT"], feed, url=simulator.url("binance"), timing=TIMING
        )
        task = asyncio.ensure_future(connection.run())
        await until(lambda: feed.counts.state == "live")
        simulator.venues["binance"].step(30)
        with pytest.raises(StoreUnavailable, match="the log is gone"):
            await asyncio.wait_for(task, 5)
        assert feed.counts.state == "stopped"


@pytest.mark.parametrize("url", ["", "http://localhost", "ws://", "localhost:80"])
def test_an_address_that_is_none(url: str) -> None:
    feed = Feed(PROTOCOLS["binance"], InstrumentFile(None), Collector())
    with pytest.raises(InvalidInput, match="no address of a WebSocket"):
        Connection(PROTOCOLS["binance"], ["BTCUSDT"], feed, url=url or "x")


def test_a_feed_without_symbols() -> None:
    feed = Feed(PROTOCOLS["binance"], InstrumentFile(None), Collector())
    with pytest.raises(InvalidInput, match="without symbols"):
        Connection(PROTOCOLS["binance"], [], feed)


@asynchronous
async def test_nothing_is_heard_after_the_end_not_even_by_a_line_that_was_replaced() -> None:
    async with Simulator(1, protocols=["binance"]) as simulator:
        async with connected("binance", simulator, symbols=["BTCUSDT"]) as fed:
            await fed.until_live()
            fed.connection.subscribe(["BTCUSDT", "ETHUSDT"])
            await fed.until(lambda: fed.counts.rotations == 1)
        fed.venue.step(20)
        await asyncio.sleep(0.1)
        assert fed.counts.trades == 0
        assert fed.counts.state == "stopped"
