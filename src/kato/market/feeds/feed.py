"""A feed: messages of an exchange become records of the log.

===================  ==========================================================================
topic                what is written
===================  ==========================================================================
raw                  the text as it was received, once for each symbol it has trades of
normalized           each trade as Avro, if there is an encoder; not those known to come again
dead letters         texts with something that nobody can read or knows, reason in the headers
gaps                 a :class:`~kato.market.feeds.sequence.Note` in JSON, when there is one
===================  ==========================================================================

A text of which a part can be read goes to the raw topic for that part, and to the dead letters for
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
import structlog

from kato.market.feeds.counts import Counts
from kato.market.feeds.protocol import ExchangeProtocol, Message
from kato.market.feeds.sequence import Note, NoteKind, RecentIds, Seen
from kato.market.feeds.sequence import Sequence as Numbers
from kato.market.instruments import Instrument, InstrumentFile
from kato.market.log.records import (
    LogWriter,
    dead_letter_topic,
    gap_topic,
    normalized_topic,
    raw_topic,
)
from kato.market.trade import Exchange, Trade

Encoder = Callable[[Exchange, Trade, Instrument, int], bytes]
"""Makes the normalized form of a trade; the last argument is when it was received (ns)."""

Cause = Literal["unreadable", "malformed trade", "unknown symbol"]

SHOWN_REASON = 500
MOST_CONNECTIONS = 8
"""Connections whose count of messages is remembered; two overlap when one is replaced."""

_NOTED: Mapping[str, NoteKind] = {
    "gap": "gap",
    "late": "late",
    "duplicate": "duplicate",
    "reset": "reset",
}


class Feed:
    """Takes the messages of one exchange, in one thread, and writes records.

    Args:
        protocol: How the exchange talks.
        instruments: What it trades.
        writer: The log.
        encoder: Makes the records of the normalized topic; without one there are none.

    Attributes:
        counts: What it counts.
        protocol: How the exchange talks.
    """

    def __init__(
        self,
        protocol: ExchangeProtocol,
        instruments: InstrumentFile,
        writer: LogWriter,
        encoder: Encoder | None = None,
    ) -> None:
        self.counts = Counts()
        self.protocol = protocol
        self._exchange = protocol.exchange
        self._consecutive = protocol.consecutive
        self._instruments = instruments
        self._writer = writer
        self._encoder = encoder
        self._raw = raw_topic(self._exchange)
        self._normalized = normalized_topic(self._exchange)
        self._dead = dead_letter_topic(self._exchange)
        self._gaps = gap_topic(self._exchange)
        self._numbers: dict[str, Numbers] = {}
        self._ids: dict[str, RecentIds] = {}
        self._messages: dict[str, Numbers] = {}

    def receive(self, message: Message, text: bytes, received: int, connection: str) -> None:
        """Take a message.

        Args:
            message: What the text says.
            text: As it was received.
            received: When, ns since 1970.
            connection: By which one.

        Raises:
            StoreUnavailable: The log does not take it.
        """
        counts = self.counts
        counts.messages += 1
        counts.bytes += len(text)
        counts.message_at = received
        arrival = _Arrival(text, received, connection)
        if message.sequence is not None:
            self._take_place(message.sequence, arrival)
        if message.faults:
            self._refuse(message, arrival)
        trades = message.trades
        if len(trades) == 1:
            self._take(trades[0].symbol, trades, arrival)
        elif trades:
            for symbol, group in _by_symbol(trades).items():
                self._take(symbol, group, arrival)
        elif message.kind == "heartbeat":
            counts.heartbeats += 1

    def reconnected(self, lost: int, now: int, connection: str) -> None:
        """Note that a connection was lost and another one is live.

        Args:
            lost: When the last message came, ns since 1970.
            now: When the other one went live, ns since 1970.
            connection: The other one.
        """
        self._note(Note(self._exchange, "", "reconnect", lost, now, 0, now, connection))

    def flush(self) -> None:
        """Return when all records are kept.

        Raises:
            StoreUnavailable: They are not.
        """
        self._writer.flush()

    def _take(self, symbol: str, trades: Sequence[Trade], arrival: _Arrival) -> None:
        instrument = self._instruments.instruments.find(self._exchange, symbol)
        if instrument is None:
            self._bury(arrival, "unknown symbol", f"no instrument {symbol[:80]!a}", symbol)
            return
        self._writer.send(self._raw, symbol, arrival.text, arrival.headers)
        self._count(trades, arrival)
        new = self._new(symbol, trades, arrival)
        if self._encoder is not None:
            self._normalize(self._encoder, instrument, new, arrival)

    def _count(self, trades: Sequence[Trade], arrival: _Arrival) -> None:
        counts = self.counts
        counts.records += 1
        counts.trades += len(trades)
        newest = max(trade.time for trade in trades) if len(trades) > 1 else trades[0].time
        if newest > counts.trade_at:
            counts.trade_at = newest
            counts.received_at = arrival.received

    def _normalize(
        self, encoder: Encoder, instrument: Instrument, trades: Sequence[Trade], arrival: _Arrival
    ) -> None:
        for trade in trades:
            value = encoder(self._exchange, trade, instrument, arrival.received)
            self._writer.send(self._normalized, trade.symbol, value, arrival.headers)
        self.counts.normalized += len(trades)

    def _new(self, symbol: str, trades: Sequence[Trade], arrival: _Arrival) -> Sequence[Trade]:
        """The trades that are not known to have come before; what is remarkable is noted."""
        if not (self._consecutive and trades[0].sequence):
            return self._new_by_id(symbol, trades, arrival)
        numbers = self._numbers.get(symbol)
        if numbers is None:
            numbers = self._numbers[symbol] = Numbers()
        if len(trades) == 1 and numbers.is_next(trades[0].sequence):
            return trades
        new, again = [], []
        for trade in trades:
            seen = numbers.take(trade.sequence)
            if seen.kind == "duplicate":
                again.append(trade.sequence)
            else:
                new.append(trade)
                self._note_seen(symbol, seen, arrival)
        self._note_again(symbol, again, arrival)
        return new

    def _new_by_id(
        self, symbol: str, trades: Sequence[Trade], arrival: _Arrival
    ) -> Sequence[Trade]:
        ids = self._ids.get(symbol)
        if ids is None:
            ids = self._ids[symbol] = RecentIds()
        new, again = [], []
        for trade in trades:
            if ids.take(trade.id):
                new.append(trade)
            else:
                again.append(trade.sequence)
        self._note_again(symbol, again, arrival)
        return new

    def _note_seen(self, symbol: str, seen: Seen, arrival: _Arrival) -> None:
        kind = _NOTED.get(seen.kind)
        if kind is not None:
            self._note(
                Note(
                    self._exchange,
                    symbol,
                    kind,
                    seen.after,
                    seen.before,
                    seen.missing,
                    arrival.received,
                    arrival.connection,
                )
            )

    def _note_again(self, symbol: str, numbers: Sequence[int], arrival: _Arrival) -> None:
        if numbers:
            low, high, time = min(numbers), max(numbers), arrival.received
            again = len(numbers)
            self._note(
                Note(
                    self._exchange, symbol, "duplicate", low, high, again, time, arrival.connection
                )
            )

    def _take_place(self, number: int, arrival: _Arrival) -> None:
        numbers = self._messages.get(arrival.connection)
        if numbers is None:
            numbers = self._messages[arrival.connection] = Numbers()
            if len(self._messages) > MOST_CONNECTIONS:
                del self._messages[next(iter(self._messages))]
        if not numbers.is_next(number):
            seen = numbers.take(number)
            self.counts.lost_messages += {"gap": seen.missing, "late": -1}.get(seen.kind, 0)
            self._note_seen("", seen, arrival)

    def _note(self, note: Note) -> None:
        self.counts.notes[note.kind] += note.missing or 1
        headers = {
            "received": str(note.time).encode(),
            "connection": note.connection.encode(),
        }
        self._writer.send(self._gaps, note.symbol, msgspec.json.encode(note), headers)

    def _refuse(self, message: Message, arrival: _Arrival) -> None:
        cause: Cause = "unreadable" if message.kind == "unreadable" else "malformed trade"
        self._bury(arrival, cause, "; ".join(message.faults), "")

    def _bury(self, arrival: _Arrival, cause: Cause, reason: str, symbol: str) -> None:
        self.counts.dead_letters[cause] += 1
        reason = reason[:SHOWN_REASON]
        headers = {
            **arrival.headers,
            "cause": cause.encode(),
            "reason": reason.encode("utf-8", "backslashreplace"),
        }
        self._writer.send(self._dead, symbol, arrival.text, headers)
        structlog.get_logger().debug("dead letter", cause=cause, reason=reason)


class _Arrival:
    """A text, and how it came."""

    __slots__ = ("_headers", "connection", "received", "text")

    def __init__(self, text: bytes, received: int, connection: str) -> None:
        self.text = text
        self.received = received
        self.connection = connection
        self._headers: dict[str, bytes] | None = None

    @property
    def headers(self) -> dict[str, bytes]:
        if self._headers is None:
            self._headers = {
                "received": str(self.received).encode(),
                "connection": self.connection.encode(),
            }
        return self._headers


def _by_symbol(trades: Sequence[Trade]) -> dict[str, list[Trade]]:
    groups: dict[str, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade.symbol, []).append(trade)
    return groups
