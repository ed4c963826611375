"""``kill -9`` between clear and undo: each was done wholly or not at all, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.crash.test_kill import ROOT, valkey_pid
from tests.crash.undoer import KB, PATTERNS, held

import kato


def killed(data: Path, seconds: float) -> tuple[str, int]:
    """What it held before, and how many changes it was told are done."""
    command = [sys.executable, "-m", "tests.crash.undoer", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        before = victim.stdout.readline().rstrip("\n")
        assert before, "it ended before it had learned; its standard error says why"
        time.sleep(seconds)
        os.kill(valkey_pid(data), signal.SIGKILL)
        victim.kill()
        whole = [line for line in victim.stdout if line.endswith("\n")]
    return before, int(whole[-1]) if whole else 0


def crash(data: Path, seconds: float) -> None:
    before, done = killed(data, seconds)
    with kato.open(data) as memory:
        kb = memory.knowledge_base(KB)
        patterns = kb.stats().patterns
        after = {0: PATTERNS, 1: 0, 2: PATTERNS, 3: PATTERNS - 1}
        assert patterns in {after[done % 4], after[(done + 1) % 4]}
        memory.flush()
        memory._engines.writer._upkeep()
        if patterns < PATTERNS:
            kb.undo()
        assert held(kb) == before
        memory.flush()
        assert held(kb) == before
        assert kb.undoable() == []


def test_killed_while_it_undoes(tmp_path: Path) -> None:
    crash(tmp_path, 0.3)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_killed_while_it_undoes_again_and_again(tmp_path: Path) -> None:
    rng = random.Random(7)
    for number in range(40):
        crash(tmp_path / str(number), rng.uniform(0, 1.5))
