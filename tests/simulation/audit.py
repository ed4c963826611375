"""What must be in the stores when all is carried: each row once, each counter as recounted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.reference import ReferenceMemory
from tests.simulation.clickhouse import Tables
from tests.simulation.oracle import Violation
from tests.simulation.processes import Process
from tests.storage.counted import assert_counters_are


def audit(process: Process, tables: Tables, reference: ReferenceMemory) -> None:
    """Carry what is left, and compare both stores with the reference.

    Raises:
        Violation: Something is missing, doubled or otherwise.
    """
    process.writer.flush()
    _expect(process.journal.waiting(), 0, "entries left in the journal")
    number = process.counters.number(process.kb.name)
    if number is None:
        _expect(list(reference.patterns), [], "patterns, but no knowledge base")
        return
    try:
        assert_counters_are(process.kb, reference)
    except AssertionError as error:
        raise Violation(f"the ledger's counters: {error}") from None
    _check_tables(tables, number, reference)
    for old in range(1, number):
        newest = tables.newest("knowledge_bases", old, "kb").get(old, {})
        _expect(newest.get("cleared"), 1, f"knowledge base {old} cleared")


def _check_tables(tables: Tables, number: int, reference: ReferenceMemory) -> None:
    for kb in range(1, number + 1):
        for table in ("patterns", "symbols", "tombstones"):
            ids = [row["id"] for row in tables.rows(table, kb)]
            _expect(sorted(set(ids)), sorted(ids), f"ids in {table}")
    gone = {row["id"] for row in tables.rows("tombstones", number)}
    patterns = {r["id"]: r["name"].hex() for r in tables.rows("patterns", number)}
    left = {i: name for i, name in patterns.items() if i not in gone}
    known = reference.patterns
    _expect(sorted(left.values()), sorted(known), "patterns in ClickHouse")
    frequencies = tables.newest("frequencies", number, "id")
    states = tables.newest("states", number, "id")
    for i, name in left.items():
        frequency = frequencies[i]["frequency"] if i in frequencies else 1
        _expect(frequency, known[name]["frequency"], f"frequency of {name}")
        emotives = [dict(record) for record in states[i]["emotives"]] if i in states else []
        _expect(emotives, known[name]["emotives"], f"emotives of {name}")
    _check_affinities(tables, number, reference)


def _check_affinities(tables: Tables, number: int, reference: ReferenceMemory) -> None:
    texts = {row["id"]: row["text"] for row in tables.rows("symbols", number)}
    found = {
        texts[i]: dict(row["sums"])
        for i, row in tables.newest("affinities", number, "symbol").items()
        if row["sums"]
    }
    expected = {symbol: sums for symbol, sums in reference.affinity.items() if sums}
    _expect(sorted(found), sorted(expected), "symbols with affinity")
    for symbol, sums in expected.items():
        _expect(found[symbol], pytest.approx(sums, abs=1e-9), f"affinity of {symbol}")


def _expect(found: Any, expected: Any, what: str) -> None:
    if found != expected:
        raise Violation(f"{what}: {found}, not {expected}")
