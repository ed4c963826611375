"""What ingest of market trades takes: rates by batch size, sealing, time until visible, memory.

    python -m benchmarks.market_ingest

Writes ``benchmarks/results/market_ingest.json``. Rates are trades by seconds of processor time of
the process, ClickHouse in it: records of Binance as they are received, decoded, duplicates removed,
one insert through bronze, silver and six timeframes, with the intent in the ledger, whose server is
another process. Goals: 50,000 trades/s per core at batches of 10,000; 500,000 trades with 50,000
duplicates sealed in a second; visible in all timeframes 300 ms after it was received (p99) at 5,000
trades/s.
"""

from __future__ import annotations

import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from benchmarks.environment import write_result

import kato
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.ingest.intents import Intents
from kato.market.ingest.log import BatchLog
from kato.market.ingest.reading import FeedReading
from kato.market.ingest.seen import Seen
from kato.market.ingest.sink import LayerSink
from kato.market.instruments import InstrumentFile
from kato.market.layers.migrations import migrate
from kato.market.layers.rows import read
from kato.market.layers.sealing import Sealer
from kato.market.log.records import Position, Record, Span, raw_topic
from kato.market.log.stream import StreamReader, StreamWriter
from kato.storage.clickhouse.client import ClickHouse

BATCHES = (500, 1000, 10_000, 50_000)
RATE = 5000
SECONDS = 20.0
SEALED = 500_000
COPIES = 50_000
TOPIC = raw_topic("binance")
NATIVES = (
    "BTCUSDT",
    "ETHUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "AVAXUSDT",
    "DOGEUSDT",
    "LINKUSDT",
)
READING = FeedReading(InstrumentFile(None))


def main() -> None:
    figures: dict[str, Any] = {
        # Others on the machine make processor time dearer, and the clock's time much more so.
        "load_average_before": round(os.getloadavg()[0], 1),
        "by_batch": {str(size): rates(size) for size in BATCHES},
        "sealing": sealing(),
        "visible": visible(),
    }
    print(figures)
    print(write_result("market_ingest", figures))


def text(number: int, time_ms: int) -> bytes:
    """A message of Binance with a trade."""
    native = NATIVES[number % len(NATIVES)]
    return (
        f'{{"e":"trade","E":{time_ms + 8},"s":"{native}","t":{1 + number // len(NATIVES)},'
        f'"p":"{95_000 + number % 977}.{number % 90 + 10}000000",'
        f'"q":"0.{number % 8999 + 1000}0000",'
        f'"T":{time_ms},"m":{"true" if number % 3 else "false"},"M":true}}'
    ).encode()


def records(first: int, count: int) -> list[Record]:
    """Records with offsets, a trade each: 5,000 for each second of the exchange."""
    headers = {"received": b"1737118158339000000", "connection": b"binance-1"}
    return [
        Record(
            TOPIC, 0, at, NATIVES[at % len(NATIVES)], text(at, 1_737_118_158_321 + at // 5), headers
        )
        for at in range(first, first + count)
    ]


class Prepared:
    """A log of records that are in memory already; reading a log is measured elsewhere."""

    def __init__(self, batches: Sequence[list[Record]]) -> None:
        self._batches = {batch[0].offset: batch for batch in batches}
        self._position = Position(TOPIC, 0)

    @property
    def name(self) -> str:
        """Of a log of its own."""
        return "prepared"

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The one there is."""
        return [position for position in (self._position,) if position.topic in topics]

    def bounds(self, _position: Position) -> tuple[int, int]:
        """Of all records."""
        last = max(self._batches)
        return min(self._batches), last + len(self._batches[last])

    def poll(self, after: Mapping[Position, int], _rows: int, _seconds: float) -> list[Record]:
        """The batch that begins there."""
        return self._batches.get(after[self._position], [])

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """The batches that begin there."""
        return [record for span in spans for record in self._batches[span.start]]

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def layers() -> Iterator[tuple[kato.Memory, ClickHouse]]:
    """Empty stores with the market's tables."""
    with tempfile.TemporaryDirectory() as folder, kato.open(Path(folder) / "data") as memory:
        clickhouse = memory.clickhouse()
        migrate(clickhouse)
        yield memory, clickhouse
        clickhouse.close()


def rates(size: int) -> dict[str, Any]:
    """Trades a second of processor time, and of the clock."""
    count = 12 if size <= 10_000 else 5
    batches = [records(number * size, size) for number in range(count)]
    with layers() as (memory, clickhouse):
        log = BatchLog(
            Prepared(batches), Intents(memory.ledger(), "rates"), READING, Seen(clickhouse)
        )
        sink = LayerSink(clickhouse)
        each = [_carry(log, sink, size) for _ in range(count)][2:]
        rows = clickhouse.rows("SELECT count() FROM silver_trades")[0][0]
    _check(rows, size * count)
    decoding = _python(batches[0])
    return {
        "per_core": {
            "median": round(median(size / cpu for cpu, _ in each)),
            "best": round(max(size / cpu for cpu, _ in each)),
        },
        "wall_median": round(median(size / wall for _, wall in each)),
        "python_us_a_trade": round(decoding * 1e6 / size, 2),
        "memory_mib": round(psutil.Process().memory_info().rss / 2**20),
    }


def _carry(log: BatchLog, sink: LayerSink, size: int) -> tuple[float, float]:
    cpu, wall = _cpu(), time.perf_counter()
    claimed = log.claim(size, 0)
    if claimed is None:
        raise RuntimeError("nothing waits")
    sink.insert(log.read(claimed), claimed.token)
    log.done(claimed)
    return _cpu() - cpu, time.perf_counter() - wall


def _python(batch: list[Record]) -> float:
    began = time.process_time()
    found = read(batch, READING)
    found.block(np.ones(len(found), np.bool_))
    return time.process_time() - began


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _check(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} in place of {expected}")


def sealing() -> dict[str, Any]:
    """Seal candles of all timeframes of trades with copies that came in past ingest."""
    with layers() as (_, clickhouse):
        for first in range(0, SEALED, 50_000):
            batch = read(records(first, 50_000), READING)
            block = batch.block(np.ones(len(batch), np.bool_))
            clickhouse.insert("market_landing", block, f"all {first}")
            copies = block.slice(0, COPIES * 50_000 // SEALED)
            clickhouse.insert("market_landing", copies, f"copies {first}")
        counted = clickhouse.rows("SELECT sum(trades) FROM candles_live WHERE seconds = 60")[0][0]
        _check(counted, SEALED + COPIES)
        began = time.perf_counter()
        sealed = Sealer(clickhouse).seal(everything=True)
        seconds = time.perf_counter() - began
        counted = clickhouse.rows("SELECT sum(trades) FROM candles_1d WHERE sealed")[0][0]
        _check(counted, SEALED)
    return {
        "trades": SEALED,
        "copies": COPIES,
        "windows": sealed.windows,
        "seconds": round(seconds, 3),
    }


def visible() -> dict[str, Any]:
    """From when a record is received until its trade is in all timeframes, at a steady rate."""
    with layers() as (memory, clickhouse):
        ledger = memory.ledger()
        reader, writer = StreamReader(ledger), StreamWriter(ledger)
        pace = Pace(interval=0.05, sealing=5.0)
        with Ingest(clickhouse, ledger, reader, READING, pace) as ingest:
            delays: list[tuple[int, float]] = []
            stopped = threading.Event()
            watcher = threading.Thread(target=_watch, args=(ingest, delays, stopped))
            watcher.start()
            peak, cpu = _write(writer), _cpu()
            stopped.set()
            watcher.join()
            ingest.flush()
            total = ingest.report.trades
        rows = clickhouse.rows("SELECT sum(trades) FROM candles_1d")[0][0]
    _check(rows, total)
    _check(total, int(RATE * SECONDS))
    # A batch's delay is that of its oldest record, so each figure is of the slowest of its batch.
    spans = sorted(delay for _, delay in delays)
    return {
        "trades_per_second": RATE,
        "batches": len(spans),
        "oldest_of_a_batch_ms": {
            "p50": round(1000 * spans[len(spans) // 2], 1),
            "p99": round(1000 * spans[int(len(spans) * 0.99)], 1),
            "max": round(1000 * spans[-1], 1),
        },
        "memory_mib": peak,
        "cpu_seconds_so_far": round(cpu, 1),
    }


def _watch(ingest: Ingest, delays: list[tuple[int, float]], stopped: threading.Event) -> None:
    seen = 0
    while not stopped.wait(0.002):
        at, delay = ingest.report.visible_at, ingest.report.delay
        if at != seen:
            seen = at
            delays.append((at, delay))


def _write(writer: StreamWriter) -> int:
    """Write at the rate, a hundredth of a second at a time; answers the most memory, MiB."""
    began, number, peak, process = time.perf_counter(), 0, 0, psutil.Process()
    total = int(RATE * SECONDS)
    while number < total:
        due = min(total, int((time.perf_counter() - began) * RATE))
        now = time.time_ns()
        headers = {"received": str(now).encode(), "connection": b"binance-1"}
        for at in range(number, due):
            writer.send(TOPIC, NATIVES[at % len(NATIVES)], text(at, now // 10**6), headers)
        number = due
        peak = max(peak, process.memory_info().rss >> 20)
        time.sleep(0.01)
    writer.flush()
    return peak


if __name__ == "__main__":
    main()
