"""A memory without stores, on the reference program: for tests of what the command line prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.reference import ReferenceMemory

from kato.errors import PatternNotFound
from kato.model.config import SessionConfig
from kato.model.event import checked_events
from kato.model.example import Example
from kato.model.pattern import Pattern
from kato.model.prediction import Predictions
from kato.model.statistics import (
    KnowledgeBaseStatistics,
    LearnReport,
    MemoryStatistics,
    SymbolStatistics,
)


class FakeKnowledgeBase:
    """The methods of a knowledge base that the command line calls."""

    def __init__(self) -> None:
        self.reference = ReferenceMemory()

    def learn_many(self, examples: Iterable[Example]) -> LearnReport:
        counts = {"sequences": 0, "new": 0, "known": 0, "too_short": 0}
        for example in examples:
            counts["sequences"] += 1
            before = len(self.reference.patterns)
            events = [event for event in checked_events(example.events) if event]
            name = self.reference.learn(events, example.emotives, example.metadata)
            new = len(self.reference.patterns) > before
            counts["new" if new else "known" if name else "too_short"] += 1
        return LearnReport(**counts)

    def predict(self, events: list[list[str]], **config: Any) -> Predictions:
        SessionConfig().updated(**config)
        predictions, futures = self.reference.predict(checked_events(events), **config)
        answer = {"predictions": predictions, "future_potentials": futures}
        return msgspec.convert(answer, Predictions)

    def get(self, name: str) -> Pattern:
        pattern = self.reference.get(name)
        if pattern is None:
            raise PatternNotFound(f"there is no pattern {name!a}", remedy="see the names")
        return msgspec.convert(pattern, Pattern)

    def forget(self, name: str) -> None:
        self.get(name)
        self.reference.forget(name)

    def clear(self) -> None:
        self.reference.clear()

    def stats(self) -> KnowledgeBaseStatistics:
        counts = self.reference.stats()
        return KnowledgeBaseStatistics(
            patterns=counts["patterns"],
            symbols=counts["symbols"],
            pattern_frequencies=counts["pattern_frequencies"],
            total_symbols=counts["symbol_frequencies"],
        )

    def symbols(self) -> Iterator[SymbolStatistics]:
        for name, counts in self.reference.symbols().items():
            yield SymbolStatistics(name, counts["frequency"], counts["members"], counts["affinity"])


class FakeMemory:
    """The methods of a memory that the command line calls."""

    def __init__(self) -> None:
        self.bases: dict[str, FakeKnowledgeBase] = {}

    def knowledge_base(self, name: str = "default") -> FakeKnowledgeBase:
        return self.bases.setdefault(name, FakeKnowledgeBase())

    def knowledge_bases(self) -> list[str]:
        return sorted(self.bases)

    def flush(self) -> None:
        """There is no journal."""

    def stats(self) -> MemoryStatistics:
        return MemoryStatistics(len(self.bases), 0, 2_000, 3_000_000)


class FakeStores:
    """What ``kato.open`` opens: one memory a folder, as long as the test lasts."""

    def __init__(self) -> None:
        self.memories: dict[Path | None, FakeMemory] = {}

    @contextmanager
    def open(self, path: Path | None = None) -> Iterator[FakeMemory]:
        yield self.memories.setdefault(path, FakeMemory())
