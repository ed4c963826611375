"""What records of feeds mean to ingest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from kato.errors import UnreadableInput
from kato.market.feeds.protocols import PROTOCOLS, decode
from kato.market.feeds.sequence import Note
from kato.market.instruments import InstrumentFile
from kato.market.log.records import Record
from kato.market.trade import EXCHANGES, Exchange, Trade


class FeedReading:
    """Reads records as feeds write them; see :class:`kato.market.layers.rows.Reading`.

    Args:
        instruments: Which native symbol means what.
    """

    def __init__(self, instruments: InstrumentFile) -> None:
        self._instruments = instruments

    def follow(self) -> None:
        """Look whether the instruments changed."""
        self._instruments.follow()

    def trades(self, exchange: str, record: Record) -> Sequence[Trade]:
        """The trades of the record's key; what else its text says stands in other records.

        Raises:
            UnreadableInput: It has none that can be read.
        """
        message = decode(_exchange(exchange), record.value)
        found = message.trades
        key = record.key
        if len(found) == 1 and found[0].symbol == key:
            return found
        found = [trade for trade in found if trade.symbol == key]
        if not found:
            raise UnreadableInput("; ".join(message.faults) or f"no trade of {key[:80]!a}")
        return found

    def symbol(self, exchange: str, native: str) -> str | None:
        """The canonical symbol; None if nobody said what the exchange means."""
        found = self._instruments.instruments.find(_exchange(exchange), native)
        return found.symbol if found is not None else None

    def is_consecutive(self, exchange: str) -> bool:
        """Whether the exchange numbers the trades of a symbol without holes."""
        return PROTOCOLS[exchange].consecutive


def notes_of(records: Sequence[Record]) -> list[Note]:
    """What feeds noted; a record that is no note is left out, as it says nothing of trades."""
    notes = []
    for record in records:
        with suppress(msgspec.DecodeError):
            notes.append(msgspec.json.decode(record.value, type=Note))
    return notes


def _exchange(name: str) -> Exchange:
    for exchange in EXCHANGES:
        if exchange == name:
            return exchange
    raise UnreadableInput(f"no raw topic of an exchange: {name[:80]!a}")
