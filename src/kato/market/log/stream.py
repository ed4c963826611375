"""The log in the ledger's own server: a stream for each topic, of one partition.

An entry's id is ``1-`` and its offset. What ingest is done with is let go of by the step that says
so (see :mod:`kato.market.ingest.intents`); until then a full log makes its writer wait, and then
fail. Topics that ingest does not read, those of normalized trades and of dead letters, keep the
newest records for which there is room.

The server has to be Valkey, or Redis 7 or newer: older ones number no entries of a given time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kato.errors import KatoError, StoreFull, StoreUnavailable, StoreUnreadable
from kato.market.log.records import STREAM, Position, Record, Span, is_raw
from kato.model.identity import new_id
from kato.storage.ledger.connection import Connection

BATCH_RECORDS = 1000
"""Most records of a step; the server answers nobody else meanwhile."""

BATCH_BYTES = 1 << 20

LINGER_SECONDS = 0.005
"""How long a record may wait for others, as each step costs the server a write to disk."""

LONGEST_POLL = 5.0
"""Seconds the server is let wait; an answer that takes much longer would count as lost."""

KNOWN_MS = 3_600_000
"""How long the server knows a writer's last batch, so that a repeat adds nothing."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A record as an entry holds it."""

    key: str
    value: bytes
    headers: dict[str, bytes]


class StreamWriter:
    """Writes records to the server, many in a step, from a thread of its own.

    What the server does not take waits in a bounded buffer and is sent again until the deadline.
    After that every call fails: only another writer goes on. A step that is sent again because
    its answer was lost adds nothing.

    Args:
        connection: To the server; closed with the writer.
        limit_mb: MiB a topic may hold.
        deadline: Seconds a record may wait for the server, or a call for the buffer.
        buffer_mb: MiB that may wait.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        limit_mb: float = 256,
        deadline: float = 30.0,
        buffer_mb: float = 16,
    ) -> None:
        self._connection = connection
        self._limit = int(limit_mb * (1 << 20))
        self._deadline = deadline
        self._buffer = int(buffer_mb * (1 << 20))
        self._id = new_id()
        self._number = 0
        self._failure: Exception | None = None
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._held = 0  # bytes, of what waits and what is under way
        self._hurried = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="kato-log-writer", daemon=True)
        self._thread.start()

    def send(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes]) -> None:
        """Take a record; see :meth:`~kato.market.log.records.LogWriter.send`."""
        entry = msgspec.msgpack.encode(Entry(key, value, dict(headers)))
        with self._changed:
            self._wait_for_room()
            self._waiting.append((topic, entry))
            self._held += len(entry)
            if len(self._waiting) in (1, BATCH_RECORDS):
                self._changed.notify_all()

    def flush(self) -> None:
        """Return when all that was taken is kept."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._failure or not self._held)
            self._hurried = False
            self._refuse_after_failure()

    def close(self) -> None:
        """Flush and let go."""
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            self._thread.join()
            self._connection.close()

    def _wait_for_room(self) -> None:
        def is_free() -> bool:
            return self._failure is not None or self._held < self._buffer

        if not is_free() and not self._changed.wait_for(is_free, self._deadline):
            raise StoreUnavailable(
                f"the log took nothing for {self._deadline:g} s and {self._held} bytes wait",
                remedy="see whether the ledger's server runs",
            )
        self._refuse_after_failure()

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._append(batch)
            except Exception as error:  # noqa: BLE001 - who waits must not wait for a dead thread
                self._end(error)
                return
            with self._changed:
                self._held -= sum(len(entry) for _, entry in batch)
                self._changed.notify_all()

    def _end(self, failure: Exception) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _next_batch(self) -> list[tuple[str, bytes]]:
        """What waits, a while after the first record came; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._changed.wait_for(self._is_due, LINGER_SECONDS)
            count = min(len(self._waiting), BATCH_RECORDS)
            return [self._waiting.popleft() for _ in range(count)]

    def _is_due(self) -> bool:
        return self._hurried or self._closing or len(self._waiting) >= BATCH_RECORDS

    def _append(self, batch: Sequence[tuple[str, bytes]]) -> None:
        for topic, entries in _steps(batch):
            self._number += 1
            self._append_until(time.monotonic() + self._deadline, topic, entries)

    def _append_until(self, end: float, topic: str, entries: Sequence[bytes]) -> None:
        pause = 0.01
        while (failure := self._attempt(topic, entries)) is not None:
            if time.monotonic() + pause > end:
                raise failure
            time.sleep(pause)
            pause = min(pause * 2, 0.2)

    def _attempt(self, topic: str, entries: Sequence[bytes]) -> KatoError | None:
        gives_way = "0" if is_raw(topic) else "1"
        about = (topic, self._id, self._number, self._limit, gives_way, KNOWN_MS)
        try:
            offset = self._connection.run("log_append", *about, *entries)
        except (StoreUnavailable, StoreFull) as error:
            return error
        return None if offset >= 0 else self._full(topic)

    def _full(self, topic: str) -> StoreFull:
        return StoreFull(
            f"the log of {topic} holds {self._limit >> 20} MiB that ingest has not taken",
            remedy="see whether ingest runs, or raise KATO_MARKET_LOG_LIMIT_MB",
        )


class StreamReader:
    """Reads records from the server by their offsets.

    Args:
        connection: To the server; closed with the reader.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._decoder = msgspec.msgpack.Decoder(Entry)

    @property
    def name(self) -> str:
        """There is one in each ledger."""
        return STREAM

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The partitions there are; none of a topic that nobody wrote to yet."""
        return [Position(topic, 0) for topic in topics if self._bounds(topic)]

    def bounds(self, position: Position) -> tuple[int, int]:
        """The first offset that is still kept, and the one behind the last."""
        first, stop = self._bounds(position.topic) or (0, 0)
        return first, stop

    def poll(self, after: Mapping[Position, int], rows: int, seconds: float) -> list[Record]:
        """Up to so many records; see :meth:`~kato.market.log.records.LogReader.poll`."""
        if not after:
            time.sleep(seconds)
            return []
        found = self._entries_after(after, rows, seconds)
        if not found:
            for position, offset in after.items():
                _refuse_lost(Span(*position, offset, offset), *self.bounds(position))
        records: list[Record] = []
        for topic, entries in found.items():
            records += self._records(topic, entries, after[Position(topic, 0)])
        return records[:rows]

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """Exactly the records of these spans, the same at every call."""
        return [record for span in spans if span.start < span.stop for record in self._all_of(span)]

    def close(self) -> None:
        """Let go."""
        self._connection.close()

    def _all_of(self, span: Span) -> list[Record]:
        _refuse_lost(span, *self.bounds(Position(span.topic, span.partition)))
        entries = self._connection.command(
            "XRANGE", self._key(span.topic), f"1-{span.start}", f"1-{span.stop - 1}"
        )
        return list(self._records(span.topic, entries, span.start))

    def _entries_after(
        self, after: Mapping[Position, int], rows: int, seconds: float
    ) -> Mapping[str, Sequence[Any]]:
        share = max(1, rows // len(after))
        wait = min(seconds, LONGEST_POLL)
        block = ("BLOCK", max(1, int(wait * 1000))) if wait else ()
        keys = [self._key(position.topic) for position in after]
        ids = [f"1-{offset - 1}" if offset else "0-0" for offset in after.values()]
        answer = self._connection.command("XREAD", "COUNT", share, *block, "STREAMS", *keys, *ids)
        return _by_topic(answer, len(self._key("")))

    def _records(self, topic: str, entries: Sequence[Any], following: int) -> Iterator[Record]:
        for offset, (number, fields) in enumerate(entries, following):
            found = int(number.rpartition(b"-")[2])
            if found != offset:
                raise _lost(f"the log has no offset {offset} of {topic}: the next is {found}")
            entry = self._decoder.decode(fields[b"record"])
            yield Record(topic, 0, offset, entry.key, entry.value, entry.headers)

    def _key(self, topic: str) -> str:
        return self._connection.key(f"log:{topic}")

    def _bounds(self, topic: str) -> list[int]:
        bounds: list[int] = self._connection.run("log_bounds", topic)
        return bounds


def _steps(batch: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """The entries of each topic in order, so many bytes at a time."""
    begun: dict[str, list[bytes]] = {}
    sizes: dict[str, int] = {}
    for topic, entry in batch:
        if sizes.get(topic, 0) + len(entry) > BATCH_BYTES and begun.get(topic):
            yield topic, begun.pop(topic)
            sizes[topic] = 0
        begun.setdefault(topic, []).append(entry)
        sizes[topic] = sizes.get(topic, 0) + len(entry)
    yield from begun.items()


def _by_topic(answer: Any, start: int) -> Mapping[str, Sequence[Any]]:
    """What the server found, by topic: a key from ``start`` on; protocols differ in the form."""
    found = answer.items() if isinstance(answer, Mapping) else answer or ()
    return {key.decode()[start:]: entries for key, entries in found}


def _refuse_lost(span: Span, low: int, high: int) -> None:
    if span.start < low or span.stop > high:
        raise _lost(
            f"the log keeps offsets {low} to {high} of {span.topic}, "
            f"and not {span.start} to {span.stop}"
        )


def _lost(message: str) -> StoreUnreadable:
    return StoreUnreadable(message, remedy="see what is missing, then move ingest on behind it")
