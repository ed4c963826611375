"""What was moved in, compared with what is stored then: every pattern, symbol and total."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kato.errors import PatternNotFound
from kato.memory import KnowledgeBase, PatternCopy
from kato.model.emotive import Emotives
from kato.model.event import flattened
from kato.model.naming import pattern_name
from kato.model.pattern import Pattern
from kato.upkeep.migration.stage import Stage

_PAGE = 500


class Verifier:
    """Finds what is stored otherwise than it was staged.

    Args:
        kb: The knowledge base.
        stage: What was moved into it.
        is_alone: Whether nothing else was: then there must not be more of anything.
    """

    def __init__(self, kb: KnowledgeBase, stage: Stage, *, is_alone: bool) -> None:
        self._kb = kb
        self._stage = stage
        self._is_alone = is_alone

    def differences(self) -> Iterator[tuple[str, str]]:
        """The name of a pattern or a symbol, and what differs."""
        yield from self._patterns()
        if self._is_alone:
            yield from self._symbols()
            yield from self._totals()

    def _patterns(self) -> Iterator[tuple[str, str]]:
        found, after = 0, None
        while True:
            page = self._kb.patterns(after=after, limit=_PAGE)
            for pattern in page.patterns:
                copy = self._stage.copy(self._kb.name, pattern.name)
                found += copy is not None
                if copy is None and self._is_alone:
                    yield pattern.name, "a pattern that was not moved in"
                differing = self._differing(pattern, copy) if copy is not None else []
                if differing:
                    yield pattern.name, f"{', '.join(differing)} differ"
            after = page.next
            if after is None:
                break
        if found < self._stage.knowledge_bases()[self._kb.name]:
            yield from self._missing()

    def _missing(self) -> Iterator[tuple[str, str]]:
        for copy, _ in self._stage.copies(self._kb.name):
            name = pattern_name(copy.events)
            try:
                self._kb.get(name)
            except PatternNotFound:
                yield name, "the pattern is not there"

    def _differing(self, pattern: Pattern, copy: PatternCopy) -> list[str]:
        others = not self._is_alone
        same = {
            "events": pattern.events == copy.events,
            "frequencies": pattern.frequency == copy.frequency
            or (others and pattern.frequency > copy.frequency),
            "emotives": others or pattern.emotives == copy.emotives,
            "metadata": others or pattern.metadata == copy.metadata,
        }
        return [what for what, is_same in same.items() if not is_same]

    def _symbols(self) -> Iterator[tuple[str, str]]:
        for symbol in self._kb.symbols():
            staged = self._stage.symbol(self._kb.name, symbol.name)
            if staged is None:
                yield symbol.name, "a symbol that was not moved in"
                continue
            counted = symbol.frequency, symbol.pattern_member_frequency
            if counted != (staged.frequency, staged.members):
                yield symbol.name, "counters of the symbol differ"
            if not _near(symbol.affinity, staged.affinity):
                yield symbol.name, "affinity of the symbol differs"

    def _totals(self) -> Iterator[tuple[str, str]]:
        patterns = frequencies = occurrences = 0
        for copy, _ in self._stage.copies(self._kb.name):
            patterns += 1
            frequencies += copy.frequency
            occurrences += copy.frequency * len(flattened(copy.events))
        symbols = sum(1 for _ in self._stage.symbols(self._kb.name))
        stats = self._kb.stats()
        stored = stats.patterns, stats.pattern_frequencies, stats.symbols, stats.total_symbols
        if stored != (patterns, frequencies, symbols, occurrences):
            yield "", f"totals are {stored}, not {(patterns, frequencies, symbols, occurrences)}"


def _near(one: Emotives, other: Emotives) -> bool:
    return one.keys() == other.keys() and all(
        math.isclose(value, other[name], rel_tol=1e-9, abs_tol=1e-12) for name, value in one.items()
    )
