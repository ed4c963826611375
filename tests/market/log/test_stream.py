"""What the log in the ledger's server does beside what all logs do."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.market.log.logs import StreamLog, whole

from kato.errors import StoreFull, StoreUnavailable
from kato.market.ingest.intents import Intent, Intents
from kato.market.log.records import Position, Record, Span, dead_letter_topic, raw_topic
from kato.market.log.stream import BATCH_BYTES, BATCH_RECORDS, StreamReader, StreamWriter
from kato.storage.ledger.connection import SHARD

MB = 1 << 20


@pytest.fixture(scope="module")
def kind(embedded_log: StreamLog) -> StreamLog:
    """The embedded one only: scripts are the same on a server."""
    return embedded_log


def fresh_raw_topic() -> str:
    return raw_topic(secrets.token_hex(6))


def fresh_dead_letter_topic() -> str:
    return dead_letter_topic(secrets.token_hex(6))


def ingest(kind: StreamLog, topic: str, start: int, stop: int) -> None:
    """Carry records, as ingest would."""
    connection = kind.connect()
    intents = Intents(connection, topic)
    intent = Intent((Span(topic, 0, start, stop),), secrets.token_hex(16))
    intents.claim(intent)
    intents.done(intent)
    connection.close()


def kept(kind: StreamLog, topic: str) -> list[Record]:
    """All records that a topic holds."""
    reader = kind.reader()
    (records,) = whole(reader, topic).values()
    reader.close()
    return records


def test_an_id_is_the_offset(kind: StreamLog) -> None:
    topic, writer = fresh_raw_topic(), kind.writer()
    for number in range(3):
        writer.send(topic, "key", b"%d" % number, {})
    writer.close()
    connection = kind.connect()
    entries = connection.command("XRANGE", f"{SHARD}:log:{topic}", "-", "+")
    connection.close()
    assert [entry[0] for entry in entries] == [b"1-0", b"1-1", b"1-2"]
    assert [record.offset for record in kept(kind, topic)] == [0, 1, 2]


def test_records_are_kept_soon_without_a_flush(kind: StreamLog) -> None:
    topic, writer, reader = fresh_raw_topic(), kind.writer(), kind.reader()
    writer.send(topic, "key", b"value", {})
    assert [record.value for record in reader.poll({Position(topic, 0): 0}, 10, 5)] == [b"value"]
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    ("count", "size"), [(3 * BATCH_RECORDS + 7, 5), (9, BATCH_BYTES // 3), (2, 3 * BATCH_BYTES)]
)
def test_steps_are_bounded(
    kind: StreamLog, monkeypatch: pytest.MonkeyPatch, count: int, size: int
) -> None:
    connection = kind.connect()
    steps: list[int] = []
    append = connection._scripts["log_append"]

    def counting(**arguments: Any) -> Any:
        entries = arguments["args"][6:]
        assert len(entries) <= BATCH_RECORDS
        assert sum(map(len, entries)) <= BATCH_BYTES or len(entries) == 1
        steps.append(len(entries))
        return append(**arguments)

    monkeypatch.setitem(connection._scripts, "log_append", counting)
    topic, writer = fresh_raw_topic(), StreamWriter(connection, buffer_mb=64)
    for number in range(count):
        writer.send(topic, "key", b"%d" % number + bytes(size), {})
    writer.close()
    assert sum(steps) == count
    assert [record.value.rstrip(b"\0") for record in kept(kind, topic)] == [
        b"%d" % number for number in range(count)
    ]


def test_a_lost_answer_adds_nothing(kind: StreamLog, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = kind.connect()
    append = connection._scripts["log_append"]
    runs = 0

    def losing(**arguments: Any) -> Any:
        nonlocal runs
        answer = append(**arguments)
        runs += 1
        if runs % 2:
            raise redis.ConnectionError("the answer got lost")
        return answer

    monkeypatch.setitem(connection._scripts, "log_append", losing)
    topic, writer = fresh_raw_topic(), StreamWriter(connection)
    for number in range(20):
        writer.send(topic, "key", b"%d" % number, {})
        writer.flush()
    writer.close()
    assert runs == 40
    assert [record.value for record in kept(kind, topic)] == [b"%d" % n for n in range(20)]


def test_a_full_log_makes_the_writer_fail(kind: StreamLog) -> None:
    topic, writer = fresh_raw_topic(), kind.writer(limit_mb=1, deadline=0.3)
    for _ in range(10):
        writer.send(topic, "key", bytes(100_000), {})
    writer.flush()
    writer.send(topic, "key", bytes(100_000), {})
    began = time.monotonic()
    with pytest.raises(StoreFull, match="KATO_MARKET_LOG_LIMIT_MB"):
        writer.flush()
    assert 0.1 < time.monotonic() - began < 3
    with pytest.raises(StoreFull):
        writer.send(topic, "key", b"refused", {})
    with pytest.raises(StoreFull):
        writer.close()
    assert len(kept(kind, topic)) == 10


def test_a_full_log_goes_on_when_ingest_has_taken_some(kind: StreamLog) -> None:
    topic, writer = fresh_raw_topic(), kind.writer(limit_mb=1, deadline=20)
    for number in range(10):
        writer.send(topic, "key", b"%d" % number + bytes(100_000), {})
    writer.flush()
    writer.send(topic, "key", b"next", {})
    writer.send(topic, "key", bytes(100_000), {})
    flushed = threading.Thread(target=writer.flush)
    flushed.start()
    time.sleep(0.1)
    assert flushed.is_alive()
    ingest(kind, topic, 0, 5)
    flushed.join(10)
    assert not flushed.is_alive()
    writer.close()
    found = kept(kind, topic)
    assert [record.offset for record in found] == list(range(5, 12))
    assert found[5].value == b"next"


def test_a_full_buffer_makes_the_writer_wait_and_then_fail(kind: StreamLog) -> None:
    topic, writer = fresh_raw_topic(), kind.writer(limit_mb=1, deadline=0.5, buffer_mb=1)
    began = time.monotonic()
    with pytest.raises((StoreFull, StoreUnavailable)):
        _send_on(writer, topic)
    assert time.monotonic() - began < 5
    with pytest.raises((StoreFull, StoreUnavailable)):
        writer.close()
    assert len(kept(kind, topic)) == 20


def test_old_dead_letters_give_way(kind: StreamLog) -> None:
    topic, writer = fresh_dead_letter_topic(), kind.writer(limit_mb=1, deadline=1)
    for number in range(40):
        writer.send(topic, "key", b"%d" % number + bytes(100_000), {})
    writer.close()
    offsets = [record.offset for record in kept(kind, topic)]
    assert offsets == list(range(offsets[0], 40))
    assert 3 <= len(offsets) <= 10


def test_a_record_larger_than_the_log_may_be_is_taken_alone(kind: StreamLog) -> None:
    for topic in (fresh_raw_topic(), fresh_dead_letter_topic()):
        writer = kind.writer(limit_mb=0.5, deadline=1)
        writer.send(topic, "key", bytes(MB), {})
        writer.close()
        assert len(kept(kind, topic)[0].value) == MB


@pytest.mark.parametrize(("log_name", "left"), [("stream", 3), ("kafka elsewhere", 5)])
def test_ingest_of_another_log_leaves_the_stream_alone(
    kind: StreamLog, monkeypatch: pytest.MonkeyPatch, log_name: str, left: int
) -> None:
    topic, writer, reader, connection = (
        fresh_raw_topic(),
        kind.writer(),
        kind.reader(),
        kind.connect(),
    )
    for _ in range(5):
        writer.send(topic, "key", b"value", {})
    writer.close()
    monkeypatch.setattr(StreamReader, "name", log_name)
    intents = Intents.of(connection, reader)
    intent = Intent((Span(topic, 0, 0, 2),), secrets.token_hex(16))
    intents.claim(intent)
    intents.done(intent)
    assert len(kept(kind, topic)) == left
    assert intents.positions()[Position(topic, 0)] == 2
    reader.close()
    connection.close()


def test_topics_do_not_wait_for_each_other_to_be_read(kind: StreamLog) -> None:
    first, second, writer, reader = (
        fresh_raw_topic(),
        fresh_raw_topic(),
        kind.writer(),
        kind.reader(),
    )
    for number in range(20):
        writer.send((first, second)[number % 2], "key", b"%d" % number, {})
    writer.flush()
    found = reader.poll({Position(first, 0): 0, Position(second, 0): 5}, 100, 5)
    assert [int(r.value) for r in found if r.topic == first] == list(range(0, 20, 2))
    assert [int(r.value) for r in found if r.topic == second] == list(range(11, 20, 2))
    writer.close()
    reader.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=12))
@pytest.mark.deep
def test_what_is_written_and_let_go_of_leaves_the_rest(
    kind: StreamLog, steps: list[tuple[int, int]]
) -> None:
    """Offsets go on as if nothing had been let go of, whatever comes in between."""
    topic, writer, reader = fresh_raw_topic(), kind.writer(), kind.reader()
    sent = done = 0
    for more, taken in steps:
        for _ in range(more):
            writer.send(topic, "key", b"%d" % sent, {})
            sent += 1
        writer.flush()
        if taken := min(taken, sent - done):
            ingest(kind, topic, done, done + taken)
            done += taken
        position = Position(topic, 0)
        assert reader.bounds(position) == (done, sent)
        found = reader.read([Span(topic, 0, done, sent)])
        assert [(r.offset, int(r.value)) for r in found] == [(n, n) for n in range(done, sent)]
    writer.close()
    reader.close()


def _send_on(writer: Any, topic: str) -> None:
    while True:
        writer.send(topic, "key", bytes(50_000), {})
