"""The laboratory: processes are killed under load, and what they leave is held against a reference.

    python -m tests.crash.laboratory SEED [KILLS]

The seed decides the loads, who is killed and when. What was told as done must be there; what was
under way is taken again, under the same operation id, and must then be there once.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import msgspec
from tests.crash.loads import LOADS, Archiving, Changing, Load, Loading
from tests.crash.process import Fate, Victim
from tests.crash.serving import Visits
from tests.crash.victim import REBUILDING, Plan
from tests.reference import ReferenceMemory
from tests.storage.counted import assert_counters_are
from tests.storage.disks import Disk, can_mount, read_only, small_disk

import kato
from kato.errors import StoreRebuilding, StoreUnreadable
from kato.upkeep.rebuild_ledger import rebuild_ledger
from kato.upkeep.restore import restore
from kato.upkeep.verify import verify

SERVING = "serving"

PLACES = (
    ("kato.storage.ledger.journal", "Journal:claim", 6),
    ("kato.storage.ledger.journal", "Journal:read", 6),
    ("kato.storage.ledger.journal", "Journal:done", 6),
    ("kato.storage.clickhouse.client", "ClickHouse:insert", 30),
    ("kato.storage.clickhouse.patterns", "PatternSink:purge", 3),
    ("kato.storage.ledger.undo", "Undo:settle", 3),
    ("kato.storage.ledger.counters", "Counters:drop_some", 4),
)
"""Where the writer is killed, and at which call of it at the latest."""

tally: Counter[str] = Counter()
"""Who was killed so far, and under which load."""


class Laboratory:
    """One data directory, in which one process after the other is killed.

    Args:
        folder: For all files.
        seed: Decides all that is not a matter of timing.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)
        self._folder = folder
        self._data = folder / "data"
        self._files = folder / "files"
        self._files.mkdir()
        self._undo_seconds = self._chance.choice((0, 3600))
        self._plan = Plan(str(self._data), str(self._files), seed, {}, self._undo_seconds)
        self._loads: dict[str, Load] = {name: self._plan.load(name) for name in LOADS}
        self._visited = ReferenceMemory()
        self._archived: dict[int, dict[str, int]] = {}
        self._disk: Disk | None = None

    def run(self, kills: int) -> None:
        """Kill so many processes, and look at what is left after each."""
        with ExitStack() as stack:
            if can_mount() and self._chance.random() < 0.25:
                self._disk = stack.enter_context(small_disk(self._folder / "disk", megabytes=160))
                self._data = self._disk.folder / "data"
                self._plan = msgspec.structs.replace(self._plan, data=str(self._data))
            for number in range(kills):
                self._one(number)
            self._check_archive()

    def _one(self, number: int) -> None:
        kind = self._chance.choices(("loads", REBUILDING, SERVING), (6, 1, 2))[0]
        if number and kind == REBUILDING:
            self._kill_rebuild(number)
        elif kind == SERVING:
            self._kill_service(number)
        else:
            self._kill_loads(number)

    def _kill_loads(self, number: int) -> None:
        names = self._chance.sample(sorted(LOADS), self._chance.randint(1, 3))
        first = {name: self._loads[name].taken for name in names}
        fate = self._fate()
        plan = msgspec.structs.replace(self._plan, first=first, dies_at=fate.place)
        self._tell(number, fate.victim, names)
        victim = Victim(plan, fate)
        victim.meet(self._disk)
        self._check_end(victim, fate)
        self._note_archives(victim)
        if fate.victim == "process" and can_mount():
            self._check_read_only()
        self._check({name: victim.done[name] for name in names})

    def _fate(self) -> Fate:
        chance = self._chance
        kinds = ["process", "valkey", "both", "writer", "start", *(["disk"] if self._disk else [])]
        victim = chance.choice(kinds)
        module, function, most = chance.choice(PLACES)
        place = (module, function, chance.randint(1, most)) if victim == "writer" else None
        seconds = chance.uniform(0.3, 2.5) if victim == "start" else chance.uniform(0, 0.8)
        return Fate(victim, seconds, chance.choice((0, 1 << 16, 1 << 20)), place)

    def _check_end(self, victim: Victim, fate: Fate) -> None:
        assert not victim.broken, victim.broken
        allowed = {"valkey": {"StoreUnavailable"}, "disk": {"StoreFull"}}.get(fate.victim, set())
        if fate.victim == "both":  # what is killed second may hear of the first
            allowed = {"StoreUnavailable"}
        assert set(victim.failed.values()) <= allowed, victim.failed

    def _kill_rebuild(self, number: int) -> None:
        seconds = self._chance.uniform(0, 2.5)
        victim_name = self._chance.choice(("process", "both"))
        self._tell(number, victim_name, [REBUILDING])
        self._undo_what_is_held()
        plan = msgspec.structs.replace(self._plan, first={REBUILDING: 0})
        victim = Victim(plan, Fate(victim_name, seconds))
        victim.meet(None)
        assert not victim.broken, victim.broken
        try:
            kato.open(self._data, settings=self._plan.settings()).close()
        except (StoreUnreadable, StoreRebuilding):
            rebuild_ledger(self._plan.settings(), self._data)
        self._check({})

    def _undo_what_is_held(self) -> None:
        """What could be given back is lost with the ledger."""
        load = self._loads[Changing.name]
        assert isinstance(load, Changing)
        if load.undoes_next:
            with kato.open(self._data, settings=self._plan.settings()) as memory:
                load.next()(memory)

    def _kill_service(self, number: int) -> None:
        kills = self._chance.randint(1, 2)
        victims = [self._chance.choice(("process", "both")) for _ in range(kills)]
        for victim in victims:
            self._tell(number, victim, [SERVING])
        visits = Visits(self._folder, self._data, self._chance.getrandbits(32))
        visits.go_on([(victim, self._chance.uniform(0, 1.0)) for victim in victims])
        for steps in visits.steps:
            visits.replay(self._visited, steps)
        self._check({})

    def _check(self, done: dict[str, int]) -> None:
        """Take again what was under way, and compare everything."""
        with kato.open(self._data, settings=self._plan.settings()) as memory:
            for name, steps in done.items():
                load = self._loads[name]
                load.skip_to(steps)
                load.next()(memory)
            for name, load in self._loads.items():
                if load.taken and not isinstance(load, Archiving):
                    assert_counters_are(memory.knowledge_base(name), load.reference)
            assert_counters_are(memory.knowledge_base(SERVING), self._visited)
            assert list(verify(memory)) == []

    def _check_read_only(self) -> None:
        with read_only(self._data):
            try:
                kato.open(self._data, settings=self._plan.settings())
            except StoreUnreadable:
                return
        raise AssertionError("it was opened, though nothing can be written")

    def _note_archives(self, victim: Victim) -> None:
        """What was done, at least, before each backup began: that must be in it."""
        before = {name: load.taken for name, load in self._loads.items()}
        for number, done in victim.before_archive.items():
            self._archived[number] = {**before, **done}

    def _check_archive(self) -> None:
        """Restore the last whole backup: it is a memory as of one moment."""
        load = self._loads[Archiving.name]
        assert isinstance(load, Archiving)
        if not load.taken:
            return
        target = self._folder / "restored"
        restore(load.archive(load.taken - 1), self._plan.settings(), target)
        at_least = self._archived.get(load.taken - 1, {})
        with kato.open(target, settings=self._plan.settings()) as memory:
            assert list(verify(memory)) == []
            self._check_is_a_moment(memory, at_least.get(Changing.name, 0))
            self._check_holds(memory, at_least.get(Loading.name, 0))

    def _check_is_a_moment(self, memory: kato.Memory, at_least: int) -> None:
        """Single steps: it is as after one of them, not before what was done."""
        load, last = self._plan.load(Changing.name), self._loads[Changing.name].taken
        load.skip_to(at_least)
        found = msgspec.structs.asdict(memory.knowledge_base(load.name).stats())
        while load.taken < last and found != _statistics(load.reference):
            load.next()
        assert found == _statistics(load.reference)

    def _check_holds(self, memory: kato.Memory, at_least: int) -> None:
        """Many at a time: nothing of what was done is missing."""
        load = self._plan.load(Loading.name)
        load.skip_to(at_least)
        least = _statistics(load.reference)
        found = msgspec.structs.asdict(memory.knowledge_base(load.name).stats())
        assert all(found[key] >= number for key, number in least.items())

    def _tell(self, number: int, victim: str, loads: list[str]) -> None:
        print(f"seed {self.seed}, kill {number}: {victim} under {', '.join(sorted(loads))}")
        tally.update(["kills", f"of {victim}", *(f"under {load}" for load in loads)])


def _statistics(reference: ReferenceMemory) -> dict[str, int]:
    counted = reference.stats()
    counted["total_symbols"] = counted.pop("symbol_frequencies")
    return counted


def summary() -> str:
    """What was done so far, in a line."""
    kinds = [f"{count} {kind}" for kind, count in sorted(tally.items()) if kind != "kills"]
    return f"{tally['kills']} kills: {', '.join(kinds)}"


def main() -> None:
    """Run one seed."""
    seed, kills = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Laboratory(Path(folder), seed).run(kills)
    print(summary(), f"in {time.monotonic() - began:.0f} s", f"on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
