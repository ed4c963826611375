"""The log in a Kafka-protocol broker.

Traps of the client library, librdkafka:

* A record that could not be delivered is told to a callback only, and the producer goes on; here it
  fails every call from then on, as what came behind it may be kept.
* Without ``auto.offset.reset=error`` a reader whose records are gone goes on somewhere else and
  says nothing.
* A consumer that cannot reach its broker answers that there is nothing; only its error callback
  knows more.
* An empty key counts as none with most partitioners, and is spread over all partitions.
* Asking for the metadata of one topic can create it, with the broker's number of partitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from kato.errors import InvalidConfig, StoreUnavailable, StoreUnreadable
from kato.market.log.properties import SETTING
from kato.market.log.records import Position, Record, Span

CLEARED_EVERY = 64
"""Records after which a writer looks at what was answered; more often costs more than sending."""

PAUSE_SECONDS = 0.05
"""Between two attempts to ask."""

READ_ROWS = 10_000
"""Most records taken from the client at once."""

LOGGED = 4
"""Of what librdkafka says, warnings and worse."""


Properties = Mapping[str, str]
NO_PROPERTIES: Properties = MappingProxyType({})


class KafkaWriter:
    """Writes records: acknowledged by all replicas, each once and in order, compressed.

    What the broker does not take waits in a bounded buffer and is sent again until the deadline.
    After a record was lost every call fails: only another writer goes on.

    Args:
        bootstrap: ``host:port`` of one or more brokers, by commas.
        partitions: Of the topics that have to be made.
        replication: Copies of each; -1 what the broker thinks right.
        deadline: Seconds until what the broker did not take counts as lost.
        buffer_mb: MiB that may wait.
        properties: Of the client, such as how to log in.

    Raises:
        InvalidConfig: The client knows no such property, or no such value of it.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        bootstrap: str,
        *,
        partitions: int = 8,
        replication: int = -1,
        deadline: float = 30.0,
        buffer_mb: int = 64,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        self._bootstrap = bootstrap
        self._deadline = deadline
        self._failure: str | None = None
        self._sent = 0
        common = _common(bootstrap, properties)
        self._topics = _Topics(common, partitions, replication, deadline)
        options = {
            **common,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "partitioner": "murmur2",
            "linger.ms": 5,
            "message.timeout.ms": int(deadline * 1000),
            "queue.buffering.max.kbytes": buffer_mb << 10,
            "delivery.report.only.error": True,
            "on_delivery": self._told,
        }
        with _properties_checked():
            self._producer = Producer(options, logger=structlog.get_logger(__name__))

    def send(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes]) -> None:
        """Take a record; see :meth:`~kato.market.log.records.LogWriter.send`."""
        self._topics.ensure(topic)
        self._sent += 1
        if self._sent % CLEARED_EVERY == 0:
            self._producer.poll(0)
        self._refuse_after_loss()
        named: Any = list(headers.items())  # its types want lists of what may be None
        record = (topic, value, key.encode(), named)
        if not self._takes(*record):
            self._wait_until_it_takes(*record)

    def flush(self) -> None:
        """Return when all that was taken is kept."""
        waiting = self._producer.flush(self._deadline * 2)
        self._refuse_after_loss()
        if waiting:
            raise self._unavailable(f"{waiting} records are not acknowledged")

    def close(self) -> None:
        """Flush and let go."""
        try:
            self.flush()
        finally:
            self._producer.purge()
            self._producer.flush(0)

    def _takes(self, topic: str, value: bytes, key: bytes, headers: Any) -> bool:
        """Give the record to the producer; False if its buffer is full."""
        try:
            self._producer.produce(topic, value, key, headers=headers)
        except BufferError:
            return False
        except KafkaException as error:
            raise self._unavailable(f"it refuses a record: {error.args[0]}") from error
        return True

    def _wait_until_it_takes(self, *record: Any) -> None:
        end = time.monotonic() + self._deadline
        while not self._takes(*record):
            self._producer.poll(0.01)
            self._refuse_after_loss()
            if time.monotonic() > end:
                raise self._unavailable(f"{len(self._producer)} records fill the buffer")

    def _told(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"a record of {message.topic()} is lost: {error.str()}"

    def _refuse_after_loss(self) -> None:
        if self._failure is not None:
            raise self._unavailable(self._failure)

    def _unavailable(self, reason: str) -> StoreUnavailable:
        return _unavailable(self._bootstrap, reason)


class KafkaReader:
    """Reads records by offsets of the caller's; joins no group and commits nothing.

    Offsets are dense, as nothing here writes transactions: a hole is told as a loss.

    Args:
        bootstrap: ``host:port`` of one or more brokers, by commas.
        deadline: Seconds an answer may take.
        properties: Of the client, such as how to log in.

    Raises:
        InvalidConfig: The client knows no such property, or no such value of it.
    """

    def __init__(
        self, bootstrap: str, *, deadline: float = 10.0, properties: Properties = NO_PROPERTIES
    ) -> None:
        self._bootstrap = bootstrap
        self._common = _common(bootstrap, properties)
        self._deadline = deadline
        self._silent = False
        self._next: dict[Position, int] = {}
        self._polling = self._consumer()
        self._reading = self._consumer()

    @property
    def name(self) -> str:
        """The cluster's: offsets of another are none of this one."""
        return f"kafka {self._metadata().cluster_id}"

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The partitions there are; none of a topic that nobody wrote to yet."""
        found = self._metadata().topics
        return [
            Position(topic, partition)
            for topic in topics
            if topic in found
            for partition in sorted(found[topic].partitions)
        ]

    def bounds(self, position: Position) -> tuple[int, int]:
        """The first offset that is still kept, and the one behind the last."""
        place = TopicPartition(*position)
        bounds: tuple[int, int] = self._asked(
            lambda seconds: self._reading.get_watermark_offsets(place, timeout=seconds)
        )
        return bounds

    def poll(self, after: Mapping[Position, int], rows: int, seconds: float) -> list[Record]:
        """Up to so many records; see :meth:`~kato.market.log.records.LogReader.poll`."""
        if not after:
            time.sleep(seconds)
            return []
        self._go_to(after)
        first = self._polling.consume(1, seconds)
        messages = first and [*first, *self._polling.consume(rows - 1, 0)]
        if not messages and self._silent:
            self._metadata()  # fails if nobody answers
            self._silent = False
        records = list(self._records(messages))
        for record in records:
            _refuse_hole(self._next, record)
        return records

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """Exactly the records of these spans, the same at every call."""
        wanted = {Position(*span[:2]): span for span in spans if span.start < span.stop}
        for position, span in wanted.items():
            _refuse_lost(span, *self.bounds(position))
        starts = {position: span.start for position, span in wanted.items()}
        self._reading.assign(_places(starts))
        try:
            found = self._taken(wanted, starts)
        finally:
            self._reading.unassign()
        return [record for span in spans for record in found.get(Position(*span[:2]), ())]

    def close(self) -> None:
        """Let go."""
        self._polling.close()
        self._reading.close()

    def _taken(
        self, wanted: Mapping[Position, Span], following: dict[Position, int]
    ) -> dict[Position, list[Record]]:
        """The records of each span, in order."""
        found: dict[Position, list[Record]] = {position: [] for position in wanted}
        missing = {position: span.stop - span.start for position, span in wanted.items()}
        end = time.monotonic() + self._deadline
        while missing:
            rows = min(sum(missing.values()), READ_ROWS)
            for record in self._records(self._reading.consume(rows, 0.05)):
                position = Position(record.topic, record.partition)
                if position not in missing:
                    continue
                _refuse_hole(following, record)
                found[position].append(record)
                self._count_down(missing, position)
                end = time.monotonic() + self._deadline
            if time.monotonic() > end:
                raise _unavailable(self._bootstrap, f"{sum(missing.values())} records do not come")
        return found

    def _count_down(self, missing: dict[Position, int], position: Position) -> None:
        missing[position] -= 1
        if not missing[position]:
            del missing[position]
            # What was fetched beyond the span would have to be taken before the other partitions'.
            self._reading.incremental_unassign([TopicPartition(*position)])

    def _go_to(self, after: Mapping[Position, int]) -> None:
        if self._next == after:
            return
        self._next = dict(after)
        self._polling.assign(_places(after))

    def _records(self, messages: Sequence[Message]) -> Iterator[Record]:
        for message in messages:
            error = message.error()
            if error is not None:
                self._next = {}  # what is asked for next is sought anew
                raise self._failed(error)
            self._silent = False
            yield _record(message)

    def _metadata(self) -> Any:
        return self._asked(lambda seconds: self._polling.list_topics(timeout=seconds))

    def _asked(self, ask: Callable[[float], Any]) -> Any:
        """The answer; a topic that was just made has no leader for a moment, as one that moves."""
        end = time.monotonic() + self._deadline
        while True:
            try:
                return ask(max(end - time.monotonic(), 0.1))
            except KafkaException as error:
                if time.monotonic() > end - PAUSE_SECONDS:
                    raise self._failed(error.args[0]) from error
                time.sleep(PAUSE_SECONDS)

    def _failed(self, error: KafkaError) -> StoreUnavailable | StoreUnreadable:
        if error.code() in _GONE:
            return _unreadable(f"records are gone from the log: {error.str()}")
        return _unavailable(self._bootstrap, error.str())

    def _consumer(self) -> Consumer:
        options = {
            **self._common,
            "group.id": "kato",  # asked for, and not used
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "queued.max.messages.kbytes": 16 << 10,
            "fetch.error.backoff.ms": 20,
            "fetch.wait.max.ms": 50,  # what is sought anew waits as long for the last answer
            "error_cb": self._heard,
        }
        with _properties_checked():
            return Consumer(options, logger=structlog.get_logger(__name__))

    def _heard(self, _error: KafkaError) -> None:
        self._silent = True


class _Topics:
    """The topics that are there; those that are not are made."""

    def __init__(
        self, common: Mapping[str, Any], partitions: int, replication: int, deadline: float
    ) -> None:
        self._common = dict(common)
        self._partitions = partitions
        self._replication = replication
        self._deadline = deadline
        self._known: set[str] = set()

    def ensure(self, topic: str) -> None:
        """Make the topic if there is none.

        Raises:
            StoreUnavailable: No broker answers, or it makes none.
        """
        if topic in self._known:
            return
        try:
            self._make(topic)
        except KafkaException as error:
            bootstrap = self._common["bootstrap.servers"]
            raise _unavailable(bootstrap, error.args[0].str()) from error
        self._known.add(topic)

    def _make(self, topic: str) -> None:
        admin = AdminClient(self._common)
        if topic in admin.list_topics(timeout=self._deadline).topics:
            return
        wanted = NewTopic(topic, self._partitions, self._replication)
        made = admin.create_topics([wanted], operation_timeout=self._deadline)
        try:
            made[topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


_GONE = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - librdkafka's own errors begin so
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)


def _common(bootstrap: str, properties: Properties) -> dict[str, Any]:
    """What all clients are told; librdkafka would wait up to ten seconds to connect again."""
    return {
        **properties,
        "bootstrap.servers": bootstrap,
        "log_level": LOGGED,
        "reconnect.backoff.ms": 250,
        "reconnect.backoff.max.ms": 1000,
    }


@contextmanager
def _properties_checked() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise InvalidConfig({SETTING: error.args[0].str()}) from error


def _places(offsets: Mapping[Position, int]) -> list[TopicPartition]:
    return [TopicPartition(*position, offset) for position, offset in offsets.items()]


def _record(message: Message) -> Record:
    """A message as a record; what others wrote may have no key, and headers without a value."""
    found: Any = message  # its types allow more than a message without an error has
    headers = found.headers() or ()
    return Record(
        found.topic(),
        found.partition(),
        found.offset(),
        (found.key() or b"").decode(errors="backslashreplace"),
        found.value() or b"",
        {name: value or b"" for name, value in headers},
    )


def _refuse_hole(following: dict[Position, int], record: Record) -> None:
    position = Position(record.topic, record.partition)
    if record.offset != following[position]:
        raise _unreadable(
            f"the log has no offset {following[position]} of {record.topic}, "
            f"partition {record.partition}: the next is {record.offset}"
        )
    following[position] += 1


def _refuse_lost(span: Span, low: int, high: int) -> None:
    if span.start < low or span.stop > high:
        raise _unreadable(
            f"the log keeps offsets {low} to {high} of {span.topic}, partition {span.partition}, "
            f"and not {span.start} to {span.stop}"
        )


def _unreadable(message: str) -> StoreUnreadable:
    return StoreUnreadable(
        message, remedy="let the broker keep records longer; see what is missing, then move on"
    )


def _unavailable(bootstrap: str, reason: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the broker at {bootstrap} failed: {reason}",
        remedy="see whether it runs and KATO_KAFKA_BOOTSTRAP names it",
    )
