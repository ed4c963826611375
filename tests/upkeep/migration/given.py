"""What tests of migrations have in common: what was found, and what must be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.upkeep.migration.old import Old

import kato
from kato.upkeep.migration.report import Report


def collected(report: Report) -> Counter[str]:
    """How often what was found, by subject."""
    subjects: Counter[str] = Counter()
    for (subject, _), times in report.counts.items():
        subjects[subject] += times
    return subjects


def assert_is_there(memory: kato.Memory, old: Old, prefix: str) -> None:
    """Hold every pattern, symbol and total against the model."""
    for kb, patterns in old.patterns.items():
        base = memory.knowledge_base(prefix + kb)
        stored = {p.name: _carried(p) for p in pages(base)}
        assert stored == patterns
        symbols = old.symbols(kb)
        counted = {s.name: (s.frequency, s.pattern_member_frequency) for s in base.symbols()}
        assert counted == symbols
        felt = {s.name: s.affinity for s in base.symbols() if s.affinity}
        assert felt.keys() == old.affinity[kb].keys()
        for symbol, sums in old.affinity[kb].items():
            assert felt[symbol] == pytest.approx(sums)
        stats = base.stats()
        assert stats.patterns == len(patterns)
        assert stats.pattern_frequencies == sum(p["frequency"] for p in patterns.values())
        assert stats.total_symbols == sum(times for times, _ in symbols.values())


def pages(kb: kato.KnowledgeBase) -> Iterator[kato.Pattern]:
    after = None
    while True:
        page = kb.patterns(after=after, limit=1000)
        yield from page.patterns
        after = page.next
        if after is None:
            return


def _carried(pattern: kato.Pattern) -> dict[str, Any]:
    return {
        "events": pattern.events,
        "frequency": pattern.frequency,
        "emotives": pattern.emotives,
        "metadata": dict(pattern.metadata),
    }
