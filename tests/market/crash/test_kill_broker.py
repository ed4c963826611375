"""``kill -9`` of the broker while a feed writes to it and ingest reads: each trade once."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import msgspec
import pytest
from tests.market.crash.ingester import SYMBOLS, TOPIC, trades_at
from tests.market.crash.test_kill_ingest import _check_layers
from tests.market.layers.given import NOON, Written
from tests.market.log import mortal

import kato
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.intents import Intents
from kato.market.log.records import LogReader, LogWriter, Position

PACE = Pace(interval=0.05, sealing=0.2, lateness=0)


class Feed(threading.Thread):
    """Writes records until it is told to end.

    Attributes:
        written: How many the log keeps.
        failure: What went wrong.
    """

    def __init__(self, writer: LogWriter) -> None:
        super().__init__(daemon=True)
        self._writer = writer
        self._ending = threading.Event()
        self.written = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._ending.wait(0.01):
                self._write(20)
        except Exception as error:  # noqa: BLE001 - the test raises it
            self.failure = error

    def end(self) -> int:
        """Let it end; answers how many records it wrote."""
        self._ending.set()
        self.join()
        if self.failure is not None:
            raise self.failure
        return self.written

    def _write(self, records: int) -> None:
        for offset in range(self.written, self.written + records):
            value = msgspec.json.encode(trades_at(offset))
            self._writer.send(TOPIC, SYMBOLS[offset % 3], value, {"received": b"%d" % NOON})
        self._writer.flush()
        self.written += records


often = pytest.param(25, marks=[pytest.mark.deep, pytest.mark.timeout(1200)])


@pytest.mark.parametrize("kills", [pytest.param(1, marks=pytest.mark.deep), often])
def test_each_trade_is_there_once(tmp_path: Path, kills: int) -> None:
    folder = tmp_path / "kafka"
    folder.mkdir()
    with mortal.kafka(folder) as killed, kato.open(tmp_path / "data") as memory:
        ledger, clickhouse = memory._engines.connection, memory.clickhouse()
        writer = killed.log.writer(partitions=1, deadline=60)
        reader, looking = killed.log.reader(), killed.log.reader()
        feed = Feed(writer)
        feed.start()
        with Ingest(clickhouse, ledger, reader, Written(), PACE) as ingest:
            for _ in range(kills):
                _wait_for_more(ingest)
                time.sleep(random.random() * 0.3)
                killed.kill()
                killed.start()
            _wait_for_more(ingest)
            written = feed.end()
            writer.close()
            _wait_until_all_is_carried(Intents.of(ledger, looking), looking, written)
        _check_layers(clickhouse, written)
        clickhouse.close()
        for each in (reader, looking):
            each.close()


def _wait_until_all_is_carried(intents: Intents, reader: LogReader, written: int) -> None:
    position, end = Position(TOPIC, 0), time.monotonic() + 60
    assert reader.bounds(position) == (0, written)
    while intents.positions().get(position) != written:
        assert time.monotonic() < end
        time.sleep(0.05)


def _wait_for_more(ingest: Ingest) -> None:
    """Until two more batches are carried."""
    goal, end = ingest.report.batches + 2, time.monotonic() + 60
    while ingest.report.batches < goal:
        assert time.monotonic() < end, ingest.failure
        time.sleep(0.01)
