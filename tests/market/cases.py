"""Streams for tests."""

from __future__ import annotations

import random
from decimal import Decimal

import kato
from kato.market.encoding import Encoding, Tick, fit
from kato.market.streams import History, Item
from kato.model.answers import Observation
from kato.session import Session

MINUTE = 60 * 10**9


def items(count: int, seed: int = 1, motif: int = 0) -> list[Item]:
    """Candles of a random walk; with a motif, its steps come round after so many."""
    chance = random.Random(seed)
    rounds = [chance.choice((-3, -1, 0, 2, 4)) for _ in range(motif or count)]
    close, made = Decimal(10_000), []
    for i in range(count):
        before, close = close, max(close + rounds[i % len(rounds)] * 10, Decimal(100))
        high, low = max(before, close) + rounds[i % len(rounds)] % 3, min(before, close)
        made.append(Item(i * MINUTE, Tick(high, low, close, Decimal(chance.randint(1, 50)))))
    return made


def history(count: int, seed: int = 1, motif: int = 0) -> History:
    return History("test T/T 1m", items(count, seed, motif))


def fitted(made: list[Item], bins: int = 3) -> Encoding:
    return fit([item.tick for item in made], timeframe="1m", bins=bins, window=2)


def learned(kb: kato.KnowledgeBase) -> dict[str, int]:
    """Patterns by name, and how often each was learned."""
    found: dict[str, int] = {}
    after = None
    while True:
        page = kb.patterns(limit=1000, after=after)
        found |= {pattern.name: pattern.frequency for pattern in page.patterns}
        after = page.next
        if after is None:
            return found


def taught(kb: kato.KnowledgeBase, events: list[list[str]], window: int) -> dict[str, int]:
    """The same of a session that observes them plainly."""
    session = Session(kb, max_pattern_length=window, stm_mode="ROLLING")
    for begin in range(0, len(events), 500):
        session.observe_many(map(Observation, events[begin : begin + 500]))
    return learned(kb)
