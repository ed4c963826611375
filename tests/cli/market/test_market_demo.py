"""The demo as a user starts it: candles and predictions come, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import psutil
import pytest


@pytest.mark.deep
def test_the_demo_shows_predictions_and_ends_cleanly() -> None:
    command = [sys.executable, "-m", "kato", "market", "demo", "--speed", "600", "--faults"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    told = []
    deadline = time.monotonic() + 90
    for line in process.stdout:
        told.append(line)
        if len(told) > 14 or time.monotonic() > deadline:
            break
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=60)
    out = "".join(told) + rest
    assert process.returncode == 0, complaints
    assert len(re.findall(r"\{ret:\S+ rng:\S+ vol:\S+\}", out)) > 8
    assert "guesses of ret: right" in rest or "nothing guessed yet" in rest
    assert re.search(r"stopped: [\d,]+ trades received, [1-9][\d,]* distinct ones", rest)
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert gone
    assert not alive, "no store is left behind"
