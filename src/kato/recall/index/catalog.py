"""The segments of each knowledge base: opened, kept up with learning and forgetting, and shared.

A segment answers for a range of ids. What is learned is added as a new segment by one thread in the
background, which joins it with the last ones as long as they are no larger; until then a recall
looks at the rest itself. Large segments are files: another process that finds them maps the same
memory, and one process of a host builds them.

What is forgotten is hidden before the recall that knows of it: the ledger counts how many patterns
were forgotten, so a count that has grown says that there are some to be hidden. They are in the
segments all the same as long as ClickHouse has their rows: some may be given back, which is counted
too.
"""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import structlog

from kato.errors import Conflict
from kato.recall.background import Background
from kato.recall.index.build import build
from kato.recall.index.files import Damaged, SegmentFile, chain, load, save, segment_files
from kato.recall.index.segment import Shelved
from kato.recall.query import Query
from kato.storage.clickhouse.ids import PatternIds
from kato.storage.clickhouse.patterns import PatternTables
from kato.storage.ledger.journal import Sequences

LARGEST = 4_000_000
"""Ids a segment answers for at most: it bounds the memory that building one takes."""

FILED = 50_000
"""Ids from which on a segment is worth a file."""

BLOCK = 250_000
"""Ids that are read from ClickHouse at a time."""


class View(msgspec.Struct, frozen=True, eq=False):
    """What the index knows for one recall.

    Attributes:
        shelves: Segments, ids ascending.
        covered: They answer for all ids up to this one.
    """

    shelves: tuple[Shelved, ...]
    covered: int


class Progress(msgspec.Struct, frozen=True):
    """How far the index of a knowledge base is.

    Attributes:
        covered: All pattern ids up to this one are in it.
        wanted: The last id a recall has asked for.
        segments: How many there are.
        bytes: Memory they take, mapped files included.
    """

    covered: int
    wanted: int
    segments: int
    bytes: int


class _Entry:
    """The segments of one knowledge base."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.shelves: tuple[Shelved, ...] = ()
        self.opened = False
        self.wanted = 0
        self.forgotten: set[int] = set()
        self.accounted = 0
        self.restored = 0
        self.bytes = 0

    @property
    def covered(self) -> int:
        return self.shelves[-1].last if self.shelves else 0

    def replace(self, shelves: tuple[Shelved, ...]) -> None:
        """Let segments take the place of those from their first id on."""
        for shelf in shelves:
            shelf.hide(_array(self.forgotten))
        first = shelves[0].first if shelves else 1
        before = tuple(shelf for shelf in self.shelves if shelf.last < first)
        self.shelves = before + shelves
        self.bytes = sum(shelf.bytes for shelf in self.shelves)


class Catalog:
    """Segments of knowledge bases, for all threads of a process.

    Args:
        tables: Where patterns are read from.
        ids: Where ids are read from.
        folder: Where large segments are kept, shared by the processes of a host.
        limit: Bytes all segments may take; those asked for longest ago are let go.

    Attributes:
        limit: The same.
        background: Extends the index.
    """

    def __init__(self, tables: PatternTables, ids: PatternIds, folder: Path, limit: int) -> None:
        self._tables = tables
        self._ids = ids
        self._folder = folder
        self.limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self.background = Background("kato-index", self._serve, self._tidy)

    def view(self, query: Query) -> View:
        """The segments for a recall; what they do not cover is asked for in the background.

        Raises:
            StoreUnavailable: ClickHouse does not say what was forgotten.
        """
        entry = self._entry(query.kb)
        with entry.lock:
            if not entry.opened:
                self._open(query.kb, entry, query)
            if query.restored > entry.restored:
                self._show_again(query, entry)
            elif query.forgotten > entry.accounted:
                self._hide(query, entry)
            view = View(entry.shelves, entry.covered)
            entry.wanted = max(entry.wanted, query.first_of_tail - 1)
        if entry.wanted > view.covered:
            self.background.ask(query.kb)
        return view

    def progress(self, kb: int) -> Progress:
        """How far the index of a knowledge base is."""
        entry = self._entry(kb)
        return Progress(entry.covered, entry.wanted, len(entry.shelves), entry.bytes)

    def extend(self, kb: int) -> None:
        """Index what recalls have asked for, in the caller's thread.

        Raises:
            StoreUnavailable: ClickHouse cannot be read.
        """
        entry = self._entry(kb)
        before = -1
        while before < entry.covered < entry.wanted:
            before = entry.covered
            last = min(entry.wanted, before + LARGEST)
            self._add(kb, entry, self._first(entry, last), last)

    def files(self, kb: int) -> list[SegmentFile]:
        """The segments of a knowledge base that are files, by ids."""
        return segment_files(self._home(kb))

    def discard(self, kb: int, file: SegmentFile) -> None:
        """Let go of a file; what it answered for is indexed again by the recalls that follow."""
        file.path.unlink(missing_ok=True)
        with self._lock:
            self._entries.pop(kb, None)

    def rebuild(self, kb: int, last: int) -> Iterator[int]:
        """Index all patterns up to an id anew, in place of what there is.

        Segments that others have mapped stay theirs until they let go of them. A call that is cut
        off leaves nothing that is wrong: what is missing is indexed by the recalls that follow.

        Args:
            kb: The knowledge base's number.
            last: The last id; ClickHouse has every pattern up to it.

        Yields:
            After each segment, the id up to which all are covered.

        Raises:
            Conflict: Another process builds it.
            StoreUnavailable: ClickHouse cannot be read.
        """
        for file in self.files(kb):
            self.discard(kb, file)
        entry = self._entry(kb)
        with entry.lock:
            entry.opened, entry.wanted = True, last
        while entry.covered < last:
            before = entry.covered
            stop = min(last, before + LARGEST)
            self._add(kb, entry, self._first(entry, stop), stop)
            if entry.covered == before:
                raise Conflict(
                    "another process builds the recall index of this knowledge base",
                    remedy="let it, or stop it and run it again",
                )
            yield entry.covered

    def close(self) -> None:
        """Stop the background; segments that are files stay."""
        self.background.close()

    def _entry(self, kb: int) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(kb, _Entry())
            self._entries.move_to_end(kb)
            return entry

    def _open(self, kb: int, entry: _Entry, query: Query) -> None:
        """Map the files there are."""
        entry.opened = True
        entry.replace(self._filed(kb, query.first_of_tail - 1))
        if query.forgotten and entry.shelves:
            self._hide_all(query, entry)

    def _filed(self, kb: int, last: int) -> tuple[Shelved, ...]:
        """The segments that are files, as far as ``last``."""
        files = [file for file in segment_files(self._home(kb)) if file.last <= last]
        shelves = []
        for file in chain(files):
            try:
                shelves.append(load(file))
            except Damaged as error:
                file.path.unlink(missing_ok=True)
                _warn("a segment of the recall index is damaged and built anew", file, error)
                break
            except (
                OSError
            ) as error:  # it may be as good as ever: there are only too many open files
                _warn("a segment of the recall index cannot be read", file, error)
                break
        return tuple(shelves)

    def _hide(self, query: Query, entry: _Entry) -> None:
        """Hide what was forgotten since the last recall that knew of more."""
        told = self._ids.forgotten(query.kb).tolist()
        fresh = (query.tail.forgotten | set(told)) - entry.forgotten
        if entry.shelves and len(fresh) != query.forgotten - entry.accounted:
            # Some are deleted already, and nobody told which.
            self._hide_all(query, entry)
        self._hide_these(entry, fresh, query.forgotten)

    def _hide_all(self, query: Query, entry: _Entry) -> None:
        present = self._ids.present(query.kb, entry.covered)
        for shelf in entry.shelves:
            shelf.hide_all_but(present)
        self._hide_these(entry, query.tail.forgotten, query.forgotten)

    def _show_again(self, query: Query, entry: _Entry) -> None:
        """Hide just what is forgotten now: something was given back since."""
        gone = query.tail.forgotten
        present = np.setdiff1d(self._ids.present(query.kb, entry.covered), _array(gone))
        for shelf in entry.shelves:
            shelf.show_only(present)
        entry.forgotten = gone | set(self._ids.forgotten(query.kb).tolist())
        entry.accounted, entry.restored = query.forgotten, query.restored

    def _hide_these(self, entry: _Entry, ids: set[int], accounted: int) -> None:
        entry.forgotten |= ids
        for shelf in entry.shelves:
            shelf.hide(_array(ids))
        entry.accounted = max(entry.accounted, accounted)

    def _first(self, entry: _Entry, last: int) -> int:
        """Where the segment up to ``last`` begins: it takes in those that are no larger."""
        first = entry.covered + 1
        for shelf in reversed(entry.shelves):
            size = last - first + 1
            if shelf.last - shelf.first + 1 > 2 * size or last - shelf.first + 1 > LARGEST:
                break
            first = shelf.first
        return first

    def _add(self, kb: int, entry: _Entry, first: int, last: int) -> None:
        """Build the segment of these ids, in place of those it takes in."""
        if last - first + 1 < FILED:
            self._publish(entry, (self._built(kb, first, last),))
            return
        with self._one_builder(kb) as alone:
            filed = self._filed(kb, entry.wanted)
            if filed and filed[-1].last > entry.covered:  # another process was faster
                self._publish(entry, filed)
            elif alone:
                self._publish(entry, (self._kept(kb, self._built(kb, first, last)),))

    def _built(self, kb: int, first: int, last: int) -> Shelved:
        parts = []
        for start in range(first, last + 1, BLOCK):
            ids = {"first": start, "last": min(start + BLOCK - 1, last)}
            within = "id >= {first:UInt64} AND id <= {last:UInt64}"
            parts.append(self._tables.where(kb, within, ids, hide=False))
        return build(Sequences.join(parts), first, last)

    def _kept(self, kb: int, built: Shelved) -> Shelved:
        """The segment as a file; in memory, with a warning, if it cannot be written."""
        try:
            file = save(built, self._home(kb))
            kept = load(file)
        except (OSError, Damaged) as error:
            structlog.get_logger(__name__).warning(
                "a segment of the recall index cannot be kept, it is built again at the next start",
                folder=str(self._home(kb)),
                reason=str(error),
            )
            return built
        self._remove_replaced(kb, file)
        return kept

    def _remove_replaced(self, kb: int, new: SegmentFile) -> None:
        for file in segment_files(self._home(kb)):
            if file != new and new.first <= file.first and file.last <= new.last:
                file.path.unlink(missing_ok=True)

    def _publish(self, entry: _Entry, shelves: tuple[Shelved, ...]) -> None:
        with entry.lock:
            entry.replace(shelves)

    @contextmanager
    def _one_builder(self, kb: int) -> Iterator[bool]:
        """Whether this process is the one that builds files for a knowledge base now."""
        home = self._home(kb)
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock = (home / "lock").open("w")
        except OSError:
            yield True  # nobody shares a folder that cannot be written
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _home(self, kb: int) -> Path:
        return self._folder / str(kb)

    def _serve(self, kb: int) -> None:
        self.extend(kb)
        self._let_go(kb)

    def _let_go(self, newest: int) -> None:
        """Drop the segments that were asked for longest ago, where all take too much."""
        with self._lock:
            total = sum(entry.bytes for entry in self._entries.values())
            for kb in [kb for kb in self._entries if kb != newest]:
                if total <= self.limit:
                    return
                total -= self._entries.pop(kb).bytes

    def _tidy(self) -> None:
        """Remove the files of knowledge bases that were given up."""
        if not self._folder.is_dir():
            return
        kbs = [int(home.name) for home in self._folder.iterdir() if home.name.isdecimal()]
        for kb in self._ids.cleared(kbs) if kbs else ():
            shutil.rmtree(self._home(kb), ignore_errors=True)
            with self._lock:
                self._entries.pop(kb, None)


def _warn(what: str, file: SegmentFile, error: Exception) -> None:
    structlog.get_logger(__name__).warning(what, file=str(file.path), reason=str(error))


def _array(ids: set[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.fromiter(ids, np.int64, len(ids))
