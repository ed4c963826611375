"""Recordings: what an exchange said, a line of JSON for each text, and their replay.

A recording holds everything, also heartbeats and garbage; it goes through the same code as what
comes by a socket, with the same times and connections, so a replay always writes the same records.
"""

from __future__ import annotations

import gzip
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from kato.errors import UnreadableInput
from kato.market.feeds.clock import Clock
from kato.market.feeds.counts import Counts
from kato.market.feeds.feed import Encoder, Feed
from kato.market.feeds.protocol import Message
from kato.market.feeds.protocols import decode, protocol_of
from kato.market.instruments import InstrumentFile
from kato.market.log.records import LogWriter
from kato.market.trade import EXCHANGES, Exchange


class Received(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a recording.

    Attributes:
        exchange: Who said it.
        received: When, ns since 1970.
        connection: By which one.
        text: What, if it is text.
        base64: What, if it is none.
    """

    exchange: Exchange
    received: int
    connection: str
    text: str = ""
    base64: str = ""

    @classmethod
    def of(cls, exchange: Exchange, received: int, connection: str, payload: bytes) -> Received:
        r"""A line for these bytes.

        >>> Received.of("kraken", 7, "a", b"\xff").payload
        b'\xff'
        """
        try:
            return cls(exchange, received, connection, text=payload.decode())
        except UnicodeDecodeError:
            return cls(exchange, received, connection, base64=b64encode(payload).decode())

    @property
    def payload(self) -> bytes:
        """What was said, byte for byte."""
        return b64decode(self.base64) if self.base64 else self.text.encode()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Received)


class Recorder:
    """A receiver that writes a recording.

    Args:
        exchange: Who speaks.
        path: The file, continued if it is there; compressed if it ends in ``.gz``.

    Attributes:
        counts: What it counts.
    """

    def __init__(self, exchange: Exchange, path: Path) -> None:
        self.counts = Counts()
        self._exchange = exchange
        self._file = _opened(path, "ab")

    def receive(self, message: Message, text: bytes, received: int, connection: str) -> None:
        """Write a line."""
        self.counts.messages += 1
        self.counts.bytes += len(text)
        self.counts.trades += len(message.trades)
        self.counts.message_at = received
        line = Received.of(self._exchange, received, connection, text)
        self._file.write(_encoder.encode(line) + b"\n")

    def reconnected(self, lost: int, now: int, connection: str) -> None:
        """Write nothing: the lines name their connections."""

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """End the recording."""
        self._file.close()


def recorded(path: Path) -> Iterator[Received]:
    """The lines of a recording.

    Raises:
        UnreadableInput: The file cannot be read, or a line is none of a recording.
    """
    number = 0
    try:
        with _opened(path, "rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - named in the error
                yield _decoder.decode(line)
    except (OSError, EOFError, msgspec.DecodeError, ValueError) as error:
        raise UnreadableInput(
            f"{path}, line {number + isinstance(error, (OSError, EOFError))}: {error}",
            remedy="give a file that kato market record wrote",
        ) from error


class Player:
    """Plays recordings: a feed for each exchange that speaks in them.

    Args:
        instruments: What exchanges trade.
        writer: The log.
        encoder: Makes the records of normalized topics, if there are to be any.
    """

    def __init__(
        self, instruments: InstrumentFile, writer: LogWriter, encoder: Encoder | None = None
    ) -> None:
        self._writer = writer
        self._feeds = {
            exchange: Feed(protocol_of(exchange), instruments, writer, encoder)
            for exchange in EXCHANGES
        }

    def counts(self) -> dict[Exchange, Counts]:
        """What was played, by exchange."""
        played = {exchange: feed.counts for exchange, feed in self._feeds.items()}
        return {exchange: counts for exchange, counts in played.items() if counts.messages}

    async def play(self, lines: Iterable[Received], clock: Clock, speed: float) -> None:
        """Play a recording; at the end all of it is kept.

        Args:
            lines: As they were recorded.
            clock: The time.
            speed: 1 as fast as they came, 2 twice as fast; 0 without pauses.

        Raises:
            StoreUnavailable: The log does not take it.
            UnreadableInput: A line is none of a recording.
        """
        began, first = clock.monotonic(), None
        for line in lines:
            first = line.received if first is None else first
            if speed:
                due = began + (line.received - first) / 1e9 / speed
                await clock.sleep(max(0.0, due - clock.monotonic()))
            self._take(line)
        self._writer.flush()

    def _take(self, line: Received) -> None:
        text = line.payload
        message = decode(line.exchange, text)
        self._feeds[line.exchange].receive(message, text, line.received, line.connection)


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, mode))
        return cast("IO[bytes]", path.open(mode))
    except OSError as error:
        raise UnreadableInput(f"cannot open {path}: {error.strerror}") from error
