"""The original's verified answers, through the whole library: stores, recall and sessions.

Where a decision of the design changes an answer, the new one and its arithmetic stand in the table
of ``tests/test_examples.py``; vectors (decision Q21) are here.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from hashlib import sha1
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.closeness import differences
from tests.examples import FILE, Example, case_id, examples
from tests.test_examples import (
    CHANGES,
    LEARNING_CHANGES,
    assert_answered,
    expected_counters,
)

import kato

pytestmark = pytest.mark.servers_deep

ROOT = Path(__file__).parents[2]


def teach(kb: kato.KnowledgeBase, case: Example) -> None:
    for lesson in case["input"].get("kb", []):
        for _ in range(lesson["times_learned"]):
            kb.learn(lesson["events"])
    for lesson in case["input"].get("learned", []):
        session = kato.Session(kb)
        for event in lesson["events"]:
            session.observe(event, emotives=lesson["emotives_on_each_event"])
        session.learn()


def configuration(case: Example) -> dict[str, Any]:
    changes: dict[str, Any] = case["input"]["session_config"]
    return {**changes, **case["input"].get("processor_config", {})}


def assert_answers(case: Example, answer: kato.Predictions) -> None:
    assert_answered(
        case,
        msgspec.to_builtins(answer.predictions),
        msgspec.to_builtins(answer.future_potentials),
    )


@pytest.mark.parametrize("case", examples("prediction", "affinity"), ids=case_id)
def test_predictions(case: Example, kb: kato.KnowledgeBase, memory: kato.Memory) -> None:
    teach(kb, case)
    assert_answers(case, kb.predict(case["input"]["stm"], **configuration(case)))
    memory.flush()  # the same from ClickHouse as from the journal
    assert_answers(case, kb.predict(case["input"]["stm"], **configuration(case)))


@pytest.mark.parametrize("case", examples("prediction", "affinity"), ids=case_id)
def test_predictions_of_a_session(case: Example, kb: kato.KnowledgeBase) -> None:
    teach(kb, case)
    # An observation without symbols adds no event, so the answers to prediction-44 differ by that.
    events = [event for event in case["input"]["stm"] if event]
    session = kato.Session(kb, **configuration(case))
    for event in events:
        session.observe(event)
    answer = session.predict()
    if len(events) == len(case["input"]["stm"]):
        assert_answers(case, answer)
    assert answer == kb.predict(events, **configuration(case))


@pytest.mark.parametrize("case", examples("affinity"), ids=case_id)
def test_affinities(case: Example, kb: kato.KnowledgeBase) -> None:
    teach(kb, case)
    symbols = {symbol.name: symbol for symbol in kb.symbols()}
    for name, emotives in case["output"]["redis_affinity"].items():
        felt = {emotive: float(text) for emotive, text in emotives.items()}
        assert differences(felt, symbols[name].affinity) == []
    counted = {name: str(symbol.frequency) for name, symbol in symbols.items()}
    assert counted == case["output"]["symbol_freq"]


@pytest.mark.parametrize("case", examples("finalize_training"), ids=case_id)
def test_numbers_are_over_the_present(case: Example, kb: kato.KnowledgeBase) -> None:
    # Decision Q16: what the original answered before finalize-training is the answer, always.
    kb.learn_many(case["input"]["kb"])
    found = {p.name: msgspec.to_builtins(p) for p in kb.predict(case["input"]["stm"])}
    assert len(found) == len(case["output"]["before"])
    for before in case["output"]["before"]:
        assert differences(before, {key: found[before["name"]][key] for key in before}) == []


@pytest.mark.parametrize("case", examples("pattern_name"), ids=case_id)
def test_names(case: Example, kb: kato.KnowledgeBase) -> None:
    session = kato.Session(kb, sort_symbols=False)
    for event in case["input"]["events"]:
        session.observe(event)
    name = session.learn()
    assert name == case["output"]["name"]
    pattern = kb.get(case["output"]["api_name"])
    assert pattern.events == case["input"]["events"]
    assert pattern.length == case["output"]["length"]


# Decision Q21: learning-13 observes three vectors; each is a symbol of its own.
VECTOR_EVENTS: list[list[list[float]]] = [[[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]]


@pytest.mark.parametrize("case", examples("learning"), ids=case_id)
def test_learning(case: Example, kb: kato.KnowledgeBase) -> None:
    changes = _learning_changes(case)
    stm_changes = changes.pop("stm", None)
    session = kato.Session(kb)
    results, learned = iter(case["output"]["results"]), set()
    for operation, *arguments in case["input"]["ops"]:
        if operation == "new_session":
            session = kato.Session(kb, **(arguments[0] if arguments else {}))
            continue
        result = next(results)
        if operation == "learn":
            name = session.learn()
            assert (name or "") == changes.get("name", result["learn"].removeprefix("PTRN|"))
        else:
            name = _observe(session, arguments[0], result)
        learned |= {name} - {None}
        assert session.events == _short_term_memory(case, result, stm_changes)
    stored = {**case["output"]["redis_without_kb_prefix"], **changes}
    assert differences(_counters_of(case, stored), _counters(kb, learned)) == []


def _observe(session: kato.Session, given: Example, result: dict[str, Any]) -> str | None:
    observed = session.observe(
        given.get("strings", ()),
        vectors=given.get("vectors", ()),
        emotives=given.get("emotives"),
        metadata=given.get("metadata"),
    )
    name = observed.auto_learned_pattern
    assert (name and "PTRN|" + name) == result["auto_learned_pattern"]
    assert (observed.time, observed.stm_length) == (result["time"], len(session.events))
    return name


def _learning_changes(case: Example) -> dict[str, Any]:
    if case["id"] != "learning-13":
        return dict(LEARNING_CHANGES.get(case["id"], {}))
    events = [
        [*sorted(map(named, VECTOR_EVENTS[0])), "A", "z"],
        sorted(map(named, VECTOR_EVENTS[1])),
    ]
    digest = sha1(str(events).encode(), usedforsecurity=False)
    return {"stm": events, "name": digest.hexdigest()}


def _short_term_memory(case: Example, result: dict[str, Any], changed: Any) -> list[list[str]]:
    stm: list[list[str]] = result["stm"]
    if changed is None:
        return stm
    # Of learning-13, as many events as the original had by then.
    events: list[list[str]] = changed[: len(stm)]
    return events


def _counters_of(case: Example, stored: dict[str, Any]) -> dict[str, Any]:
    if case["id"] != "learning-13":
        return expected_counters(stored)
    events = _learning_changes(case)["stm"]
    # Decision Q21: three vectors and two strings, each once, in one pattern.
    once = {symbol: 1 for event in events for symbol in event}
    return {
        "patterns": 1,
        "pattern_frequencies": 1,
        "symbol_frequencies": 5,
        "symbols:freq": once,
        "symbols:pmf": once,
        f"frequency:{stored['name']}": 1,
        f"emotives:{stored['name']}": [],
        f"metadata:{stored['name']}": {},
    }


def _counters(kb: kato.KnowledgeBase, names: set[str | None]) -> dict[str, Any]:
    stats, symbols = kb.stats(), list(kb.symbols())
    counters: dict[str, Any] = {
        "patterns": stats.patterns,
        "pattern_frequencies": stats.pattern_frequencies,
        "symbol_frequencies": stats.total_symbols,
    }
    if symbols:
        counters["symbols:freq"] = {s.name: s.frequency for s in symbols}
        counters["symbols:pmf"] = {s.name: s.pattern_member_frequency for s in symbols}
    counters.update({f"affinity:{s.name}": s.affinity for s in symbols if s.affinity})
    for name in names:
        pattern = kb.get(str(name))
        counters[f"frequency:{name}"] = pattern.frequency
        counters[f"emotives:{name}"] = pattern.emotives
        counters[f"metadata:{name}"] = pattern.metadata
    return counters


def named(vector: list[float]) -> str:
    """Decision Q21: a vector's symbol, from its little-endian float64 bytes."""
    packed = struct.pack(f"<{len(vector)}d", *vector)
    return "VCTR|" + sha1(packed, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("case", examples("vector_name"), ids=case_id)
def test_vectors(case: Example, kb: kato.KnowledgeBase) -> None:
    # Decision Q21: named by all their bytes, not by what NumPy prints of them.
    vector = case["input"]["summed_vector"]
    if vector == "1001 zeros":
        vector = [0.0] * 1001
        other = [*vector[:500], 5.0, *vector[501:]]
        # The original elided all but the first and last three, so these two had one name.
        assert observed(kb, other) == [named(other)] != [named(vector)]
    assert observed(kb, vector) == [named(vector)]
    assert named(vector) != case["output"]["name"]


def observed(kb: kato.KnowledgeBase, vector: list[float]) -> list[str]:
    """The event of a session that observes a vector, when none is stored."""
    session = kato.Session(kb)
    session.observe(vectors=[vector])
    (event,) = session.events
    return event


def test_vectors_equal_after_rounding_have_names_of_their_own(kb: kato.KnowledgeBase) -> None:
    # vector_name-07 and -08, which had one name in the original.
    assert observed(kb, [0.123456789]) != observed(kb, [0.12345678901])


@pytest.mark.parametrize("case", examples("future_hash"), ids=case_id)
def test_futures_with_equal_hashes_are_one_future(case: Example, kb: kato.KnowledgeBase) -> None:
    future = case["input"]["future"]
    shuffled = [list(reversed(event)) for event in future]
    kb.learn([["1"], ["2"], *future])
    # Another pattern with the same future, its events written the other way round.
    session = kato.Session(kb, sort_symbols=False)
    for event in [["1"], ["0"], *shuffled]:
        session.observe(event)
    session.learn()
    key = json.dumps([sorted(event) for event in future])
    digest = sha1(key.encode(), usedforsecurity=False).hexdigest()
    assert digest == case["output"]["hash"]
    potentials = kb.predict([["1"], ["2"], ["0"]]).future_potentials
    if not future:
        assert potentials == []
        return
    (potential,) = potentials
    assert potential.supporting_patterns == 2
    assert potential.aggregate_potential == 1.0


def test_every_change_is_of_a_case() -> None:
    ids = {case["id"] for case in examples("prediction", "affinity", "learning")}
    assert set(CHANGES) | set(LEARNING_CHANGES) <= ids


def test_every_case_of_the_original_is_used_by_a_test() -> None:
    with FILE.open(encoding="utf-8") as lines:
        ids = {json.loads(line)["id"] for line in lines}
    assert len(ids) == 157
    files = [f for f in (ROOT / "tests").rglob("test_*.py") if "tests.examples" in f.read_text()]
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert ids - set(re.findall(r"[a-z_]+-\d+", collected)) == set()
