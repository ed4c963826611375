"""What a log holds, and what is asked of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

STREAM = "stream"
"""The name of the log in the ledger's server."""


def raw_topic(exchange: str) -> str:
    """Where what an exchange says is kept as it was received.

    >>> raw_topic("kraken")
    'market.crypto.trades.kraken.raw'
    """
    return f"market.crypto.trades.{exchange}.raw"


def is_raw(topic: str) -> bool:
    """Whether it is one of those that ingest reads.

    >>> is_raw(raw_topic("kraken")), is_raw(normalized_topic("kraken"))
    (True, False)
    """
    return topic.endswith((".raw", ".gaps"))


def normalized_topic(exchange: str) -> str:
    """Where its trades are kept as Avro."""
    return f"market.crypto.trades.{exchange}"


def dead_letter_topic(exchange: str) -> str:
    """Where goes what nobody can read, with the reason in its headers."""
    return f"market.crypto.trades.{exchange}.dlq"


def gap_topic(exchange: str) -> str:
    """Where feeds tell what of an exchange's trades is missing, came again, or came late."""
    return f"market.crypto.trades.{exchange}.gaps"


class Record(msgspec.Struct, frozen=True):
    """An entry of a log.

    Attributes:
        topic: Where it is.
        partition: Of the topic.
        offset: Its place there: 0 or more, ascending, never used again.
        key: The symbol it is about; records of one key keep their order. A message about several
            symbols is there once for each, and each stands for the trades of its key only.
        value: What was received, byte for byte.
        headers: ``received`` (ns since 1970, digits) and ``connection`` (which one it came by), and
            what else the writer says of it.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, bytes]

    @property
    def received(self) -> int:
        """When it was received, ns since 1970; 0 if that is not said."""
        return int(self.headers.get("received", b"0"))


class Position(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Span(NamedTuple):
    """Offsets of a partition, from one up to another."""

    topic: str
    partition: int
    start: int
    stop: int


class LogWriter(Protocol):
    """Takes records; what it has taken is kept, or the next call says that it is not.

    Calls are from one thread.
    """

    def send(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes]) -> None:
        """Take a record; waits while the buffer is full, but no longer than a deadline.

        Raises:
            StoreUnavailable: The log takes nothing, or has lost what it was given.
            StoreFull: It holds as much as it may, and ingest does not take it.
        """

    def flush(self) -> None:
        """Return when all that was taken is kept.

        Raises:
            StoreUnavailable: It is not.
        """

    def close(self) -> None:
        """Flush and let go."""


class LogReader(Protocol):
    """Reads records by their offsets; calls are from one thread."""

    @property
    def name(self) -> str:
        """Which log it is: offsets of one mean nothing in another.

        Raises:
            StoreUnavailable: The log does not answer.
        """

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The partitions there are; none of a topic that nobody wrote to yet."""

    def bounds(self, position: Position) -> tuple[int, int]:
        """The first offset that is still kept, and the one behind the last."""

    def poll(self, after: Mapping[Position, int], rows: int, seconds: float) -> list[Record]:
        """Up to so many records from the given offsets on, in order within a partition.

        Waits up to ``seconds`` for the first.

        Raises:
            StoreUnavailable: The log does not answer.
            StoreUnreadable: Records from an offset on are not kept any more.
        """

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """Exactly the records of these spans, the same at every call."""

    def close(self) -> None:
        """Let go."""
