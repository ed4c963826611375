"""Holds what a knowledge base counted against a recount from the sequences."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.reference import ReferenceMemory

import kato
from kato.memory.engines import Engines
from kato.memory.learning import LessonBuilder, Material
from kato.storage.ledger.counters import Learned, Lesson

SAMPLE = 50
"""Of more patterns than this, evenly chosen ones are looked at one by one."""


def lesson_of(*sequences: list[list[str]]) -> Lesson:
    """A lesson of plain sequences."""
    builder = LessonBuilder()
    for events in sequences:
        builder.add(Material(events))
    return builder.lesson()


def learn(engines: Engines, kb: str, *sequences: list[list[str]]) -> Learned:
    """Learn sequences as one step of the ledger."""
    return engines.counters.learn(kb, lesson_of(*sequences), persistence=5)


def counted(kb: kato.KnowledgeBase, names: list[str]) -> dict[str, Any]:
    """All that a knowledge base counts of itself, its symbols and these patterns."""
    return {
        "stats": msgspec.structs.asdict(kb.stats()),
        "symbols": {s.name: msgspec.structs.asdict(s) for s in kb.symbols()},
        "patterns": {name: msgspec.structs.asdict(kb.get(name)) for name in names},
    }


def recounted(reference: ReferenceMemory, names: list[str]) -> dict[str, Any]:
    """The same, from the sequences."""
    stats = reference.stats()
    stats["total_symbols"] = stats.pop("symbol_frequencies")
    return {
        "stats": stats,
        "symbols": {
            text: {
                "name": text,
                "frequency": symbol["frequency"],
                "pattern_member_frequency": symbol["members"],
                "affinity": symbol["affinity"],
            }
            for text, symbol in reference.symbols().items()
        },
        "patterns": {name: reference.get(name) for name in names},
    }


def assert_counters_are(kb: kato.KnowledgeBase, reference: ReferenceMemory) -> None:
    """Every counter equals the recount; affinities to 1e-9, as they are sums of floats."""
    asked = list(reference.patterns)[:: len(reference.patterns) // SAMPLE + 1]
    found, wanted = counted(kb, asked), recounted(reference, asked)
    felt, expected = _without_affinities(found), _without_affinities(wanted)
    assert found == wanted
    assert felt.keys() == expected.keys()
    for text, sums in expected.items():
        assert felt[text] == pytest.approx(sums, rel=1e-9, abs=1e-9)


def _without_affinities(counters: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {text: symbol.pop("affinity") for text, symbol in counters["symbols"].items()}
