"""Logs that are killed: what was kept is there, and what is not is told in time."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from tests.market.log import mortal
from tests.market.log.logs import whole
from tests.market.log.mortal import Mortal

from kato.errors import KatoError, StoreError, StoreUnavailable
from kato.market.log.records import LogReader, LogWriter, Position

Kind = Callable[[Path], AbstractContextManager[Mortal]]

DEADLINE = 1.5
"""Seconds, of writers that are expected to fail."""

# A broker that dies is in the suite in tests/market/crash.
killed_kinds = pytest.mark.parametrize(
    ("kind", "kills"),
    [
        (mortal.embedded, 3),
        (mortal.server, 3),
        pytest.param(mortal.embedded, 100, marks=pytest.mark.deep),
        pytest.param(mortal.kafka, 20, marks=[pytest.mark.deep, pytest.mark.timeout(900)]),
    ],
)
given_up = pytest.mark.parametrize(
    "kind",
    [mortal.embedded, mortal.server, pytest.param(mortal.kafka, marks=pytest.mark.deep)],
)


class Sender(threading.Thread):
    """Sends numbers as long as it is let.

    Attributes:
        sent: How many it sent.
        kept: How many of them the log said it keeps.
        failure: What the writer said in the end, if it failed.
    """

    def __init__(self, writer: LogWriter, topic: str) -> None:
        super().__init__(daemon=True)
        self._writer = writer
        self._topic = topic
        self._ending = threading.Event()
        self.sent = 0
        self.kept = 0
        self.failure: KatoError | None = None

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                self._send_some()
        except KatoError as error:
            self.failure = error

    def end(self) -> None:
        """Let it send no more."""
        self._ending.set()
        self.join()

    def wait_for(self, more: int) -> None:
        """Until so many more are kept."""
        goal, end = self.kept + more, time.monotonic() + 40
        while self.kept < goal and self.failure is None:
            assert time.monotonic() < end
            time.sleep(0.005)

    def _send_some(self) -> None:
        for _ in range(40):
            self._writer.send(self._topic, "key", b"%d" % self.sent, {})
            self.sent += 1
        self._writer.flush()
        self.kept = self.sent


@pytest.fixture
def killed(kind: Kind, tmp_path: Path) -> Iterator[Mortal]:
    with kind(tmp_path) as mortal:
        yield mortal


@killed_kinds
def test_a_log_that_is_killed_and_comes_back_has_each_record_once(
    killed: Mortal, kills: int
) -> None:
    topic, writer = killed.log.make_topic(), killed.log.writer(deadline=40)
    sender = Sender(writer, topic)
    sender.start()
    for _ in range(kills):
        sender.wait_for(secrets.randbelow(400))
        killed.kill()
        killed.start()
    sender.wait_for(200)
    sender.end()
    writer.close()
    assert sender.failure is None
    assert values(killed, topic) == list(range(sender.sent))


@given_up
def test_what_was_kept_is_there_after_the_writer_gave_up(killed: Mortal) -> None:
    topic, writer = killed.log.make_topic(), killed.log.writer(deadline=DEADLINE)
    sender = Sender(writer, topic)
    sender.start()
    sender.wait_for(500)
    killed.kill()
    sender.join(3 * DEADLINE + 2)
    assert isinstance(sender.failure, StoreUnavailable)
    with pytest.raises(StoreError):
        writer.close()
    killed.start()
    found = values(killed, topic)
    assert sender.kept <= len(found) <= sender.sent
    assert found == list(range(len(found)))


@pytest.mark.parametrize(
    "kind", [mortal.embedded, pytest.param(mortal.mock, marks=pytest.mark.deep)]
)
def test_a_log_that_is_gone_is_told_in_time(killed: Mortal) -> None:
    topic, writer = killed.log.make_topic(), killed.log.writer(deadline=DEADLINE)
    reader = killed.log.reader(deadline=DEADLINE)
    writer.send(topic, "key", b"value", {})
    writer.flush()
    position = next(p for p in reader.partitions([topic]) if reader.bounds(p)[1])
    assert len(reader.poll({position: 0}, 10, 5)) == 1
    killed.kill()
    writer.send(topic, "key", b"lost", {})
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        writer.flush()
    with pytest.raises(StoreUnavailable):
        writer.send(topic, "key", b"refused", {})
    for again in (writer.flush, writer.close):
        with pytest.raises(StoreUnavailable):
            again()
    assert time.monotonic() - began < 3 * DEADLINE
    with pytest.raises(StoreUnavailable):
        reader.bounds(position)
    with pytest.raises(StoreUnavailable):
        reader.partitions([topic])
    with pytest.raises(StoreUnavailable):
        poll_often(reader, {position: 1})
    reader.close()


@pytest.mark.parametrize("kind", [mortal.embedded, mortal.mock])
def test_no_more_waits_than_the_buffer_holds(killed: Mortal) -> None:
    topic = killed.log.make_topic()
    writer = killed.log.writer(deadline=DEADLINE, buffer_mb=1)
    writer.send(topic, "key", b"first", {})
    writer.flush()
    killed.kill()
    began = time.monotonic()
    taken = send_until_refused(writer, topic)
    assert (1 << 19) < taken < (2 << 20)
    assert time.monotonic() - began < 3 * DEADLINE
    with suppress(StoreUnavailable):
        writer.close()


def poll_often(reader: LogReader, after: dict[Position, int]) -> None:
    for _ in range(5):
        assert reader.poll(after, 10, 0.2) == []


def send_until_refused(writer: LogWriter, topic: str) -> int:
    """Send what cannot be compressed; answers how many bytes the writer took."""
    taken = 0
    while taken < 100_000_000:
        try:
            writer.send(topic, "key", secrets.token_bytes(50_000), {})
        except StoreUnavailable:
            break
        taken += 50_000
    return taken


def values(killed: Mortal, topic: str) -> list[int]:
    """The numbers of all records of a topic with one key."""
    reader = killed.log.reader()
    (records,) = filter(None, whole(reader, topic).values())
    reader.close()
    return [int(record.value) for record in records]
