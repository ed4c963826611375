"""The log as batches: each claimed in the ledger, with what was new in it, before it is inserted.

A batch that was claimed is made again from its offsets and the bits that say which of its trades
were new: silver may hold half of it by then, so it cannot be asked. Only when a batch is done its
ids are remembered as seen.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from kato.errors import Conflict, StoreUnreadable
from kato.market.ingest.intents import Intent, Intents
from kato.market.ingest.reading import GAP_TOPICS, parted
from kato.market.ingest.report import Report
from kato.market.ingest.seen import Decision, Seen
from kato.market.ingest.sink import Block
from kato.market.layers import rows
from kato.market.layers.gaps import gap_rows
from kato.market.layers.rows import Batch, Bits, Reading
from kato.market.log.records import LogReader, Position, Record, Span, raw_topic
from kato.market.trade import EXCHANGES

MOST_TRADES = 60_000
"""Of a batch: no view may make more than one block of it, and a block has 65,409 rows."""

TOPICS = (*map(raw_topic, EXCHANGES), *sorted(GAP_TOPICS))
"""What is read."""

LOOK_SECONDS = 1.0
"""How often partitions are looked for that were not there before."""


class Claimed(msgspec.Struct, frozen=True, eq=False):
    """A batch that stands in the ledger, with its rows.

    Attributes:
        intent: As it stands.
        block: What is inserted.
        batch: Its trades.
        decision: What was new, where this process decided it.
    """

    intent: Intent
    block: Block
    batch: Batch
    decision: Decision | None

    @property
    def token(self) -> str:
        """Under which ClickHouse knows it."""
        return self.intent.token

    @property
    def rows(self) -> int:
        """How many offsets it spans: never 0, as batches without trades are carried too."""
        return sum(span.stop - span.start for span in self.intent.spans)


class BatchLog:
    """Raw topics, and those of gaps, as a :class:`kato.storage.batches.Log`. One thread at a time.

    Args:
        reader: Where records are.
        intents: Where batches are claimed.
        reading: Knows what records mean.
        seen: Knows which trades are new.
        seconds: How long a claim waits for records where there are none.
    """

    def __init__(
        self,
        reader: LogReader,
        intents: Intents,
        reading: Reading,
        seen: Seen,
        seconds: float = 0.0,
    ) -> None:
        self._reader = reader
        self._intents = intents
        self._reading = reading
        self._seen = seen
        self._seconds = seconds
        self._after: dict[Position, int] = {}
        self._positions: dict[Position, int] | None = None
        self._looked_at = 0.0
        self._claimed: Claimed | None = None
        self.report = Report()

    def claim(self, rows: int, size: int) -> Claimed | None:
        """The batch that stands or a new one; None if nothing waits.

        Args:
            rows: Most records in a new batch; it holds 60,000 trades at the most.
            size: Not looked at: a record is some hundred bytes.

        Raises:
            StoreUnavailable: The log, the ledger or ClickHouse does not answer.
            StoreUnreadable: Records are lost, or a batch cannot be made again as it was.
            Conflict: Another process ingests for the same group.
        """
        del size
        standing = self._intents.standing()
        if standing is not None:
            return self._again(standing)
        if self._claimed is not None:
            self._start_again()  # an answer was lost: it was done, or it was never claimed
        records = self._reader.poll(self._where(), rows, self._seconds)
        return self._new(records) if records else None

    def read(self, intent: Claimed) -> list[Block]:
        """Its rows, as one block."""
        return [intent.block]

    def done(self, intent: Claimed) -> None:
        """Go on behind it, and remember what was new."""
        self._intents.done(intent.intent)
        if intent.decision is None:
            self._start_again()
        else:
            self._seen.keep(intent.decision)
            self._after.update(_stops(intent.intent))
            self._claimed = None
        self.report.add(intent.batch, intent.intent)

    def waiting(self) -> int:
        """How many records waited when it was looked last, some seconds ago."""
        return self.report.waiting

    def _where(self) -> dict[Position, int]:
        """The next offset of each partition; new partitions are looked for once in a while."""
        if self._positions is None:
            self._positions = self._intents.positions()
        if time.monotonic() >= self._looked_at + LOOK_SECONDS:
            self._look()
            self._looked_at = time.monotonic()
        return self._after

    def _look(self) -> None:
        self._reading.follow()
        waiting = 0
        for position in self._reader.partitions(TOPICS):
            if position not in self._after:
                self._after[position] = self._first(position)
            waiting += max(0, self._reader.bounds(position)[1] - self._after[position])
        self.report.waiting = waiting

    def _first(self, position: Position) -> int:
        known = (self._positions or {}).get(position)
        return self._reader.bounds(position)[0] if known is None else known

    def _new(self, records: list[Record]) -> Claimed:
        told, notes = parted(records)
        batch = rows.read(told, self._reading)
        if len(batch) > MOST_TRADES and len(records) > 1:
            return self._new(records[: max(1, len(records) * MOST_TRADES // (2 * len(batch)))])
        decision = self._seen.decide(batch)
        bits = np.packbits(decision.new).tobytes()
        intent = Intent(self._spans(records), secrets.token_hex(16), bits, len(batch))
        gaps = gap_rows(decision.gaps, notes, self._reading)
        block = Block(batch.block(decision.new), gaps)
        self._claimed = Claimed(intent, block, batch, decision)
        try:
            self._intents.claim(intent)
        except Conflict:
            self._start_again()
            raise
        return self._claimed

    def _spans(self, records: Sequence[Record]) -> tuple[Span, ...]:
        last: dict[Position, int] = {}
        for record in records:
            last[Position(record.topic, record.partition)] = record.offset
        return tuple(Span(*at, self._after[at], offset + 1) for at, offset in last.items())

    def _again(self, intent: Intent) -> Claimed:
        """A batch that was claimed before, by this process or by one that ended."""
        if self._claimed is None or self._claimed.token != intent.token:
            told, notes = parted(self._reader.read(intent.spans))
            batch = rows.read(told, self._reading)
            # Holes are made up for when the instrument is met next.
            gaps = gap_rows([], notes, self._reading)
            block = Block(batch.block(_checked(batch, intent)), gaps)
            self._claimed = Claimed(intent, block, batch, None)
        return self._claimed

    def _start_again(self) -> None:
        """Somebody else went on: what this process knows may be old."""
        self._claimed = None
        self._seen.forget()
        self._after, self._positions, self._looked_at = {}, None, 0.0


def _checked(batch: Batch, intent: Intent) -> Bits:
    """Which trades of a batch were new, as its intent says."""
    new = np.unpackbits(np.frombuffer(intent.accepted, np.uint8))[: len(batch)].astype(np.bool_)
    if len(batch) != intent.rows:
        raise StoreUnreadable(
            f"a batch of {intent.rows} trades is {len(batch)} when it is read again",
            remedy="carry it with the release that claimed it",
        )
    lost = np.flatnonzero(new & ~batch.usable())
    if len(lost):
        exchange, native = batch.instruments[batch.instrument[lost[0]]]
        raise StoreUnreadable(
            f"a batch that was begun holds trades of {native!a} on {exchange}, which is no "
            "instrument any more",
            remedy="put the instrument back until the batch is done",
        )
    return new


def _stops(intent: Intent) -> dict[Position, int]:
    return {Position(span.topic, span.partition): span.stop for span in intent.spans}
