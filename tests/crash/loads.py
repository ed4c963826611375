"""What is done to a knowledge base step by step, and what must then be in it.

The steps of a load follow from its seed. Each can be taken again when nobody knows whether it was
taken: a step that is answered twice must have happened once.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from tests.reference import ReferenceMemory

import kato
from kato.errors import Conflict
from kato.memory.copies import PatternCopy
from kato.memory.learning import LESSON_PATTERNS
from kato.storage.ledger.operations import Operation
from kato.upkeep.archive import Archive
from kato.upkeep.backup import backup
from kato.upkeep.transfer import import_from

Take = Callable[[kato.Memory], object]
"""Takes a step, for the first time or again."""


class Load:
    """Steps on the knowledge base of the load's name.

    Args:
        seed: Decides all steps.
        folder: For files of its own.
        undoes: Whether what is taken away is given back now and then.

    Attributes:
        taken: How many steps were drawn.
        reference: What the knowledge base holds after them.
    """

    name: ClassVar[str]

    def __init__(self, seed: int, folder: Path, *, undoes: bool) -> None:
        self.taken = 0
        self.reference = ReferenceMemory()
        self._seed = seed
        self._chance = random.Random(f"{seed} {self.name}")
        self._folder = folder
        self._undoes = undoes

    def next(self) -> Take:
        """Draw the next step, and bring the reference behind it."""
        take = self._next()
        self.taken += 1
        return take

    def skip_to(self, step: int) -> None:
        """Draw the steps before this one."""
        while self.taken < step:
            self.next()

    def _next(self) -> Take:
        raise NotImplementedError

    def _operation(self) -> Operation:
        return Operation.repeatable(f"{self._seed} {self.name} {self.taken}", self.name)

    def _example(self) -> kato.Example:
        chance, known = self._chance, self.reference.patterns
        if known and chance.random() < 0.3:
            events = known[chance.choice(list(known))]["events"]
        else:
            events = [[f"s{int(chance.paretovariate(0.8))}"] for _ in range(chance.randint(2, 9))]
        emotives = {"joy": chance.uniform(-1, 1)} if chance.random() < 0.3 else {}
        metadata = {"number": chance.randint(1, 9)} if chance.random() < 0.2 else {}
        return kato.Example(events, emotives, metadata)

    def _learned(self, example: kato.Example) -> kato.Example:
        self.reference.learn(example.events, example.emotives, example.metadata)
        return example


class Changing(Load):
    """Learns, learns again, edits, forgets, clears, and undoes."""

    name = "changing"

    def __init__(self, seed: int, folder: Path, *, undoes: bool) -> None:
        super().__init__(seed, folder, undoes=undoes)
        self._taken_away: ReferenceMemory | None = None

    @property
    def undoes_next(self) -> bool:
        """Whether the next step gives back what the last one took away."""
        return self._taken_away is not None

    def _next(self) -> Take:
        operation = self._operation()
        if self._taken_away is not None:
            self.reference, self._taken_away = self._taken_away, None
            return lambda memory: self._undo(memory, operation)
        kind, known = self._chance.random(), list(self.reference.patterns)
        if kind < 0.02:
            return self._clear(operation)
        if kind < 0.12 and known:
            return self._forget(self._chance.choice(known), operation)
        if kind < 0.2 and known:
            return self._edit(self._chance.choice(known), operation)
        if kind < 0.25:
            return self._learn_each(operation)
        return self._learn(operation)

    def _kb(self, memory: kato.Memory) -> kato.KnowledgeBase:
        return memory.knowledge_base(self.name)

    def _undo(self, memory: kato.Memory, operation: Operation) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self._kb(memory).undo(operation=operation)
            except Conflict:  # a backup is being taken
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _learn(self, operation: Operation) -> Take:
        one = self._learned(self._example())
        felt, seen = one.emotives, one.metadata
        return lambda memory: self._kb(memory).learn(
            one.events, emotives=felt, metadata=seen, operation=operation
        )

    def _learn_each(self, operation: Operation) -> Take:
        size = self._chance.choice((2, 30, 400))
        many = [self._learned(self._example()) for _ in range(size)]
        return lambda memory: self._kb(memory).learn_each(many, operation=operation)

    def _edit(self, name: str, operation: Operation) -> Take:
        chance = self._chance
        edit: Any = {"frequency": chance.randint(1, 9), "emotives": [{"joy": chance.random()}]}
        self.reference.edit(name, **edit)
        return lambda memory: self._kb(memory).edit(name, **edit, operation=operation)

    def _forget(self, name: str, operation: Operation) -> Take:
        self._keep_for_undo()
        self.reference.forget(name)
        return lambda memory: self._kb(memory).forget(name, operation=operation)

    def _clear(self, operation: Operation) -> Take:
        self._keep_for_undo()
        self.reference = ReferenceMemory()
        return lambda memory: self._kb(memory).clear(operation=operation)

    def _keep_for_undo(self) -> None:
        if self._undoes and self.reference.patterns and self._chance.random() < 0.4:
            self._taken_away = copy.deepcopy(self.reference)


class Loading(Load):
    """Learns many at a time; where that is without an operation id, what was learned is counted."""

    name = "loading"

    def _next(self) -> Take:
        before = self.reference.stats()["pattern_frequencies"]
        size = self._chance.choice((40, 700, 3 * LESSON_PATTERNS))
        many = [self._learned(self._example()) for _ in range(size)]
        if self._chance.random() < 0.5:
            operation = self._operation()
            return lambda memory: memory.knowledge_base(self.name).learn_each(
                many, operation=operation
            )

        def take(memory: kato.Memory) -> None:
            kb = memory.knowledge_base(self.name)
            learned = kb.stats().pattern_frequencies - before
            assert learned == size or learned in range(0, size, LESSON_PATTERNS)
            kb.learn_many(many[learned:])

        return take


class Importing(Load):
    """Imports one file after the other; some of them in place of all there is."""

    name = "importing"

    def _next(self) -> Take:
        replaces = self._chance.random() < 0.3
        if replaces:
            self.reference = ReferenceMemory()
        many = [self._example() for _ in range(self._chance.choice((30, 1200)))]
        for one in many:
            self.reference.learn(one.events, one.emotives, one.metadata, persistence=100)
        after = self.reference.stats()["pattern_frequencies"]
        file = self._folder / f"import {self._seed} {self.taken}.ndjson"

        def take(memory: kato.Memory) -> None:
            # Without a note, an import that had come to its end would begin anew.
            is_done = memory.knowledge_base(self.name).stats().pattern_frequencies == after
            if replaces or not is_done:
                write_copies(file, many)
                import_from(memory, self.name, file, replace=replaces)

        return take


def write_copies(file: Path, examples: list[kato.Example]) -> None:
    """The file of an import, the same for the same examples."""
    copies = [
        PatternCopy(
            [list(event) for event in one.events],
            emotives=[dict(one.emotives)] if one.emotives else [],
            metadata={key: [str(value)] for key, value in one.metadata.items()},
        )
        for one in examples
    ]
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in copies))


class Archiving(Load):
    """Takes one backup after the other of all that happens meanwhile."""

    name = "archiving"

    def _next(self) -> Take:
        target = self.archive(self.taken)
        before = (
            self.archive(self.taken - 1) if self.taken and self._chance.random() < 0.5 else None
        )

        def take(memory: kato.Memory) -> None:
            if not target.exists():
                backup(memory, target, before)
            Archive(target).verify()

        return take

    def archive(self, number: int) -> Path:
        """Where a backup is."""
        return self._folder / f"backup {number}"


LOADS: dict[str, type[Load]] = {
    load.name: load for load in (Changing, Loading, Importing, Archiving)
}
