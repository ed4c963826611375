"""A writer that keeps what it is given in lists, and a feed that writes to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from kato.market.feeds.feed import Encoder, Feed
from kato.market.feeds.protocol import Message
from kato.market.feeds.protocols import protocol_of
from kato.market.feeds.sequence import Note
from kato.market.instruments import InstrumentFile
from kato.market.log.records import dead_letter_topic, gap_topic, normalized_topic, raw_topic


class Sent(NamedTuple):
    """A record as it was sent."""

    key: str
    value: bytes
    headers: Mapping[str, bytes]


class Collector:
    """A log in this process."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Sent]] = {}
        self.flushes = 0

    def send(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes]) -> None:
        self.topics.setdefault(topic, []).append(Sent(key, value, dict(headers)))

    def flush(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        self.flush()

    def raw(self, exchange: str) -> list[Sent]:
        return self.topics.get(raw_topic(exchange), [])

    def normalized(self, exchange: str) -> list[Sent]:
        return self.topics.get(normalized_topic(exchange), [])

    def dead_letters(self, exchange: str) -> list[Sent]:
        return self.topics.get(dead_letter_topic(exchange), [])

    def notes(self, exchange: str) -> list[Note]:
        sent = self.topics.get(gap_topic(exchange), [])
        return [msgspec.json.decode(each.value, type=Note) for each in sent]


class Fed:
    """A feed and what it wrote."""

    def __init__(self, protocol: str, encoder: Encoder | None = None) -> None:
        self.protocol = protocol_of(protocol)
        self.log = Collector()
        self.feed = Feed(self.protocol, InstrumentFile(None), self.log, encoder)
        self._received = 0

    def take(self, *texts: bytes, connection: str = "c") -> None:
        for text in texts:
            self._received += 1
            self.feed.receive(self.protocol.decode(text), text, self._received, connection)

    def hand(self, message: Message) -> None:
        self._received += 1
        self.feed.receive(message, b"...", self._received, "c")


def binance(number: int, symbol: str = "BTCUSDT") -> bytes:
    """A trade of Binance."""
    return b'{"e":"trade","E":2,"s":"%b","t":%d,"p":"1.5","q":"2","T":1,"m":false,"M":true}' % (
        symbol.encode(),
        number,
    )
