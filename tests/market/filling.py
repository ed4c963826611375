"""Layers with trades in them, as an exchange said them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import msgspec
import numpy as np

import kato
from kato.market.ingest.reading import FeedReading
from kato.market.ingest.sink import Block, LayerSink
from kato.market.instruments import InstrumentFile
from kato.market.layers import rows
from kato.market.layers.gaps import gap_rows
from kato.market.layers.migrations import migrate
from kato.market.layers.sealing import Sealer
from kato.market.log.records import Record, raw_topic
from kato.market.market import Market

MINUTE = 60 * 10**9
BEGIN = 1_760_000_040 * 10**9
"""A minute's begin, ns since 1970."""

_offsets = itertools.count()


class Made(msgspec.Struct, frozen=True):
    """A trade on Binance.

    Attributes:
        id: Its number.
        time: ns since 1970, full ms.
        price: As text.
        size: As text.
        sold: Whether the taker sold.
    """

    id: int
    time: int
    price: str
    size: str
    sold: bool = False


def texts(made: Sequence[Made], native: str) -> list[Record]:
    """As Binance says them, in the log."""
    return [
        Record(
            raw_topic("binance"),
            0,
            next(_offsets),
            native,
            msgspec.json.encode(
                {
                    "e": "trade", "E": one.time // 10**6, "s": native, "t": one.id,
                    "p": one.price, "q": one.size, "T": one.time // 10**6, "m": one.sold,
                }
            ),
            {"received": str(one.time).encode(), "connection": b"test"},
        )
        for one in made
    ]  # fmt: skip


class Layers:
    """Layers that take trades.

    Attributes:
        market: Asks them.
    """

    def __init__(self, memory: kato.Memory) -> None:
        self._clickhouse = memory.clickhouse()
        migrate(self._clickhouse)
        self._reading = FeedReading(InstrumentFile(None))
        self.market = Market(self._clickhouse)

    def take(self, made: Sequence[Made], native: str = "BTCUSDT") -> None:
        """Store distinct trades."""
        batch = rows.read(texts(made, native), self._reading)
        landing = batch.block(np.ones(len(batch), np.bool_))
        block = Block(landing, gap_rows([], [], self._reading))
        LayerSink(self._clickhouse).insert([block], str(next(_offsets)))

    def seal(self, now: int) -> None:
        """Seal what is over."""
        Sealer(self._clickhouse).seal(now)

    def close(self) -> None:
        self._clickhouse.close()


@contextmanager
def layers_of(memory: kato.Memory) -> Iterator[Layers]:
    """The layers of a memory."""
    layers = Layers(memory)
    try:
        yield layers
    finally:
        layers.close()


def walk(minutes: int, seed: int = 1, quiet: Sequence[int] = (), a_minute: int = 4) -> list[Made]:
    """Trades of a random walk from :data:`BEGIN` on; none in quiet minutes."""
    chance = random.Random(seed)
    price, made, number = Decimal(50_000), [], itertools.count(1)
    for minute in range(minutes):
        if minute in quiet:
            continue
        for place in range(a_minute):
            price = max(price + chance.randint(-40, 40), Decimal(1000))
            time = BEGIN + minute * MINUTE + place * (MINUTE // a_minute)
            size = str(Decimal(chance.randint(1, 5000)) / 1000)
            made.append(Made(next(number), time, str(price), size, chance.random() < 0.5))
    return made
