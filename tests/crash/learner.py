"""A process that learns until it is killed, and says what it was told is durable.

    python -m tests.crash.learner DATA SEED FIRST

Prints ``learned N`` after every call that returned: the sequences up to N, of a list that follows
from the seed, are learned. A store that fails ends it with ``failed ERROR``.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from random import Random

import kato
from kato.errors import StoreError

KB = "crash"
BATCH = 700


def sequence(seed: int, number: int) -> list[list[str]]:
    """The sequence with a number: every fourth one was there before."""
    if number % 4 == 3:
        return sequence(seed, number // 2)
    rng = Random(seed * 1_000_003 + number)
    return [[f"s{int(rng.paretovariate(0.8))}"] for _ in range(rng.randint(2, 9))]


def example(seed: int, number: int) -> kato.Example:
    """The sequence with a number, and what came with it: something with every third."""
    emotives = {"joy": number % 7 - 3, "fear": number % 5} if number % 3 == 0 else {}
    metadata = {"number": number % 10} if number % 6 == 0 else {}
    return kato.Example(sequence(seed, number), emotives, metadata)


def learn_for_ever(kb: kato.KnowledgeBase, seed: int, first: int) -> None:
    """Learn one by one and many at once, in turn."""
    for turn in count():
        size = BATCH if turn % 3 == 2 else 1
        examples = [example(seed, number) for number in range(first, first + size)]
        if size == 1:
            one = examples[0]
            kb.learn(one.events, emotives=one.emotives, metadata=one.metadata)
        else:
            kb.learn_many(examples)
        first += size
        print("learned", first, flush=True)


def main() -> None:
    """Learn until the process is killed or a store fails."""
    data, seed, first = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with kato.open(data) as memory:
        try:
            learn_for_ever(memory.knowledge_base(KB), seed, first)
        except StoreError as error:
            print("failed", type(error).__name__, flush=True)


if __name__ == "__main__":
    main()
