"""What records of feeds mean to ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from kato.errors import UnreadableInput
from kato.market.feeds.protocols import PROTOCOLS, decode
from kato.market.feeds.sequence import Note
from kato.market.instruments import InstrumentFile
from kato.market.log.records import Record, gap_topic
from kato.market.trade import EXCHANGES, Exchange, Trade

_EXCHANGES: Mapping[str, Exchange] = {name: name for name in EXCHANGES}
GAP_TOPICS = frozenset(gap_topic(exchange) for exchange in EXCHANGES)
"""Where feeds write what they note."""


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
        if exchange not in _EXCHANGES:
            raise UnreadableInput(f"neither trades nor a note, in {record.topic[:80]!a}")
        message = decode(_EXCHANGES[exchange], record.value)
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
        if exchange not in _EXCHANGES:
            return None
        found = self._instruments.instruments.find(_EXCHANGES[exchange], native)
        return found.symbol if found is not None else None

    def is_consecutive(self, exchange: str) -> bool:
        """Whether the exchange numbers the trades of a symbol without holes."""
        return exchange in PROTOCOLS and PROTOCOLS[exchange].consecutive


def parted(records: Sequence[Record]) -> tuple[Sequence[Record], list[Note]]:
    """What exchanges said, and what feeds noted.

    A record among the notes that is none stays with the former: nobody can read it as trades
    either, so it is kept with the reason.
    """
    told: list[Record] = []
    notes: list[Note] = []
    for record in records:
        note = _note(record) if record.topic in GAP_TOPICS else None
        if note is None:
            told.append(record)
        else:
            notes.append(note)
    return told, notes


def _note(record: Record) -> Note | None:
    try:
        return msgspec.json.decode(record.value, type=Note)
    except msgspec.DecodeError:
        return None
