"""A process that is killed: it takes steps of loads, and says which are done.

    python -m tests.crash.victim PLAN

``opened`` is told once, ``done LOAD N`` after each step that returned, N steps by then; a store
that fails ends a load with ``failed LOAD ERROR``, anything else with ``broken LOAD ERROR``.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from itertools import count
from pathlib import Path

import msgspec
from tests.crash.loads import LOADS, Load
from tests.upkeep.mortal import die_at

import kato
from kato.errors import StoreError
from kato.settings import Settings
from kato.storage import batches
from kato.upkeep.rebuild_ledger import rebuild_ledger

REBUILDING = "rebuilding"


class Plan(msgspec.Struct, frozen=True):
    """What a victim does.

    Attributes:
        data: The data directory.
        files: A folder for other files.
        seed: Of the loads.
        first: By load, the step to begin with.
        undo_seconds: How long what is taken away can be given back; 0 if nothing is undone.
        dies_at: Module, function and the how manieth call of it that kills the process.
    """

    data: str
    files: str
    seed: int
    first: dict[str, int]
    undo_seconds: int
    dies_at: tuple[str, str, int] | None = None

    def settings(self) -> Settings:
        """The settings of the memory."""
        environment = {"KATO_UNDO_SECONDS": str(self.undo_seconds), "KATO_FLUSH_INTERVAL_MS": "20"}
        return Settings.from_environment({**os.environ, **environment})

    def load(self, name: str) -> Load:
        """A load at its beginning."""
        return LOADS[name](self.seed, Path(self.files), undoes=self.undo_seconds > 0)


def say(*words: object) -> None:
    """Tell the laboratory, in one piece."""
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def play(load: Load, memory: kato.Memory) -> None:
    """Take one step after the other."""
    try:
        while True:
            load.next()(memory)
            say("done", load.name, load.taken)
    except StoreError as error:
        say("failed", load.name, type(error).__name__)
    except BaseException as error:
        say("broken", load.name, repr(error).replace("\n", " "))
        raise


def play_all(plan: Plan) -> None:
    """Play all loads at once."""
    with kato.open(plan.data, settings=plan.settings()) as memory:
        say("opened")
        loads = [plan.load(name) for name in plan.first]
        for load in loads:
            load.skip_to(plan.first[load.name])
        threads = [threading.Thread(target=play, args=(load, memory)) for load in loads]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def rebuild_again_and_again(plan: Plan) -> None:
    """Lose the ledger, which holds nothing that ClickHouse has not, and make it anew."""
    data = Path(plan.data)
    say("opened")
    for number in count(plan.first[REBUILDING] + 1):
        kato.open(data, settings=plan.settings()).close()
        lost = Path(plan.files) / "lost"
        shutil.rmtree(lost, ignore_errors=True)
        (data / "ledger").rename(lost)
        rebuild_ledger(plan.settings(), data)
        say("done", REBUILDING, number)


def main() -> None:
    """Do what the plan says until the process is killed."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    batches.UPKEEP_SECONDS = 0.3
    if plan.dies_at is not None:
        die_at(*plan.dies_at)
    play_or_rebuild = rebuild_again_and_again if REBUILDING in plan.first else play_all
    play_or_rebuild(plan)


if __name__ == "__main__":
    main()
