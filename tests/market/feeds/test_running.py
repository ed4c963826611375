from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.market.feeds.collecting import Collector
from tests.market.feeds.connecting import TIMING, ImpatientClock, until
from tests.market.feeds.test_connection import asynchronous

from kato.errors import StoreUnavailable
from kato.market.feeds.connection import Connection
from kato.market.feeds.feed import Feed
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.feeds.recording import Recorder, recorded
from kato.market.feeds.running import first_to_end, keep_feeding, keep_recording
from kato.market.instruments import InstrumentFile
from kato.market.simulator import Simulator

ONE = '[binance]\nBTCUSDT = { base = "BTC", quote = "USDT" }\n'
TWO = ONE + 'ETHUSDT = { base = "ETH", quote = "USDT" }\n'


def connect(feed: Feed | Recorder, simulator: Simulator, symbols: list[str]) -> Connection:
    url = simulator.url("binance")
    return Connection(PROTOCOLS["binance"], symbols, feed, url=url, timing=TIMING)


@asynchronous
async def test_what_is_new_among_the_instruments_is_subscribed_to(tmp_path: Path) -> None:
    path, log = tmp_path / "instruments.toml", Collector()
    path.write_text(ONE)
    instruments, reports = InstrumentFile(path), list[int]()
    feed = Feed(PROTOCOLS["binance"], instruments, log)
    async with Simulator(1, protocols=["binance"]) as simulator:
        work = keep_feeding(
            connect(feed, simulator, ["BTCUSDT"]),
            feed,
            instruments,
            [],
            lambda: reports.append(feed.counts.messages),
            1.0,
            ImpatientClock(),
        )
        task = asyncio.ensure_future(work)
        await until(lambda: feed.counts.state == "live")
        path.write_text(TWO)
        await until(lambda: feed.counts.rotations == 1)
        simulator.venues["binance"].step(50)
        await until(lambda: {sent.key for sent in log.raw("binance")} == {"BTCUSDT", "ETHUSDT"})
        path.write_text("")
        await until(lambda: not instruments.instruments.of("binance", "binance"))
        assert feed.counts.state == "live"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert log.flushes
    assert reports


@asynchronous
async def test_a_log_that_fails_when_it_is_flushed_ends_the_feed() -> None:
    class Failing(Collector):
        def flush(self) -> None:
            raise StoreUnavailable("lost")

    instruments = InstrumentFile(None)
    feed = Feed(PROTOCOLS["binance"], instruments, Failing())
    async with Simulator(1, protocols=["binance"]) as simulator:
        connection = connect(feed, simulator, ["BTCUSDT"])
        work = keep_feeding(connection, feed, instruments, [], lambda: None, 0.0, ImpatientClock())
        with pytest.raises(StoreUnavailable, match="lost"):
            await asyncio.wait_for(work, 10)


@asynchronous
async def test_a_recording_ends_after_its_time(tmp_path: Path) -> None:
    recorder = Recorder("binance", tmp_path / "a.jsonl")
    async with Simulator(1, protocols=["binance"]) as simulator:
        await keep_recording(connect(recorder, simulator, ["BTCUSDT"]), recorder, 0.3)
    recorder.close()
    (line,) = recorded(tmp_path / "a.jsonl")
    assert line.payload == b'{"result":null,"id":1}'


@asynchronous
async def test_the_first_to_end_ends_all() -> None:
    ended = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await first_to_end(endless(), failing(), endless())
    assert ended == [True, True]
