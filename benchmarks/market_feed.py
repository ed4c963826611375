"""How many messages a feed takes a second of processor time, from the socket to the log.

python -m benchmarks.market_feed

The exchange, the feed and the log's server are processes of their own; what is measured is all
processor time of the feed's process, also in threads of the Kafka client, until all is kept. The
broker is the client library's mock cluster unless `KATO_TEST_KAFKA_BOOTSTRAP` names another one;
the stream is in a Valkey that writes each step to its disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop
from benchmarks.environment import write_result
from tests.market.brokers.mock import MockCluster

from kato.errors import StoreUnavailable
from kato.market.feeds.connection import Connection
from kato.market.feeds.feed import Feed
from kato.market.feeds.normalizing import Normalizer
from kato.market.feeds.protocols import protocol_of
from kato.market.instruments import InstrumentFile
from kato.market.log.kafka import KafkaWriter
from kato.market.log.records import LogWriter, normalized_topic, raw_topic
from kato.market.log.registry import PackagedSchemas
from kato.market.log.stream import StreamWriter
from kato.market.trade import EXCHANGES
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection as Ledger

TRADES = 200_000
ROUNDS = 2
GOALS = {"binance to kafka": 80_000, "binance to kafka, normalized too": 35_000}
CASES = (
    ("binance", 1, "kafka", False),
    ("binance", 1, "kafka", True),
    ("binance", 1, "stream", False),
    ("kraken", 1, "kafka", False),
    ("kraken", 1, "kafka", True),
    ("coinbase", 5, "kafka", False),
    ("coinbase", 5, "kafka", True),
)
"""Protocol, trades a message, log, and whether normalized records are written too."""


def main() -> None:
    figures: dict[str, Any] = {}
    with logs() as addresses:
        for protocol, a_message, log, normalized in CASES:
            name = f"{protocol} to {log}{', normalized too' if normalized else ''}"
            rounds = [
                measured(protocol, a_message, log, addresses[log], normalized)
                for _ in range(ROUNDS)
            ]
            best = max(rounds, key=lambda it: it["messages_per_cpu_second"])
            figures[name] = {**best, "trades_per_message": a_message, "goal": GOALS.get(name)}
            figures[name]["all_rounds"] = [it["messages_per_cpu_second"] for it in rounds]
            print(f"{name}: {best['messages_per_cpu_second']:,} messages a CPU second", flush=True)
    broker = (os.environ.get("KATO_TEST_KAFKA_BOOTSTRAP") and "a broker") or "mock cluster"
    versions = {
        name: version(name) for name in ("picows", "msgspec", "confluent-kafka", "fastavro")
    }
    path = write_result("market_feed", {"broker": broker, "with": versions, "cases": figures})
    print(path)
    missed = [
        name for name, it in figures.items() if it["messages_per_cpu_second"] < (it["goal"] or 0)
    ]
    if missed:
        raise SystemExit(f"below the goal: {', '.join(missed)}")


@contextmanager
def logs() -> Iterator[dict[str, str]]:
    """A broker and a Valkey; where they are."""
    with tempfile.TemporaryDirectory() as folder:
        valkey, cluster = EmbeddedValkey(Path(folder)), MockCluster()
        given = os.environ.get("KATO_TEST_KAFKA_BOOTSTRAP")
        try:
            for exchange in EXCHANGES:
                cluster.make_topic(raw_topic(exchange))
                cluster.make_topic(normalized_topic(exchange))
            yield {"kafka": given or cluster.bootstrap, "stream": str(valkey.socket)}
        finally:
            cluster.stop()
            valkey.stop()


def measured(
    protocol: str, a_message: int, log: str, address: str, normalized: bool
) -> dict[str, Any]:
    source = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "benchmarks.market_source", protocol, str(TRADES), str(a_message)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"ws://127.0.0.1:{int((source.stdout or sys.stdin).readline())}/"
        asked = (protocol, url, log, address, str(TRADES), str(int(normalized)))
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "benchmarks.market_feed", *asked],
            stdout=subprocess.PIPE,
            check=True,
            timeout=90,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    finally:
        source.kill()
        source.communicate()


def feed(protocol: str, url: str, writer: LogWriter, trades: int, normalized: bool) -> None:
    """The process that is measured; prints its figures."""
    spoken, instruments = protocol_of(protocol), InstrumentFile(None)
    encoder = Normalizer(PackagedSchemas(), (spoken.exchange,)) if normalized else None
    fed = Feed(spoken, instruments, writer, encoder)
    natives = [each.native for each in instruments.instruments.of(spoken.exchange, protocol)]
    cpu, wall = uvloop.run(until_all(Connection(spoken, natives, fed, url=url), fed, trades))
    counts = fed.counts
    if counts.trades != trades or counts.dead_letters or counts.failures:
        raise SystemExit(f"not what was sent: {counts}")
    writer.close()
    figures = {
        "messages_per_cpu_second": round(counts.messages / cpu),
        "messages_per_second": round(counts.messages / wall),
        "trades_per_cpu_second": round(counts.trades / cpu),
        "messages": counts.messages,
        "records": counts.records + counts.normalized,
        "cpu_seconds": round(cpu, 3),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(json.dumps(figures))


async def until_all(connection: Connection, fed: Feed, trades: int) -> tuple[float, float]:
    """Processor time and time from the first message until all is kept, in seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    task = asyncio.ensure_future(connection.run())
    while fed.counts.trades < trades and not task.done():
        await asyncio.sleep(0.002)
    if task.done():
        task.result()
    fed.flush()
    passed = time.process_time() - cpu, time.perf_counter() - wall
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return passed


def writer_of(log: str, address: str) -> LogWriter:
    if log == "kafka":
        return KafkaWriter(address)
    ledger = Ledger.to_socket(Path(address), lambda: StoreUnavailable("the ledger is gone"))
    return StreamWriter(ledger, limit_mb=1 << 12)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        name, where, kind, at, number, avro = sys.argv[1:]
        feed(name, where, writer_of(kind, at), int(number), avro == "1")
    else:
        main()
