"""``kill -9`` of ingest and its stores at random moments: each trade once, all layers equal."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.crash.process import valkey_pid
from tests.market.crash.ingester import SYMBOLS, TOPIC, open_log, trades_at
from tests.market.layers.given import NOON, NS, Written, candles_of, unsealed

import kato
from kato.market.ingest.ingest import Ingest
from kato.market.layers.sealing import Sealer
from kato.market.log.records import Position
from kato.market.market import Market
from kato.market.timeframes import TIMEFRAMES
from kato.market.trade import Trade
from kato.storage.clickhouse.client import ClickHouse

ROOT = Path(__file__).parents[3]
VICTIMS = ("process", "both")


def run_and_kill(data: Path, victim: str, seconds: float) -> int:
    """Let it run so long after it first wrote something; answers the last offset it told."""
    command = [sys.executable, "-m", "tests.market.crash.ingester", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "it ended before it had written; its standard error says why"
        time.sleep(seconds)
        if victim == "both":
            os.kill(valkey_pid(data), signal.SIGKILL)
        process.kill()
        told = [first, *process.stdout]
    # The last line may be cut off.
    return max(int(line.split()[1]) for line in told if line.endswith("\n"))


def check(data: Path, at_least: int) -> int:
    """Hold every layer against what the log held; answers how many batches were carried now."""
    with kato.open(data) as memory:
        connection, reader = open_log(memory, data)
        clickhouse = memory.clickhouse()
        ingest = Ingest(clickhouse, connection, reader, Written())
        written = reader.bounds(Position(TOPIC, 0))[1]
        assert written >= at_least
        ingest.flush()
        carried = ingest.report.batches
        ingest.close()
        _check_layers(clickhouse, written)
        clickhouse.close()
    return carried


def _check_layers(clickhouse: ClickHouse, written: int) -> None:
    records = [trades_at(offset) for offset in range(written)]
    given = [one for record in records for one in record]
    places = [(at, number) for at, record in enumerate(records) for number in range(len(record))]
    bronze = "SELECT offset, ordinal FROM bronze_binance ORDER BY offset, ordinal"
    assert clickhouse.rows(bronze) == places
    silver = "SELECT native, trade_id FROM silver_trades ORDER BY native, number"
    distinct = {(one.symbol, one.sequence) for one in given}
    assert clickhouse.rows(silver) == [(s, str(number)) for s, number in sorted(distinct)]
    # What was sealed before the last late trades came is sealed again; the live ones are compared.
    Sealer(clickhouse, 0).seal(NOON + 99 * 86_400 * NS, everything=True)
    _check_candles(clickhouse, [one for one in given if one.price > 0])


def _check_candles(clickhouse: ClickHouse, trades: list[Trade]) -> None:
    for one in TIMEFRAMES:
        assert Market(clickhouse).differences(one.name) == []
        found = [
            candle
            for symbol in SYMBOLS
            for candle in Market(clickhouse).candles(symbol.replace("-", "/"), one.name)
        ]
        assert unsealed(found) == candles_of("binance", trades, one), one.name


def crash(data: Path, seed: int, victims: list[str]) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    for victim in victims:
        told = run_and_kill(data, victim, rng.random() * 0.8)
        check(data, told)


def test_each_trade_is_there_once(tmp_path: Path) -> None:
    crash(tmp_path / "data", random.randrange(1 << 30), [*VICTIMS])


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(5))
def test_each_trade_is_there_once_again_and_again(tmp_path: Path, seed: int) -> None:
    crash(tmp_path / "data", seed, [*VICTIMS] * 5)
