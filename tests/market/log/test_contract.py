"""What every log does, whatever keeps it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.market.log.logs import TestedLog, whole

from kato.errors import StoreUnreadable
from kato.market.log.records import LogReader, LogWriter, Position, Record, Span

Sent = tuple[str, bytes, dict[str, bytes]]

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
sent_records = st.lists(
    st.tuples(keys, st.binary(max_size=200), st.dictionaries(names, st.binary(), max_size=3)),
    max_size=30,
)
same_log = settings(max_examples=10, deadline=None)


def send(writer: LogWriter, topic: str, records: Iterable[Sent]) -> None:
    """Send records, and wait until they are kept."""
    for record in records:
        writer.send(topic, *record)
    writer.flush()


def numbered(count: int, keys: int = 5) -> list[Sent]:
    """Records with numbers for values."""
    return [
        (f"key {number % keys}", b"%d" % number, {"received": b"%d" % (number * 10)})
        for number in range(count)
    ]


def by_key(records: Iterable[Sent | Record]) -> dict[str, list[tuple[bytes, dict[str, bytes]]]]:
    """Values and headers of each key, in order."""
    found = defaultdict(list)
    for record in records:
        if isinstance(record, Record):
            found[record.key].append((record.value, dict(record.headers)))
        else:
            found[record[0]].append(record[1:])
    return dict(found)


def polled(reader: LogReader, topic: str, count: int, rows: int = 10_000) -> list[Record]:
    """So many records, from the first on."""
    after = {position: reader.bounds(position)[0] for position in reader.partitions([topic])}
    records: list[Record] = []
    end = time.monotonic() + 20
    while len(records) < count and time.monotonic() < end:
        for record in reader.poll(after, rows, 0.2):
            records.append(record)
            after[Position(topic, record.partition)] = record.offset + 1
    return records


def test_what_is_sent_is_read(log: TestedLog) -> None:
    writer, reader = log.writer(), log.reader()

    @same_log
    @given(records=sent_records)
    def it_is(records: list[Sent]) -> None:
        topic = log.make_topic()
        send(writer, topic, records)
        read = [record for part in whole(reader, topic).values() for record in part]
        assert by_key(read) == by_key(records)
        assert {record.topic for record in read} <= {topic}

    it_is()


def test_a_poll_finds_all_in_order(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    records = numbered(5000)
    send(writer, topic, records)
    found = polled(reader, topic, len(records), rows=700)
    assert by_key(found) == by_key(records)
    assert found[0].received % 10 == 0
    offsets: dict[int, list[int]] = defaultdict(list)
    for record in found:
        offsets[record.partition].append(record.offset)
    for part in offsets.values():
        assert part == list(range(len(part)))


def test_a_poll_gives_no_more_than_is_asked_for(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(50))
    after = dict.fromkeys(reader.partitions([topic]), 0)
    sizes = [len(reader.poll(after, rows, 2)) for rows in (1, 7)]
    assert sizes[0] == 1
    assert 1 <= sizes[1] <= 7


def test_a_poll_may_be_repeated_and_go_back(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(50, keys=1))
    position = Position(topic, polled(reader, topic, 1)[0].partition)
    for start in (0, 0, 30, 7):
        found = reader.poll({position: start}, 5, 5)
        assert found[0].offset == start
        assert found[0].value == b"%d" % start


def test_a_poll_waits_for_the_next_record_and_no_longer(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(1))
    position = Position(topic, polled(reader, topic, 1)[0].partition)
    began = time.monotonic()
    assert reader.poll({position: 1}, 100, 0.2) == []
    assert 0.15 < time.monotonic() - began < 2
    send(writer, topic, [("key 0", b"next", {})])
    assert [record.value for record in reader.poll({position: 1}, 100, 10)] == [b"next"]


def test_nothing_is_asked_of_no_partition(log: TestedLog) -> None:
    reader = log.reader()
    assert reader.poll({}, 100, 0.01) == []
    assert reader.read([]) == []


def test_a_span_is_read_the_same_again_and_again(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(3000))
    spans = [
        Span(*position, reader.bounds(position)[1] // 3, reader.bounds(position)[1] // 2)
        for position in reader.partitions([topic])
    ]
    first = reader.read(spans)
    assert len(first) == sum(span.stop - span.start for span in spans) > 0
    assert [record.offset for record in first] == [
        offset for span in spans for offset in range(span.start, span.stop)
    ]
    send(writer, topic, numbered(100))
    polled(reader, topic, 10)
    assert reader.read(spans) == first == log.reader().read(spans)


def test_a_topic_nobody_wrote_to_has_no_partitions(log: TestedLog) -> None:
    assert log.reader().partitions(["market.crypto.trades.nobody.raw"]) == []


def test_a_log_has_one_name(log: TestedLog) -> None:
    assert log.reader().name == log.reader().name != ""


def test_bounds_are_what_is_kept(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(100))
    bounds = [reader.bounds(position) for position in reader.partitions([topic])]
    assert {low for low, _ in bounds} == {0}
    assert sum(high for _, high in bounds) == 100


def test_writers_take_turns(log: TestedLog) -> None:
    topic = log.make_topic()
    for _ in range(3):
        writer = log.writer()
        send(writer, topic, numbered(10, keys=1))
    (records,) = filter(None, whole(log.reader(), topic).values())
    assert [record.value for record in records] == [b"%d" % number for number in range(10)] * 3


def test_what_is_not_kept_any_more_is_told(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(50, keys=1))
    position = Position(topic, polled(reader, topic, 1)[0].partition)
    assert len(reader.poll({position: 0}, 50, 5)) > 0
    log.lose(position, 20)
    low, high = reader.bounds(position)
    assert low >= 20
    for lost in (0, low - 1, high + 5):
        with pytest.raises(StoreUnreadable):
            _until_told(reader, {position: lost})
        with pytest.raises(StoreUnreadable):
            reader.read([Span(*position, lost, high + 10)])
    if low < high:
        assert reader.poll({position: low}, 1, 5)[0].offset == low
        assert reader.read([Span(*position, low, low + 1)])[0].offset == low


@pytest.mark.deep
def test_all_may_be_let_go_of(log: TestedLog) -> None:
    topic, writer, reader = log.make_topic(), log.writer(), log.reader()
    send(writer, topic, numbered(50, keys=1))
    position = Position(topic, polled(reader, topic, 1)[0].partition)
    log.lose(position, 50)
    low, high = reader.bounds(position)
    assert 50 <= low <= high
    with pytest.raises(StoreUnreadable):
        _until_told(reader, {position: 49})
    send(writer, topic, [("key 0", b"after", {})])
    assert reader.read([Span(*position, high, high + 1)])[0].value == b"after"


def _until_told(reader: LogReader, after: dict[Position, int]) -> None:
    """Poll some times: a broker's answer may come after the first."""
    for _ in range(10):
        assert reader.poll(after, 10, 1) == []
