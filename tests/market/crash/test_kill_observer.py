"""Bridges killed at random moments: each candle is observed once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.market.cases import fitted, items, learned, taught

import kato
from kato.market.observing import Bridge, session_for
from kato.market.streams import History

KILLS = 2


@pytest.mark.parametrize("kills", [KILLS, pytest.param(40, marks=pytest.mark.deep)])
@pytest.mark.deep
def test_killed_bridges_leave_nothing_out_and_observe_nothing_twice(
    tmp_path: Path, kills: int
) -> None:
    chance, count = random.Random(7), 150 * kills
    command = [sys.executable, "-m", "tests.market.observer", str(tmp_path / "data"), str(count)]
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout as told:
            assert told.readline()  # it has begun to observe
            time.sleep(chance.random() * 0.15)
            process.send_signal(signal.SIGKILL)
        process.wait()
    made = items(count)
    encoding, stream = fitted(made), History("test T/T 1m", made)
    with kato.open(tmp_path / "data") as memory:
        kb = memory.knowledge_base("observed")
        session = session_for(kb, stream, events=3)
        begun = session.time
        bridge = Bridge(session, encoding, stream)
        while bridge.step() is not None:
            pass
        events = list(encoding.events(item.tick for item in made))
        assert 0 < begun < len(events), "the kills came too early or too late to tell anything"
        assert session.time == len(events)
        assert learned(kb) == taught(memory.knowledge_base("plain"), events, 3)
