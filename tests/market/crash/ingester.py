"""The process that is killed: writes trades to the log and ingests them until it dies.

A record follows from its offset, so whoever comes next writes on where the log ends.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import msgspec
from tests.market.layers.given import NOON, NS, Written, trade

import kato
from kato.market.ingest.ingest import Ingest, Pace
from kato.market.log.records import Position, raw_topic
from kato.market.log.stream import StreamReader, StreamWriter
from kato.market.trade import Trade
from kato.storage.ledger.connection import Connection

TOPIC = raw_topic("binance")
SYMBOLS = ("A-B", "C-D", "E-F")
RECORDS = 400
"""Written at a time."""


def trades_at(offset: int) -> list[Trade]:
    """The trades of the record at an offset: some are new, some came before, some come late."""
    rng = Random(offset)
    symbol = SYMBOLS[offset % len(SYMBOLS)]
    number = 1 + offset // len(SYMBOLS)
    late = [number - rng.randint(1, 50) for _ in range(rng.randrange(3))]
    numbers = [each for each in [*late, number] if each > 0 and (each % 11 or each in late)]
    return [_trade(symbol, each) for each in numbers]


def _trade(symbol: str, number: int) -> Trade:
    price = "0" if number % 97 == 0 else f"{number % 1000 + 1}.25"
    return trade(symbol, number, NOON + number * NS // 4, price, size=f"0.{number % 99 + 1}")


def open_log(memory: kato.Memory, data: Path) -> tuple[Connection, StreamReader]:
    """The ledger of a memory, and the log in it."""
    connection = memory.ledger()
    del data
    return connection, StreamReader(connection)


def main() -> None:
    """Write and ingest until the process is killed."""
    data = Path(sys.argv[1])
    with kato.open(data) as memory:
        connection, reader = open_log(memory, data)
        clickhouse = memory.clickhouse()
        writer = StreamWriter(connection)
        pace = Pace(interval=0.01, sealing=0.1, lateness=0)
        with Ingest(clickhouse, connection, reader, Written(), pace) as ingest:
            offset = reader.bounds(Position(TOPIC, 0))[1]
            while True:
                for at in range(offset, offset + RECORDS):
                    trades = trades_at(at)
                    value = msgspec.json.encode(trades)
                    writer.send(TOPIC, SYMBOLS[at % 3], value, {"received": b"%d" % NOON})
                writer.flush()
                offset += RECORDS
                print("written", offset, ingest.report.batches, flush=True)


if __name__ == "__main__":
    main()
