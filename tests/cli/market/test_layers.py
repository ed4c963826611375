"""Candles, trades, charts, status, observing and walking through history, on the command line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Ran, Run
from tests.market.filling import BEGIN, MINUTE, Made, layers_of, texts, walk
from tests.service.serving import serving
from tests.storage import stores

import kato
from kato.cli import main
from kato.cli.market.remote import RemoteMarket
from kato.errors import InvalidInput
from kato.market.ingest.running import settings_for
from kato.market.log.opening import open_writer

MINUTES = 60
QUIET = (7, 8)
COUNT = MINUTES - len(QUIET)
FEW = ("--bins", "3", "--window", "3", "--events", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an hour of trades, all sealed."""
    folder = tmp_path_factory.mktemp("market") / "data"
    with kato.open(folder) as memory, layers_of(memory) as layers:
        layers.take([*walk(MINUTES, quiet=QUIET), Made(9000, BEGIN, "0", "1")])
        layers.take([Made(1, BEGIN, "3000.5", "2")], "ETHUSDT")
        layers.seal(BEGIN + 2 * MINUTES * MINUTE)
    return folder


@pytest.fixture
def run(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run ``kato market`` over that directory, 110 columns wide."""
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("NO_COLOR", "1")

    def run_main(*arguments: str, before: tuple[str, ...] = ("--data-dir", str(folder))) -> Ran:
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*before, "market", *arguments])
        out, err = capsysbinary.readouterr()
        return Ran(int(ended.value.code or 0), out.decode("utf-8", "surrogateescape"), err.decode())

    return run_main


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over the same directory."""
    settings = stores.settings(tmp_path_factory.mktemp("served"))
    with kato.open(folder) as memory, serving(settings, memory) as url:
        memory.announce(url)
        yield url


def test_candles(run: Run) -> None:
    ran = run("candles", "BTC/USDT", "--limit", "3")
    lines = [line.split() for line in ran.out.splitlines() if line.strip()]
    assert lines[0] == ["begins", "open", "high", "low", "close", "volume", "trades", "vwap"]
    assert [line[1] for line in lines[2:]] == ["09:51", "09:52", "09:53"]
    hours = run("candles", "BTC/USDT", "--timeframe", "1h", "--format", "csv").out
    assert sum(int(row["trades"]) for row in csv.DictReader(io.StringIO(hours))) == 4 * COUNT


def test_parquet_is_written_whole(run: Run) -> None:
    ran = run("trades", "BTC/USDT", "--limit", "1000", "--format", "parquet")
    document = ran.out.encode("utf-8", "surrogateescape")
    assert pq.read_table(io.BytesIO(document)).num_rows == 4 * COUNT + 1


def test_trades_say_why_one_does_not_count(run: Run) -> None:
    out = run("trades", "BTC/USDT", "--limit", "1000").out
    (invalid,) = (line for line in out.splitlines() if " 9000 " in line)
    assert "price" in invalid


def test_status_for_people(run: Run) -> None:
    out = run("status", "--gaps").out
    assert "BTC/USDT" in out
    assert "kind" in out


def test_status(run: Run) -> None:
    bitcoin, ether = run("status", "--json").json
    assert (bitcoin["exchange"], bitcoin["symbol"], bitcoin["trades"]) == (
        "binance", "BTC/USDT", 4 * COUNT,
    )  # fmt: skip
    assert (ether["close"], ether["per_minute"]) == ("3000.5", 1)
    assert bitcoin["per_minute"] == 4


def test_a_chart(run: Run, tmp_path: Path) -> None:
    ran = run("chart", "BTC/USDT", str(tmp_path / "chart.png"), "--limit", "60")
    assert ran.code == 0, ran.err
    assert (tmp_path / "chart.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["candles", "BTC/USDT", "--timeframe", "7m"], "no timeframe"),
        (["candles", "BTC/USDT", "--since", "soon"], "no moment"),
        (["candles", "BTC/USDT", "--format", "xml"], "no such format"),
        (["chart", "BTC/USDT", "chart.gif"], "write to a .svg"),
        (["chart", "NO/NE", "chart.svg"], "there are: BTC/USDT, ETH/USDT"),
        (["observe", "NO/NE", "--once", "--no-ingest"], "there are no trades"),
        (["observe", "ETH/USDT", "--once", "--no-ingest", "--kb", "e"], "too few"),
        (["observe", "BTC/USDT", "--once", "--no-ingest", "--bins", "4", "--kb", "e"], "bins"),
        (["backtest", "BTC/USDT", "--bins", "3", "--window", "3", "--learned", "1"], "learned"),
    ],
)
def test_what_cannot_be_used(run: Run, arguments: list[str], said: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2, ran.out
    assert said in ran.err


@pytest.mark.deep
def test_observing_goes_on_where_it_was(run: Run, folder: Path) -> None:
    def observed(*more: str) -> tuple[list[Any], Any]:
        ran = run("observe", "BTC/USDT", "--once", "--no-ingest", "--json", *FEW, *more)
        assert ran.code == 0, ran.err
        *lines, score = map(json.loads, ran.out.splitlines())
        return lines, score

    lines, score = observed()
    assert len(lines) == score["observed"] == COUNT - 3
    assert {symbol.partition(":")[0] for symbol in lines[0]["event"]} == {"ret", "rng", "vol"}
    assert score["learned"] == len(lines) - 2
    assert observed() == ([], {**score, **dict.fromkeys(("observed", "learned"), 0)})
    assert observed("--bins", "5")[0] == [], "the encoding is the one that was agreed on"
    with kato.open(folder) as memory:
        assert memory.knowledge_base("market").stats().patterns > 5
    ran = run("observe", "BTC/USDT", "--once", "--no-ingest", "--timeframe", "5m")
    assert "observes 1m, not 5m" in ran.err


@pytest.mark.deep
def test_observing_trades(run: Run) -> None:
    trades = ("--timeframe", "trades", "--kb", "trades", *FEW)
    ran = run("observe", "BTC/USDT", "--once", "--no-ingest", "--json", *trades)
    *lines, _ = map(json.loads, ran.out.splitlines())
    assert len(lines) == 4 * COUNT - 3
    assert {line["event"][2] for line in lines} == {"side:buy", "side:sell"}


@pytest.mark.deep
def test_a_backtest(run: Run) -> None:
    ran = run("backtest", "BTC/USDT", "--json", "--questions", "20", *FEW)
    found = ran.json
    assert (found["items"], found["learned"], found["questions"]) == (COUNT, COUNT // 2, 20)
    assert found["gain"]["low"] < found["gain"]["share"] < found["gain"]["high"]


def test_a_backtest_for_people(run: Run) -> None:
    people = run("backtest", "BTC/USDT", "--questions", "2", "--fill", *FEW).out
    assert f"{MINUTES}" in people
    assert "no better than chance" in people or "better than both" in people


@pytest.mark.deep
def test_a_service_is_asked(run: Run, url: str, folder: Path, tmp_path: Path) -> None:
    there = ("--url", url)
    shown = run("candles", "BTC/USDT", "--format", "json", "--limit", "9", before=there).json
    assert len(shown) == 9
    assert "3000.5" in run("trades", "ETH/USDT", before=there).out
    assert len(run("status", "--json", before=there).json) == 2
    chart = run("chart", "BTC/USDT", str(tmp_path / "x.svg"), before=there)
    assert chart.code == 0, chart.err
    owned = run("candles", "BTC/USDT", "--format", "json", "--limit", "9")
    assert owned.json == shown, "the process that owns the stores is asked"
    with closing(RemoteMarket(url)) as market, pytest.raises(InvalidInput, match="422"):
        market.candles("BTC/USDT", "7m")
    refused = run("observe", "BTC/USDT", before=there)
    assert (refused.code, "needs the stores" in refused.err) == (2, True)
    gone = run("status", before=("--url", "http://127.0.0.1:9"))
    assert (gone.code, "no service answers" in gone.err) == (1, True)


def test_a_service_that_ingests(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kato", "--data-dir", str(tmp_path / "data"), "serve"]
    process = subprocess.Popen(
        [*command, "--market", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        writer = open_writer(settings_for(tmp_path / "data"))
        for record in texts(walk(2), "BTCUSDT"):
            writer.send(record.topic, record.key, record.value, record.headers)
        writer.close()
        asked = {"symbol": "BTC/USDT"}
        deadline = time.monotonic() + 30
        while sum(one["trades"] for one in _candles(url, asked)) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        told = httpx.get(f"{url}/metrics", headers={"Accept": "text/plain"}).text
        assert 'kato_market_trades_total{group="market"} 8.0' in told
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()  # type: ignore[union-attr]


def _candles(url: str, query: dict[str, str]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = httpx.get(f"{url}/market/candles", params=query).json()
    return shown
