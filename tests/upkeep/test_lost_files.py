"""The files of a ledger are gone: the memory is opened again after a rebuild, cut off or not."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.memory import answering
from tests.upkeep.contents import contents

import kato
from kato.errors import StoreRebuilding, StoreUnreadable
from kato.upkeep.rebuild_ledger import rebuild_ledger
from kato.upkeep.verify import verify


def answers(memory: kato.Memory) -> list[bytes]:
    """Statistics, symbols, and some predictions."""
    kb = memory.knowledge_base()
    asked = [kb.predict(question) for question in answering.questions()[:4]]
    return list(map(msgspec.json.encode, [*asked, *kb.symbols(), kb.stats()]))


def test_the_files_of_the_ledger_are_deleted(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with kato.open(data) as memory:
        memory.knowledge_base().learn_many(answering.history())
        answering.forgotten(memory.knowledge_base())
        before, told = contents(memory._engines), answers(memory)
    shutil.rmtree(data / "ledger")
    with pytest.raises(StoreUnreadable, match="run kato rebuild ledger"):
        kato.open(data)
    steps: list[tuple[int, int]] = []
    rebuilt = rebuild_ledger(path=data, progress=lambda done, total: steps.append((done, total)))
    patterns = len(before["held"]["default"]["names"])
    assert (rebuilt.knowledge_bases, rebuilt.patterns) == (1, patterns)
    assert steps[-1][0] == patterns
    with kato.open(data) as memory:
        assert contents(memory._engines) == before
        assert answers(memory) == told


def test_a_ledger_that_is_there_is_not_rebuilt(tmp_path: Path) -> None:
    with kato.open(tmp_path / "data") as memory:
        memory.knowledge_base().learn([["a"], ["b"]])
    with pytest.raises(StoreUnreadable, match="the ledger is not empty"):
        rebuild_ledger(path=tmp_path / "data")


def test_there_is_nothing_to_rebuild_from(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreadable, match="nothing to rebuild the ledger from"):
        rebuild_ledger(path=tmp_path / "data")


def test_numbers_of_cleared_knowledge_bases_are_not_given_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with kato.open(data) as memory:
        memory.knowledge_base("gone").learn([["a"], ["b"]])
        memory.forget_knowledge_base("gone")
    shutil.rmtree(data / "ledger")
    with pytest.raises(StoreUnreadable, match="run kato rebuild ledger"):
        kato.open(data)
    rebuild_ledger(path=data)
    with kato.open(data) as memory:
        memory.knowledge_base("new").learn([["a"], ["b"]])
        assert memory.numbers() == {"new": 2}


KILLED = """
import sys
from pathlib import Path
from kato.storage.ledger.rebuilding import LedgerRebuild
from kato.upkeep import rebuild_ledger
rebuild_ledger.PATTERNS_AT_ONCE = 20
step = LedgerRebuild.step
def told(self, restored):
    step(self, restored)
    print("step", flush=True)
LedgerRebuild.step = told
rebuild_ledger.rebuild_ledger(path=Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "steps_before", [4, *(pytest.param(steps, marks=pytest.mark.deep) for steps in (1, 9, 20))]
)
def test_a_rebuild_that_is_killed_is_run_again(tmp_path: Path, steps_before: int) -> None:
    data = tmp_path / "data"
    with kato.open(data) as memory:
        for name in ("default", "other"):
            memory.knowledge_base(name).learn_many(answering.history())
        before, told = contents(memory._engines), answers(memory)
    shutil.rmtree(data / "ledger")
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(data)], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    for _ in range(steps_before):
        assert killed.stdout.readline() == "step\n"
    killed.send_signal(signal.SIGKILL)
    killed.stdout.close()
    killed.wait()
    with pytest.raises((StoreRebuilding, StoreUnreadable)):
        kato.open(data)
    rebuild_ledger(path=data)
    with kato.open(data) as memory:
        assert contents(memory._engines) == before
        assert answers(memory) == told
        assert list(verify(memory)) == []
