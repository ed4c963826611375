"""``kato market``: processes, sockets and a server of the log, from one end to the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.cli.conftest import Run
from tests.storage.stores import TcpValkey

from kato.market import extra
from kato.market.feeds.protocols import decode
from kato.market.feeds.recording import recorded
from kato.market.log.avro import TradeDecoder
from kato.market.log.records import Position, Record, normalized_topic, raw_topic
from kato.market.log.registry import PackagedSchemas
from kato.market.log.stream import StreamReader
from kato.market.simulator import Made
from kato.market.trade import Side
from kato.storage.ledger.connection import Connection

Key = tuple[str, str, Decimal, Decimal, Side]


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpValkey]:
    valkey = TcpValkey(tmp_path_factory.mktemp("valkey"))
    yield valkey
    valkey.stop()


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """``kato market …``, interrupted at the end as by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kato", "market", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def simulated(*options: str) -> Iterator[str]:
    """``kato market simulate``; where its Coinbase listens."""
    spoken = ("--protocol", "kraken_v1", "--protocol", "coinbase")
    with running("simulate", "--port", "0", "--seed", "3", *spoken, *options) as process:
        assert process.stdout is not None
        older, newer = process.stdout.readline(), process.stdout.readline()
        assert older.startswith("kato market feed kraken --protocol kraken_v1 --url ws://")
        assert newer.startswith("kato market feed coinbase --url ws://127.0.0.1:")
        yield newer.split()[-1]


def records(valkey: TcpValkey, topic: str) -> list[Record]:
    reader = StreamReader(Connection.to_url(valkey.url))
    position = Position(topic, 0)
    found = reader.poll({position: 0}, 100_000, 0.0) if reader.partitions([position.topic]) else []
    reader.close()
    return found


def normalized(valkey: TcpValkey) -> set[Key]:
    """What Avro holds; it must not hold a trade twice."""
    decoder = TradeDecoder(PackagedSchemas())
    read = [
        decoder.decode(record.value) for record in records(valkey, normalized_topic("coinbase"))
    ]
    assert {each.symbol.replace("/", "-") for each in read} == {it.trade.symbol for it in read}
    trades = [each.trade for each in read]
    keys = {(each.symbol, each.id, each.price, each.size, each.side) for each in trades}
    assert len(keys) == len(trades)
    return keys


def told(path: Path) -> set[Key]:
    trades = [msgspec.json.decode(line, type=Made) for line in path.read_bytes().splitlines()]
    return {
        (each.symbol, str(each.number), each.price, each.size, each.side)
        for each in trades
        if each.exchange == "coinbase"
    }


def kept(found: list[Record]) -> set[Key]:
    return {
        (each.symbol, each.id, each.price, each.size, each.side)
        for record in found
        for each in decode("coinbase", record.value).trades
        if each.symbol == record.key
    }


@pytest.mark.deep
def test_from_a_simulated_exchange_to_the_log_and_again_from_a_recording(
    tmp_path: Path, valkey: TcpValkey, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, recording = tmp_path / "truth.jsonl", tmp_path / "recording.jsonl.gz"
    monkeypatch.setenv("KATO_REDIS_URL", valkey.url)
    with simulated("--rate", "300", "--fault", "again=0.05", "--truth", str(truth)) as url:
        with running("feed", "coinbase", "--url", url, "--report", "0.2") as feed:
            ran = run(
                "market", "record", "coinbase", str(recording), "--url", url, "--seconds", "1"
            )
            assert ran.code == 0, ran.err
            assert feed.stderr is not None
            assert feed.stderr.readline() == "coinbase: 11 symbols to the ledger's server\n"
            assert feed.stderr.readline().startswith("coinbase ")
        written = records(valkey, raw_topic("coinbase"))
    assert len(kept(written)) > 50
    assert kept(written) <= told(truth)

    before, lines = len(written), list(recorded(recording))
    replayed = run("market", "replay", str(recording), "--speed", "0", "--normalized")
    assert replayed.code == 0, replayed.err
    messages, trades = len(lines), sum(len(decode("coinbase", it.payload).trades) for it in lines)
    assert replayed.err == f"coinbase: {messages} messages, {trades} trades\n"
    assert normalized(valkey) == kept(records(valkey, raw_topic("coinbase"))[before:])
    again = records(valkey, raw_topic("coinbase"))[before:]
    assert {record.received for record in again} <= {line.received for line in lines}
    assert (
        sum(
            trade.symbol == record.key
            for record in again
            for trade in decode("coinbase", record.value).trades
        )
        == trades
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("feed", "nasdaq"), "no such exchange: 'nasdaq'; use binance, kraken, coinbase"),
        (("feed", "kraken", "--protocol", "coinbase"), "coinbase is no protocol of kraken"),
        (("feed", "kraken", "--protocol", "fix"), "no such protocol: 'fix'"),
        (("feed", "binance", "--symbols", "BTCUSDT,NO"), "no instrument 'NO' of binance"),
        (("feed", "binance", "--instruments", "/none"), "cannot use /none as instruments"),
        (("replay", "/none"), "cannot open /none"),
        (("simulate", "--protocol", "fix"), "no such protocol: 'fix'"),
        (("simulate", "--fault", "rain=1"), "no faults: 'rain=1'"),
        (("simulate", "--fault", "drop=often"), "no faults: 'drop=often'"),
        (("simulate", "--fault", "drop=2"), "drop must be between 0 and 1"),
    ],
    ids=repr,
)
def test_what_cannot_be_used_is_told(
    run: Run,
    valkey: TcpValkey,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.setenv("KATO_REDIS_URL", valkey.url)
    ran = run("market", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert reason in ran.err


def test_a_log_that_nobody_has_open_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("--data-dir", str(tmp_path), "market", "feed", "binance")
    assert ran.code == 1
    assert "no process has" in ran.err


def test_an_address_nobody_listens_at_is_tried_again(valkey: TcpValkey) -> None:
    environment = {"KATO_REDIS_URL": valkey.url}
    arguments = ("--url", "ws://127.0.0.1:1/x", "--report", "0.1")
    with running("feed", "binance", *arguments, **environment) as feed:
        assert feed.stderr is not None
        end = time.monotonic() + 30
        while " 0 failures" in (line := feed.stderr.readline()) or "symbols to" in line:
            assert time.monotonic() < end
        assert "failures" in line


def test_without_the_extra_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "MODULES", {"no_such_module": "no-such-package"})
    ran = run("market", "simulate")
    assert ran.code == 2
    assert "not installed: no-such-package; pip install 'kato[market]'" in ran.err
