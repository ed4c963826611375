"""Clears, forgets and undoes over and over, and says so: a program that is to be killed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import kato

KB = "undone"
PATTERNS = 20


def held(kb: kato.KnowledgeBase) -> str:
    """All that the knowledge base holds and answers, to the last bit."""
    told = [kb.stats(), list(kb.symbols()), kb.patterns(), kb.predict([["a"]])]
    return msgspec.json.encode(told).decode()


def changes(kb: kato.KnowledgeBase) -> list[Callable[[], object]]:
    """Steps that lead back to where they began."""
    name = kb.patterns().patterns[0].name
    return [kb.clear, kb.undo, lambda: kb.forget(name), kb.undo]


def main(data: Path) -> None:
    """Learn, then change until it is killed."""
    with kato.open(data) as memory:
        kb = memory.knowledge_base(KB)
        for i in range(PATTERNS):
            kb.learn([["a"], [str(i)]], emotives={"joy": i / 10})
        print(held(kb), flush=True)
        steps, done = changes(kb), 0
        while True:
            steps[done % len(steps)]()
            done += 1
            print(done, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
