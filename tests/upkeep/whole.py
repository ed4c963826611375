"""A memory as a whole: filled by a random history, and all that can be asked of it."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from tests.reference import ReferenceMemory

import kato

NAMES = ("one", 'it\'s "two"; ☃', "three")
SESSION = "a session"
WORDS = [f"{a}{b}" for a in ("cat", "it's ", "☃", "dog\n") for b in range(6)]


class History:
    """Changes of a memory, the same for the same seed; goes on where it stopped.

    Args:
        seed: Decides all of it.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.references = {name: ReferenceMemory() for name in NAMES}

    def go_on(self, memory: kato.Memory, steps: int = 30) -> None:
        """Take more steps, some of them behind a flush."""
        for _ in range(steps):
            name = self._chance.choice(NAMES)
            self._step(memory.knowledge_base(name), name)
            if self._chance.random() < 0.1:
                memory.flush()
        self._observe(memory)

    def _step(self, kb: kato.KnowledgeBase, name: str) -> None:
        chance, reference = self._chance, self.references[name]
        kind, known = chance.random(), list(reference.patterns)
        if kind < 0.03:
            kb.clear()
            self.references[name] = ReferenceMemory()
        elif kind < 0.15 and known:
            gone = chance.choice(known)
            kb.forget(gone)
            reference.forget(gone)
        elif kind < 0.3 and known:
            changed = chance.choice(known)
            edit: Any = {"frequency": chance.randint(1, 9), "emotives": [{"joy": chance.random()}]}
            kb.edit(changed, **edit)
            reference.edit(changed, **edit)
        else:
            events = [chance.sample(WORDS, chance.choice((1, 1, 2))) for _ in range(4)]
            if known and chance.random() < 0.3:
                events = reference.patterns[chance.choice(known)]["events"]
            felt = {"joy": chance.uniform(-1, 1)} if chance.random() < 0.4 else {}
            seen = {"day": str(chance.randint(1, 3))} if chance.random() < 0.3 else {}
            kb.learn(events, emotives=felt, metadata=seen)
            reference.learn(events, felt, seen)

    def _observe(self, memory: kato.Memory) -> None:
        kb = memory.knowledge_base(NAMES[0])
        session = kato.Session(kb, session_id=SESSION)
        session.observe([self._chance.choice(WORDS)])


def state_of(memory: kato.Memory) -> dict[str, Any]:
    """Statistics, symbols, patterns and predictions of all knowledge bases, and the session."""
    bases = {name: memory.knowledge_base(name) for name in memory.knowledge_bases()}
    return {
        "bases": {name: known_to(kb) for name, kb in bases.items()},
        "session": kato.Session(memory.knowledge_base(NAMES[0]), session_id=SESSION).events,
    }


def known_to(kb: kato.KnowledgeBase) -> Any:
    chance = random.Random(7)
    asked = [[chance.sample(WORDS, 1) for _ in range(3)] for _ in range(5)]
    patterns = kb.patterns(limit=1000)
    known = {
        "stats": kb.stats(),
        "symbols": sorted(kb.symbols(), key=lambda one: one.name),
        "patterns": [patterns.patterns, patterns.affinities],
        "predictions": [kb.predict(question, recall_threshold=0.0) for question in asked],
    }
    return msgspec.json.decode(msgspec.json.encode(known))
