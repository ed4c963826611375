"""The log in a broker that ClickHouse reads itself, by its Kafka engine.

The engine carries records into ``market_received`` and commits them to the broker behind that, so
one that is killed in between inserts records again; it never leaves one out. A record is known by
its topic, partition and offset, so whoever reads the table by offsets has each once: from there on
it is a log like any other, with the same intents and the same batches.

What that costs, beside the payloads being stored twice for a while, is time: the engine looks for
records every 500 ms, and after a kill the broker waits for the dead member (45 s, unless the
server's configuration says less) before it lets another read.

Traps of the engine:

* It consumes as a member of a group. Two installations in one group would each get a half.
* In the engine within a process (chDB) a Kafka table cannot be made, and one whose definition is
  kept makes the database unopenable: only a server takes the first hop.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from kato.errors import InvalidConfig, StoreUnavailable, StoreUnreadable
from kato.market.layers.migrations import migrate
from kato.market.log.records import Position, Record, Span
from kato.settings import Settings
from kato.storage.clickhouse.client import DATABASE, ClickHouse

ENGINE_DATABASE = f"{DATABASE}_kafka"
"""Where the tables of the engine are, apart from those that hold something."""

POLL_PAUSE = 0.02
LOOK_SECONDS = 1.0
"""How often the engine is asked for its errors."""

FAILED_WITHIN = 5.0
"""Seconds for which an error of the engine counts as one that lasts."""

_BROKERS = re.compile(r"[A-Za-z0-9_.:,\[\]-]+")

_TABLE = """
CREATE TABLE IF NOT EXISTS {database}.{table} (value String) ENGINE = Kafka
SETTINGS kafka_broker_list = '{brokers}', kafka_topic_list = '{topics}',
    kafka_group_name = '{group}', kafka_format = 'RawBLOB', kafka_handle_error_mode = 'stream',
    kafka_poll_timeout_ms = 50, kafka_flush_interval_ms = 100
"""
_VIEW = """
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.{table}_to_received TO {into}.market_received AS
SELECT '{source}' AS source, _topic AS topic, _partition AS partition, _offset AS offset,
    _key AS key, value, _headers.name AS header_names, _headers.value AS header_values,
    now() AS arrived
FROM {database}.{table}
"""
# A view's name begins as its table's does, so it comes first.
_MADE = "SELECT name FROM system.tables WHERE database = {database:String} ORDER BY name DESC"
_ERRORS = """
SELECT exceptions.text[-1] FROM system.kafka_consumers
WHERE database = {database:String} AND table = {table:String}
    AND exceptions.time[-1] > now() - {seconds:Float64}
"""
_PARTITIONS = """
SELECT DISTINCT topic, partition FROM market_received_stops
WHERE source = {source:String} AND topic IN {topics:Array(String)} ORDER BY ALL
"""
_STOPS = """
SELECT topic, partition, max(stop) FROM market_received_stops
WHERE source = {source:String} GROUP BY topic, partition
"""
_FIRST = """
SELECT offset FROM market_received
WHERE source = {source:String} AND topic = {topic:String} AND partition = {partition:UInt32}
ORDER BY source, topic, partition, offset LIMIT 1
"""
_RECORDS = """
SELECT topic, partition, offset, base64Encode(key), base64Encode(value),
    arrayMap(name -> toValidUTF8(name), header_names),
    arrayMap(value -> base64Encode(value), header_values)
FROM market_received
WHERE source = {{source:String}} AND ({places})
ORDER BY source, topic, partition, offset LIMIT 1 BY topic, partition, offset
"""
# Each condition is one over the order of the table, so only what is asked for is read.
_PLACE = (
    "(topic = {{topic{0}:String}} AND partition = {{partition{0}:UInt32}}"
    " AND offset >= {{start{0}:UInt64}} AND offset < {{stop{0}:UInt64}})"
)


class EngineReader:
    """Reads what the engine carried; see :class:`~kato.market.log.records.LogReader`.

    Args:
        clickhouse: Where that is; asked over a connection of its own.
        bootstrap: ``host:port`` of one or more brokers, by commas, as the server reaches them.
    """

    def __init__(self, clickhouse: ClickHouse, bootstrap: str) -> None:
        self._clickhouse = clickhouse.another()
        self._source = source_of(bootstrap)
        self._looked_at = 0.0

    @property
    def name(self) -> str:
        """The broker's: where the engine reads another, offsets mean something else."""
        return f"engine {self._source}"

    def partitions(self, topics: Sequence[str]) -> list[Position]:
        """The partitions of which something was read."""
        asked = {"source": self._source, "topics": list(topics)}
        return [Position(*row) for row in self._clickhouse.rows(_PARTITIONS, asked)]

    def bounds(self, position: Position) -> tuple[int, int]:
        """The first offset that is still kept, and the one behind the last that was read."""
        stop = self._stops().get(position, 0)
        asked = {"source": self._source, "topic": position.topic, "partition": position.partition}
        first = self._clickhouse.rows(_FIRST, asked)
        return (first[0][0] if first else stop), stop

    def poll(self, after: Mapping[Position, int], rows: int, seconds: float) -> list[Record]:
        """Up to so many records; see :meth:`~kato.market.log.records.LogReader.poll`."""
        end = time.monotonic() + seconds
        while not (spans := self._waiting(after, rows)):
            left = end - time.monotonic()
            if left <= 0:
                self._refuse_failure()
                return []
            time.sleep(min(POLL_PAUSE, left))
        return self.read(spans)

    def read(self, spans: Sequence[Span]) -> list[Record]:
        """Exactly the records of these spans, the same at every call."""
        wanted = [span for span in spans if span.start < span.stop]
        found: dict[Position, list[Record]] = {Position(*span[:2]): [] for span in wanted}
        for record in self._records(wanted):
            found[Position(record.topic, record.partition)].append(record)
        for span in wanted:
            # Offsets are dense, as nothing here writes transactions.
            if len(found[Position(*span[:2])]) != span.stop - span.start:
                raise _lost(span, *self.bounds(Position(*span[:2])))
        return [record for span in wanted for record in found[Position(*span[:2])]]

    def close(self) -> None:
        """Let go."""
        self._clickhouse.close()

    def _waiting(self, after: Mapping[Position, int], rows: int) -> list[Span]:
        """What was read of each partition behind an offset, so many records of all together."""
        stops = self._stops() if after else {}
        spans = [
            Span(*position, offset, stops.get(position, 0)) for position, offset in after.items()
        ]
        for span in spans:
            if span.start > span.stop:
                raise _lost(span, *self.bounds(Position(*span[:2])))
        waiting = [span for span in spans if span.start < span.stop][:rows]
        share = rows // max(1, len(waiting))
        return [span._replace(stop=min(span.stop, span.start + share)) for span in waiting]

    def _stops(self) -> dict[Position, int]:
        rows = self._clickhouse.rows(_STOPS, {"source": self._source})
        return {Position(topic, partition): stop for topic, partition, stop in rows}

    def _records(self, spans: Sequence[Span]) -> list[Record]:
        if not spans:
            return []
        places = " OR ".join(_PLACE.format(number) for number in range(len(spans)))
        asked: dict[str, Any] = {"source": self._source}
        for number, span in enumerate(spans):
            for name, value in zip(("topic", "partition", "start", "stop"), span, strict=True):
                asked[f"{name}{number}"] = value
        rows = self._clickhouse.rows(_RECORDS.format(places=places), asked)
        return [_record(*row) for row in rows]

    def _refuse_failure(self) -> None:
        """Nothing came: because there is nothing, or because the engine cannot read."""
        if time.monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        table = _table_of(self._source)
        asked = {"database": ENGINE_DATABASE, "table": table, "seconds": FAILED_WITHIN}
        for (text,) in self._clickhouse.rows(_ERRORS, asked):
            raise StoreUnavailable(
                f"ClickHouse's Kafka engine fails: {text}",
                remedy="see whether the brokers run and ClickHouse reaches them",
            )


def open_engine(settings: Settings, clickhouse: ClickHouse, topics: Sequence[str]) -> EngineReader:
    """Let ClickHouse read the brokers that the settings name.

    Raises:
        InvalidConfig: There are no brokers, or ClickHouse is embedded.
        StoreUnavailable: ClickHouse does not answer, or has no such engine.
    """
    if not settings.kafka_bootstrap:
        raise InvalidConfig({"KATO_KAFKA_ENGINE": "needs KATO_KAFKA_BOOTSTRAP"})
    if not settings.clickhouse_url:
        reason = "needs a ClickHouse server (KATO_CLICKHOUSE_URL): the embedded one cannot"
        raise InvalidConfig({"KATO_KAFKA_ENGINE": reason})
    start_engine(clickhouse, settings.kafka_bootstrap, topics)
    return EngineReader(clickhouse, settings.kafka_bootstrap)


def start_engine(clickhouse: ClickHouse, bootstrap: str, topics: Sequence[str]) -> None:
    """Let ClickHouse read these topics of these brokers, and nothing else any more.

    What an earlier start made is made anew: it may be of other topics, or of an older release.

    Raises:
        InvalidConfig: The brokers' address is none.
        StoreUnavailable: ClickHouse does not answer, or has no such engine.
    """
    migrate(clickhouse)
    clickhouse.command(f"CREATE DATABASE IF NOT EXISTS {ENGINE_DATABASE}")
    for (name,) in clickhouse.rows(_MADE, {"database": ENGINE_DATABASE}):
        clickhouse.command(f"DROP TABLE IF EXISTS {ENGINE_DATABASE}.`{name}` SYNC")
    installation = clickhouse.rows("SELECT toString(serverUUID())")[0][0]
    for statement in engine_statements(bootstrap, topics, installation):
        clickhouse.command(statement)


def engine_statements(bootstrap: str, topics: Sequence[str], installation: str) -> list[str]:
    """What makes ClickHouse read topics: the parser takes no parameters where this has words.

    Args:
        bootstrap: ``host:port`` of brokers, by commas.
        topics: Their names.
        installation: Whose group it is; of no other server.

    Raises:
        InvalidConfig: The brokers' address is none.
    """
    if not _BROKERS.fullmatch(bootstrap):
        raise InvalidConfig({"KATO_KAFKA_BOOTSTRAP": f"is no host:port: {bootstrap!a}"})
    source = source_of(bootstrap)
    words = {
        "database": ENGINE_DATABASE,
        "into": DATABASE,
        "table": _table_of(source),
        "source": source,
        "brokers": bootstrap,
        "topics": ",".join(topics),
        "group": f"{DATABASE}-{installation}",
    }
    return [statement.format(**words).strip() for statement in (_TABLE, _VIEW)]


def source_of(bootstrap: str) -> str:
    """What rows of these brokers are called.

    >>> source_of("broker:9092")
    '4fc3ca24257aacdc'
    """
    return sha256(bootstrap.encode()).hexdigest()[:16]


def _table_of(source: str) -> str:
    return f"records_{source}"


def _record(  # noqa: PLR0913, PLR0917 - the columns of a row
    topic: str,
    partition: int,
    offset: int,
    key: str,
    value: str,
    names: list[str],
    values: list[str],
) -> Record:
    headers = {name: b64decode(text) for name, text in zip(names, values, strict=True)}
    text = b64decode(key).decode(errors="backslashreplace")
    return Record(topic, partition, offset, text, b64decode(value), headers)


def _lost(span: Span, low: int, high: int) -> StoreUnreadable:
    return StoreUnreadable(
        f"ClickHouse has read offsets {low} to {high} of {span.topic}, partition {span.partition}, "
        f"and not {span.start} to {span.stop}",
        remedy="let the broker keep records longer; see what is missing, then move on",
    )
