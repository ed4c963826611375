"""The first patterns of a knowledge base, kept in the process.

They need not be asked for, and they tell how good the best of all will be at least.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kato.recall.query import Query
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.clickhouse.signatures import (
    Reaching,
    Signatures,
    shapes_of,
    signatures_of,
)
from kato.storage.ledger.journal import Sequences

ENDS = (4096, 8192, 16_384, 32_768, 65_536)
"""Ids up to which a sample is read, part by part; about seven megabytes in the end."""

MOST_SYMBOLS = 2_000_000
"""With so many symbols a sample grows no more."""

KEPT = 16
"""Samples that are kept at the same time."""


class Sample:
    """The patterns of a knowledge base up to an id, all that were not forgotten.

    Args:
        parts: The patterns, ids ascending from part to part, and up to which id each part goes.
    """

    def __init__(self, parts: tuple[tuple[int, Sequences], ...] = ()) -> None:
        self.parts = parts

    @property
    def until(self) -> int:
        """The id."""
        return self.parts[-1][0] if self.parts else 0

    @property
    def patterns(self) -> int:
        """How many patterns it holds."""
        return sum(len(part.ids) for _, part in self.parts)

    @property
    def symbols(self) -> int:
        """Symbols of all patterns, repeats included."""
        return sum(len(part.symbols) for _, part in self.parts)

    def up_to(self, last: int) -> Sample:
        """The parts of the sample that lie up to an id."""
        if self.until <= last:
            return self
        return Sample(tuple(part for part in self.parts if part[0] <= last))

    def reaching(self, place: int, wanted: Reaching) -> Sequences:
        """The patterns of a part whose signatures may be those of patterns that are good enough."""
        part = self.parts[place][1]
        enough = wanted.among(self._signatures[place])
        return part if enough.all() else part.take(np.flatnonzero(enough))

    @cached_property
    def _signatures(self) -> list[Signatures]:
        return [signatures_of(part) for _, part in self.parts]

    @cached_property
    def postings(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Distinct :func:`posting_keys`, ascending, and how often each occurs."""
        keys = [_keys_of(part) for _, part in self.parts]
        if not keys:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        return np.unique(np.concatenate(keys), return_counts=True)


def posting_keys(
    symbols: npt.NDArray[np.integer], shapes: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint64]:
    """Symbols and shapes of patterns as one number each.

    >>> posting_keys(np.array([3, 3]), np.array([7, 131])).tolist()
    [775, 899]
    """
    keys: npt.NDArray[np.uint64] = symbols.astype(np.uint64) << np.uint64(8)
    keys |= shapes.astype(np.uint64)
    return keys


def _keys_of(sequences: Sequences) -> npt.NDArray[np.uint64]:
    lengths = np.diff(sequences.offsets)
    shapes = shapes_of(lengths, np.diff(sequences.event_offsets) > 0)
    return posting_keys(sequences.symbols, np.repeat(shapes, lengths))


class Samples:
    """Samples of the knowledge bases that were asked last; safe for threads.

    A sample holds no forgotten pattern: it is taken anew whenever the knowledge base has forgotten
    one, or was given one back.

    Args:
        tables: Where the patterns are.
    """

    def __init__(self, tables: PatternTables) -> None:
        self._tables = tables
        self._lock = threading.Lock()
        self._samples: OrderedDict[tuple[int, ...], Sample] = OrderedDict()

    def of(self, query: Query) -> Sample:
        """The sample of the query's knowledge base; an empty one if that is too small."""
        key = query.kb, query.forgotten, query.restored
        with self._lock:
            known = self._samples.get(key, Sample())
        sample = self._grown(query, known)
        if sample.parts:
            self._keep(key, sample)
        return sample

    def _keep(self, key: tuple[int, ...], sample: Sample) -> None:
        with self._lock:
            self._samples[key] = sample
            self._samples.move_to_end(key)
            if len(self._samples) > KEPT:
                self._samples.popitem(last=False)

    def _grown(self, query: Query, sample: Sample) -> Sample:
        """The sample with all that ClickHouse has by now, as far as a sample goes."""
        for end in ENDS:
            if end >= query.first_of_tail or sample.symbols > MOST_SYMBOLS:
                break
            if end > sample.until:
                part = self._read(query, sample.until, end)
                sample = Sample((*sample.parts, (end, part)))
        return sample

    def _read(self, query: Query, after: int, until: int) -> Sequences:
        condition = "id > {after:UInt64} AND id <= {until:UInt64}"
        found = self._tables.where(query.kb, condition, {"after": after, "until": until})
        return found.without(query.tail.forgotten)
