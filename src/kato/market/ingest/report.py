"""What ingest has done since it began: numbers for whoever watches."""

from __future__ import annotations

import threading
import time

import numpy as np

from kato.market.durations import Durations
from kato.market.ingest.intents import Intent
from kato.market.layers.rows import Batch


class Report:
    """Counts, which only grow, and what is so now.

    Attributes:
        batches: Batches that were carried.
        trades: Trades they held, duplicates too.
        new: Trades that were not there before.
        duplicates: Trades that were.
        invalid: Trades that are in silver but in no candle.
        unreadable: Records that could not be read.
        unknown: Trades of symbols that no instrument is known for.
        waiting: Records that waited in the log when it was looked last, some seconds ago.
        visible_at: When the newest batch was in all layers, ns since 1970; 0 if none was yet.
        delay: Seconds from when its oldest record was received until then; 0 if that is not known.
        visible: That time, counted for each new trade of each batch.
        inserting: Durations of inserts, of one batch each.
    """

    def __init__(self) -> None:
        self.batches = self.trades = self.new = self.duplicates = 0
        self.invalid = self.unreadable = self.unknown = 0
        self.waiting = 0
        self.visible_at = 0
        self.delay = 0.0
        self.visible = Durations()
        self.inserting = Durations()
        self._oldest: int | None = None
        self._lock = threading.Lock()

    def add(self, batch: Batch, intent: Intent) -> None:
        """Count a batch that is done."""
        usable = int(batch.usable().sum())
        new = int(np.unpackbits(np.frombuffer(intent.accepted, np.uint8)).sum())
        self.batches += 1
        self.trades += len(batch)
        self.new += new
        self.duplicates += usable - new
        self.unknown += len(batch) - usable
        self.invalid += batch.invalid
        self.unreadable += len(batch.unreadable)
        self._note_times(batch)
        self.visible_at = time.time_ns()
        self.delay = (self.visible_at - batch.received) / 1e9 if batch.received else 0.0
        if batch.received:
            self.visible.add(self.delay, new)

    def take_oldest(self) -> int | None:
        """When the oldest trade was made that came since this was last asked, ns since 1970."""
        with self._lock:
            oldest, self._oldest = self._oldest, None
        return oldest

    def _note_times(self, batch: Batch) -> None:
        times = batch.times[batch.times > 0]
        if len(times):
            with self._lock:
                oldest = int(times.min())
                self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)
