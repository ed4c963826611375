"""``kill -9`` of feeds at random moments: what the log holds is in all layers, each trade once."""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from benchmarks.market_soak import EXCHANGES, KATO, free_port, is_open, process, until

import kato
from kato.market.ingest.running import ingesting, settings_for
from kato.market.layers.sealing import Sealer
from kato.market.market import Market
from kato.market.simulator.truth import Made
from kato.market.timeframes import TIMEFRAMES
from kato.storage.clickhouse.client import ClickHouse

KILLS = 50
LATER = 4_000_000_000 * 10**9
"""When all candles of the test are over, ns since 1970."""

_BRONZE = "SELECT native, trade_id FROM {bronze:Identifier}"
_SILVER = "SELECT exchange, native, trade_id FROM silver_trades"
_CANDLES = """
SELECT sum(trades), sum(volume), sum(quote_volume) FROM {view:Identifier}
"""
_TRADES = """
SELECT count(), sum(toDecimal256(size, 24)), sum(quote) FROM silver_trades
"""


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_each_trade_that_the_log_holds_is_there_once(tmp_path: Path) -> None:
    data, truth, port = tmp_path / "data", tmp_path / "truth.jsonl", free_port()
    with ExitStack() as running:
        ingest = ("--data-dir", str(data), "market", "ingest", "--report", "0")
        running.enter_context(process(*ingest))
        until(lambda: is_open(data))
        simulate = ("simulate", "--port", str(port), "--rate", "200", "--truth", str(truth))
        running.enter_context(process("market", *simulate, "--fault", "again=0.01"))
        chance = random.Random(11)
        for number in range(KILLS):
            _feed_and_kill(data, port, EXCHANGES[number % len(EXCHANGES)], chance)
    with kato.open(data) as memory, ingesting(memory, settings_for(data)) as carrying:
        carrying.flush()
        clickhouse = memory.clickhouse()
        _check(clickhouse, truth)
        clickhouse.close()


def _feed_and_kill(data: Path, port: int, exchange: str, chance: random.Random) -> None:
    url = f"ws://127.0.0.1:{port}/{exchange}"
    words = ("--data-dir", str(data), "market", "feed", exchange, "--url", url)
    with subprocess.Popen([*KATO, *words], stderr=subprocess.PIPE, text=True) as feed:
        assert feed.stderr is not None
        assert "symbols to" in feed.stderr.readline()
        time.sleep(chance.random() * 1.5)
        feed.kill()


def _check(clickhouse: ClickHouse, truth: Path) -> None:
    with truth.open("rb") as lines:
        made = [msgspec.json.decode(line, type=Made) for line in lines]
    told = {(one.exchange, one.symbol, str(one.number)) for one in made}
    silver = clickhouse.rows(_SILVER)
    bronze = [
        (exchange, *row)
        for exchange in EXCHANGES
        for row in clickhouse.rows(_BRONZE, {"bronze": f"bronze_{exchange}"})
    ]
    assert len(silver) == len({*silver}) > 1000
    assert {*silver} == {*bronze} <= told
    assert len(bronze) > len(silver)  # each connection begins with trades that were told before
    Sealer(clickhouse, 0).seal(LATER, everything=True)
    whole = clickhouse.rows(_TRADES)
    for one in TIMEFRAMES:
        assert clickhouse.rows(_CANDLES, {"view": f"candles_{one.name}"}) == whole
        assert Market(clickhouse).differences(one.name) == []
