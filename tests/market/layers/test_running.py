"""Ingest as it runs: threads over a log in the ledger, and the commands for what is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from tests.market.layers.given import NOON, NS, Written, trade

import kato
from kato.cli import main
from kato.errors import StoreUnavailable
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.reading import FeedReading
from kato.market.instruments import InstrumentFile
from kato.market.log.records import Position, gap_topic, raw_topic
from kato.market.log.stream import StreamReader, StreamWriter
from kato.market.market import Market

PACE = Pace(interval=0.01, sealing=0.05, lateness=0)
TOPIC = raw_topic("binance")
SECONDS = 20.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait until it comes to be so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_written_is_seen_and_sealed(memory: kato.Memory) -> None:
    clickhouse, ledger = memory.clickhouse(), memory.ledger()
    writer, reader = StreamWriter(ledger), StreamReader(ledger)
    market = Market(clickhouse)
    headers = {"received": str(time.time_ns()).encode(), "connection": b"c"}
    note = {
        "exchange": "binance",
        "symbol": "A-B",
        "kind": "gap",
        "after": 3,
        "before": 6,
        "missing": 2,
        "time": NOON,
        "connection": "c",
    }
    with Ingest(clickhouse, ledger, reader, Written(), PACE) as ingest:
        for number in range(1, 4):
            value = msgspec.json.encode([trade("A-B", number, NOON + number * NS)])
            writer.send(TOPIC, "A-B", value, headers)
        writer.send(gap_topic("binance"), "A-B", json.dumps(note).encode(), headers)
        writer.send(gap_topic("binance"), "A-B", b"no note", headers)
        writer.flush()
        until(lambda: [one.sealed for one in market.candles("A/B")] == [True])
        assert market.candles("A/B")[0].trades == 3
        until(lambda: [(one.kind, one.missing) for one in market.gaps("A/B")] == [("gap", 2)])
        kept = "SELECT payload FROM market_unreadable"
        until(lambda: clickhouse.rows(kept) == [("no note",)])
        assert ingest.failure is None
        assert 0 < ingest.report.delay < SECONDS
        until(lambda: ingest.sealed is not None)
    assert ingest.report.new == 3
    clickhouse.close()


def test_a_log_that_fails_is_told_and_asked_again(memory: kato.Memory) -> None:
    class Broken(StreamReader):
        broken = True

        def partitions(self, topics: Sequence[str]) -> list[Position]:
            if self.broken:
                raise StoreUnavailable("no log")
            return super().partitions(topics)

    clickhouse, ledger = memory.clickhouse(), memory.ledger()
    reader = Broken(ledger)
    with Ingest(clickhouse, ledger, reader, Written(), PACE) as ingest:
        until(lambda: ingest.failure is not None)
        reader.broken = False
        until(lambda: ingest.writer.failure is not None or ingest.failure is None)
    clickhouse.close()


def test_records_of_feeds_are_read(memory: kato.Memory) -> None:
    del memory
    reading = FeedReading(InstrumentFile(None))
    assert reading.symbol("kraken", "XBT/USD") == "BTC/USD"
    assert reading.symbol("kraken", "no such") is None
    assert reading.is_consecutive("binance")
    assert not reading.is_consecutive("coinbase")


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code
    return json.loads(capsys.readouterr().out)


@pytest.mark.deep
def test_commands_seal_and_fill(
    memory: kato.Memory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.close()  # one process, one folder of ClickHouse at a time
    data = tmp_path / "data"
    texts = [
        b'{"e":"trade","E":1737118158329,"s":"BTCUSDT","t":%d,"p":"9.5","q":"2",'
        b'"T":1737118158321,"m":true,"M":true}' % number
        for number in (7, 8, 8)
    ]
    with kato.open(data) as other:
        clickhouse, ledger = other.clickhouse(), other.ledger()
        writer = StreamWriter(ledger)
        for text in texts:
            writer.send(TOPIC, "BTCUSDT", text, {"received": b"1737118158339000000"})
        writer.flush()
        ingest = Ingest(
            clickhouse, ledger, StreamReader(ledger), FeedReading(InstrumentFile(None)), PACE
        )
        ingest.flush()
        ingest.close()
        clickhouse.command("TRUNCATE TABLE silver_trades")
        clickhouse.close()
    common = ("--data-dir", str(data), "market")
    filled = answered(capsys, *common, "backfill", "--json")
    assert filled == {"read": 3, "added": 2, "months": 1, "sealed": 6}
    sealed = answered(capsys, *common, "seal", "--json")
    assert isinstance(sealed, dict)
    assert sealed["windows"] == 0
