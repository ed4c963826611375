"""What a feed writes to a real log is what the simulated exchange told, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.market.feeds.connecting import Connected, connected

from kato.market.feeds.life import Timing
from kato.market.feeds.protocols import PROTOCOLS, decode
from kato.market.feeds.sequence import Note
from kato.market.log.records import Position, Record, dead_letter_topic, gap_topic, raw_topic
from kato.market.log.stream import StreamReader, StreamWriter
from kato.market.simulator import Faults, Made, Simulator
from kato.market.trade import EXCHANGES, Exchange
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection

FAULTS = Faults(
    lost=0.01,
    late=0.02,
    again=0.02,
    invalid=0.01,
    malformed=0.02,
    unknown=0.02,
    garbage=0.05,
    drop=0.01,
    refused=0.1,
    unanswered=0.05,
)
TIMING = Timing(silence=60.0, lifetime=1000.0, acknowledged=0.3)
STEPS = 500
STALLING = msgspec.structs.replace(FAULTS, stall=0.001, drop=0.001)
# A feed that takes a busy machine for a silent line loses what is on its way.
PATIENT = Timing(silence=5.0, lifetime=1000.0, acknowledged=2.0)

Key = tuple[object, ...]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(tmp_path)
    yield valkey
    valkey.stop()


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_the_log_holds_the_truth(name: str, valkey: EmbeddedValkey) -> None:
    assert_truth(name, valkey, asyncio.run(feed_all(name, valkey, FAULTS, TIMING, STEPS)))


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_the_log_holds_the_truth_after_many_stalls(name: str, valkey: EmbeddedValkey) -> None:
    simulator = asyncio.run(feed_all(name, valkey, STALLING, PATIENT, 40 * STEPS))
    assert simulator.venues[name].truth.faults["stall"] > 3
    assert_truth(name, valkey, simulator)


def assert_truth(name: str, valkey: EmbeddedValkey, simulator: Simulator) -> None:
    venue, exchange = simulator.venues[name], PROTOCOLS[name].exchange
    truth = venue.truth
    assert {"lost", "late", "again", "garbage", "malformed", "unknown", "drop"} <= set(truth.faults)
    assert STEPS < len(truth.told()) <= len(truth.made)

    raw = records(valkey, raw_topic(exchange))
    assert {key for record in raw for key in keys_of(record)} == {
        key(made) for made in truth.told()
    }

    dead = records(valkey, dead_letter_topic(exchange))
    causes = [record.headers["cause"] for record in dead]
    faults = truth.faults
    assert causes.count(b"unknown symbol") == faults["unknown"]
    assert len(causes) == faults["unknown"] + faults["malformed"] + faults["garbage"]
    if PROTOCOLS[name].consecutive:
        assert_gaps_add_up(truth.told(), records(valkey, gap_topic(exchange)))


async def feed_all(
    name: str, valkey: EmbeddedValkey, faults: Faults, timing: Timing, steps: int
) -> Simulator:
    """Trade for a while, with a feed that listens; all that was told is in the log at the end."""
    writer = StreamWriter(Connection.to_socket(valkey.socket, valkey.reason_of_death))
    async with (
        Simulator(7, faults, protocols=[name]) as simulator,
        connected(name, simulator, writer=writer, timing=timing) as fed,
    ):
        for _ in range(steps):
            fed.venue.step(3)
            await asyncio.sleep(0.001)
        fed.venue.settle()
        await end_well(fed)
    writer.close()
    return simulator


async def end_well(fed: Connected) -> None:
    """Stop when no snapshot is under way: on a last connection, with which nothing goes wrong."""
    fed.venue.faults = Faults()
    before = fed.counts.connections
    fed.venue.drop()
    await fed.until(lambda: fed.counts.connections > before and fed.counts.state == "live")
    await fed.until_heard()


def records(valkey: EmbeddedValkey, topic: str) -> list[Record]:
    reader = StreamReader(Connection.to_socket(valkey.socket, valkey.reason_of_death))
    found: list[Record] = []
    (position,) = reader.partitions([topic]) or [Position(topic, 0)]
    while more := reader.poll({position: len(found)}, 10_000, 0.0):
        found += more
    reader.close()
    return found


def key(made: Made) -> Key:
    number = _number(made.exchange, str(made.number), made.time)
    return made.symbol, number, made.price, made.size, made.side


def keys_of(record: Record) -> list[Key]:
    """The trades that a record stands for: those of its key."""
    (exchange,) = [name for name in EXCHANGES if record.topic == raw_topic(name)]
    return [
        (each.symbol, _number(exchange, each.id, each.time), each.price, each.size, each.side)
        for each in decode(exchange, record.value).trades
        if each.symbol == record.key
    ]


def _number(exchange: Exchange, name: str, time: int) -> object:
    """What says which trade it is; the older Kraken has no ids, but here no two times."""
    return time if exchange == "kraken" else (name, time)


def assert_gaps_add_up(told: list[Made], notes: list[Record]) -> None:
    """Of each symbol is missing, by the notes, what is really missing between first and last."""
    missing: dict[str, int] = {}
    for record in notes:
        note = msgspec.json.decode(record.value, type=Note)
        change = {"gap": note.missing, "late": -note.missing}.get(note.kind, 0)
        missing[note.symbol] = missing.get(note.symbol, 0) + change
    numbers: dict[str, set[int]] = {}
    for made in told:
        numbers.setdefault(made.symbol, set()).add(made.number)
    for symbol, seen in numbers.items():
        assert missing.get(symbol, 0) == max(seen) - min(seen) + 1 - len(seen), symbol
