from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.feeds.collecting import Collector, Fed, binance
from tests.market.feeds.connecting import ImpatientClock

from kato.errors import UnreadableInput
from kato.market.feeds.protocol import Message
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.feeds.recording import Player, Received, Recorder, recorded
from kato.market.instruments import InstrumentFile
from kato.market.simulator.wire import GARBAGE


def record(path: Path, texts: Sequence[bytes], first: int = 1) -> None:
    recorder = Recorder("binance", path)
    for received, text in enumerate(texts, first):
        recorder.receive(PROTOCOLS["binance"].decode(text), text, received, "c")
    recorder.close()


def play(path: Path, speed: float = 0.0, clock: ImpatientClock | None = None) -> Collector:
    log = Collector()
    player = Player(InstrumentFile(None), log)
    asyncio.run(player.play(recorded(path), clock or ImpatientClock(), speed))
    return log


@given(st.binary() | st.text().map(str.encode), st.integers(0, 2**63 - 1))
def test_any_bytes_stay_what_they_are(payload: bytes, received: int) -> None:
    assert Received.of("kraken", received, "c", payload).payload == payload


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_recording_is_what_was_received(tmp_path: Path, name: str) -> None:
    texts = [binance(1), *GARBAGE, binance(2)]
    record(tmp_path / name, texts[:3])
    record(tmp_path / name, texts[3:], first=4)
    lines = list(recorded(tmp_path / name))
    assert [line.payload for line in lines] == texts
    assert [line.received for line in lines] == list(range(1, len(texts) + 1))


def test_a_recording_is_compressed_if_its_name_says_so(tmp_path: Path) -> None:
    record(tmp_path / "a.gz", [binance(1)])
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).startswith(b'{"exchange":"binance"')


def test_a_replay_writes_what_the_feed_wrote(tmp_path: Path) -> None:
    texts = [binance(1), b"garbage", binance(5), binance(3), binance(3), binance(1, "NOSUCH")]
    fed = Fed("binance")
    fed.take(*texts)
    record(tmp_path / "a.jsonl", texts)
    log = play(tmp_path / "a.jsonl")
    assert log.topics == fed.log.topics
    assert log.flushes == 1


def test_exchanges_in_one_recording_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record(path, [binance(1)])
    recorder = Recorder("kraken", path)
    text = b'[1,[["1","2","3.5","b","l",""]],"trade","XBT/USD"]'
    recorder.receive(Message("trades"), text, 9, "k")
    recorder.close()
    log = play(path)
    assert [len(log.raw(exchange)) for exchange in ("binance", "kraken", "coinbase")] == [1, 1, 0]


@pytest.mark.parametrize(("speed", "pauses"), [(1.0, 20.0), (10.0, 2.0), (0.0, 0.0)])
def test_speed(tmp_path: Path, speed: float, pauses: float) -> None:
    path, clock = tmp_path / "a.jsonl", ImpatientClock()
    record(path, [binance(1)])
    record(path, [binance(2)], first=20 * 10**9 + 1)
    play(path, speed, clock)
    assert sum(clock.slept) == pytest.approx(pauses, abs=0.2)


@pytest.mark.parametrize("text", [b"nonsense\n", b'{"exchange":"nasdaq"}\n', b"\xff\n"])
def test_a_line_that_is_none_says_where(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.jsonl"
    record(path, [binance(1)])
    with path.open("ab") as file:
        file.write(text)
    with pytest.raises(UnreadableInput, match=r"a\.jsonl, line 2: "):
        list(recorded(path))


def test_a_recording_that_was_cut_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    record(path, [binance(number) for number in range(100)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableInput):
        list(recorded(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="cannot open"):
        list(recorded(tmp_path / "none"))
