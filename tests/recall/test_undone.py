"""Patterns that were given back are recalled by every plan, also by what was built without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from unittest.mock import patch

import msgspec
import pytest
from tests.recall.index.test_catalog import Indexed
from tests.storage.stores import Backend

import kato
from kato.model.config import SessionConfig
from kato.recall import sql_plan
from kato.recall.filters import bands
from kato.recall.index import catalog
from kato.storage.clickhouse import postings
from kato.storage.clickhouse.postings import PostingTables

PATTERNS, SMALL = 160, 32
QUESTIONS = ([["s1"], ["s2"]], [["s3"], ["s1"], ["s4"]], [["s2"]])

Answers = list[bytes]


@pytest.fixture(scope="module")
def backend(backend: Backend) -> Backend:
    """Stores whose memory holds what is taken away."""
    return Backend(backend.name, msgspec.structs.replace(backend.settings, undo_seconds=600))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments in files, postings and bands for some dozen patterns."""
    monkeypatch.setattr(catalog, "FILED", SMALL)
    for module in (postings, sql_plan):
        monkeypatch.setattr(module, "RANGE", SMALL)
        monkeypatch.setattr(module, "LEAST", SMALL)
    monkeypatch.setattr(bands, "RANGE", SMALL)


@pytest.fixture
def indexed(memory: kato.Memory, kb_name: str, tmp_path: Path) -> Iterator[Indexed]:
    yield Indexed(memory, kb_name, tmp_path)
    memory.flush()
    memory._engines.undo.settle(0)


def fill(indexed: Indexed) -> list[str]:
    """Learn patterns that share symbols; answers the names of some."""
    rng = Random(5)
    for i in range(PATTERNS):
        few = [[f"s{rng.randint(1, 6)}"] for _ in range(rng.randint(1, 4))]
        indexed.kb.learn([*few, [f"own {i}"]])
    indexed.memory.flush()
    return [p.name for p in indexed.kb.patterns(limit=PATTERNS).patterns[::8]]


def by_index(indexed: Indexed) -> Answers:
    indexed.extend()
    assert indexed.progress().covered == PATTERNS
    return [indexed.by_index(events, max_predictions=40) for events in QUESTIONS]


def by_another_index(indexed: Indexed) -> Answers:
    """Of a process that maps the files as they are."""
    by_index(indexed)
    indexed.catalog = indexed.another()
    return by_index(indexed)


def by_postings(indexed: Indexed) -> Answers:
    PostingTables(indexed.engines._clickhouse).extend(indexed.number, PATTERNS)
    planner = indexed.engines.planner
    with patch.object(planner, "_plan", "sql"), patch.object(planner.background, "ask"):
        asked = [indexed.kb.predict(e, explain=True, max_predictions=40) for e in QUESTIONS]
    told = [answer.explanation for answer in asked]
    assert any(explained is not None and explained.plan == "sql" for explained in told)
    return [msgspec.json.encode(answer.predictions) for answer in asked]


def by_bands(indexed: Indexed) -> Answers:
    config = SessionConfig().updated(
        filter_pipeline=["minhash"], minhash_threshold=0.1, max_predictions=40
    )
    asked = [indexed.kb.predict_with(events, config) for events in QUESTIONS[:2]]
    return [msgspec.json.encode(answer) for answer in asked]


@pytest.mark.servers_deep
@pytest.mark.parametrize("built", ["before", "while it was forgotten", "after"])
@pytest.mark.parametrize("ask", [by_index, by_another_index, by_postings, by_bands])
def test_what_is_given_back_is_recalled(
    indexed: Indexed, ask: Callable[[Indexed], Answers], built: str
) -> None:
    gone = fill(indexed)
    wanted = exhaustively(indexed, ask)
    if built == "before":
        assert names(ask(indexed)) == wanted
    for name in gone:
        indexed.kb.forget(name)
    indexed.memory.flush()
    if built != "after":
        assert not {name for answer in names(ask(indexed)) for name in answer} & set(gone)
    for _ in gone[1:]:
        indexed.kb.undo()
    indexed.memory.flush()
    partly = {name for answer in names(ask(indexed)) for name in answer}
    assert gone[0] not in partly
    assert partly & set(gone)
    indexed.kb.undo()
    assert names(ask(indexed)) == wanted


def exhaustively(indexed: Indexed, ask: Callable[[Indexed], Answers]) -> list[list[str]]:
    """What looking at every pattern answers."""
    if ask is not by_bands:
        return names([indexed.by_scan(events, max_predictions=40) for events in QUESTIONS])
    with patch.object(bands, "RANGE", 1 << 30):  # no table
        return names(by_bands(indexed))


def names(answers: Answers) -> list[list[str]]:
    """The names, in order; answers with and without what futures agree on are read alike."""
    told = [msgspec.json.decode(answer) for answer in answers]
    lists = [each if isinstance(each, list) else each["predictions"] for each in told]
    return [[prediction["name"] for prediction in each] for each in lists]
