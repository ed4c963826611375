"""The index keeps up: with learning, forgetting, damage, other processes and too little room."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest
from tests.recall.index.cases import shelves_of

import kato
from kato.matching import Candidates
from kato.memory.engines import Engines
from kato.recall.index import catalog as catalog_module
from kato.recall.index.catalog import Catalog, Progress
from kato.recall.index.files import segment_files
from kato.recall.index.plan import IndexPlan
from kato.recall.recall import Recall
from kato.recall.scan import Scan
from kato.storage.clickhouse.patterns import PatternSink

pytestmark = pytest.mark.servers_deep

CONFIGS: tuple[dict[str, Any], ...] = (
    {},
    {"max_predictions": 3},
    {"recall_threshold": 0.0, "max_predictions": 5},
    {"recall_threshold": 0.6},
    {"use_token_matching": False},
    {"fuzzy_token_threshold": 0.5, "max_predictions": 5},
)


def sequence(rng: Random, most: int = 8) -> list[list[str]]:
    symbols = [f"s{min(30, int(rng.paretovariate(0.8)))}" for _ in range(rng.randint(2, most))]
    if rng.random() < 0.3:
        return [sorted(symbols[:2]), *([symbol] for symbol in symbols[2:])]
    return [[symbol] for symbol in symbols]


class Indexed:
    """A knowledge base, and a catalog of its own, so that the background does nothing unasked."""

    def __init__(self, memory: kato.Memory, name: str, folder: Path) -> None:
        self.memory, self.folder = memory, folder
        self.kb = memory.knowledge_base(name)
        self.engines: Engines = memory._engines
        self.catalog = self.another()

    def another(self, limit: int = 1 << 30) -> Catalog:
        engines = self.engines
        catalog = Catalog(engines.tables, engines.ids, self.folder, limit)
        patch.object(catalog.background, "ask").start()
        return catalog

    @property
    def number(self) -> int:
        look = self.engines.counters.look(self.kb.name, [], 0)
        assert look is not None
        return look.kb

    @property
    def home(self) -> Path:
        return self.folder / str(self.number)

    def progress(self) -> Progress:
        return self.catalog.progress(self.number)

    def extend(self) -> Progress:
        """Ask, so that all is wanted, and index it."""
        self.by_index([["s1"], ["s2"]])
        self.catalog.extend(self.number)
        return self.progress()

    def by_index(self, events: list[list[str]], **config: Any) -> bytes:
        with patch.object(self.engines.planner, "_index", IndexPlan(self.catalog)):
            return self._by(self.engines.planner, events, config)

    def by_scan(self, events: list[list[str]], **config: Any) -> bytes:
        return self._by(Scan(self.engines.tables), events, config)

    def _by(self, recall: Recall, events: list[list[str]], config: dict[str, Any]) -> bytes:
        with patch.object(self.memory._predictor, "_recall", recall):
            return msgspec.json.encode(self.kb.predict(events, **config))

    def check(self, rng: Random, times: int = 2) -> None:
        for _ in range(times):
            events, config = sequence(rng, 5), rng.choice(CONFIGS)
            events = events[: rng.randint(1, len(events))]
            assert self.by_index(events, **config) == self.by_scan(events, **config)


@pytest.fixture
def indexed(memory: kato.Memory, kb_name: str, tmp_path: Path) -> Indexed:
    return Indexed(memory, kb_name, tmp_path)


@pytest.fixture
def filed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "FILED", 100)


@pytest.mark.servers_deep
@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_done_the_index_answers_as_a_scan(indexed: Indexed, seed: int) -> None:
    rng, kb, names = Random(seed), indexed.kb, list[str | None]()

    def learn() -> None:
        learned = [kb.learn(sequence(rng)) for _ in range(rng.randint(1, 150))]
        names.extend(dict.fromkeys(name for name in learned if name not in names))

    def forget() -> None:
        for _ in range(min(len(names), rng.randint(1, 20))):
            kb.forget(names.pop(rng.randrange(len(names))) or "")

    def clear() -> None:
        kb.clear()
        names.clear()

    def purge() -> None:
        indexed.memory.flush()
        sink = PatternSink(indexed.engines._clickhouse)
        sink.purge(indexed.engines.journal.done_until())
        sink.purge(indexed.engines.journal.done_until())

    def reopen() -> None:
        indexed.catalog = indexed.another()

    steps: list[Callable[[], object]] = [learn, forget, purge, reopen, indexed.memory.flush]
    steps += [learn, indexed.extend, indexed.extend, clear]
    learn()
    for _ in range(25):
        rng.choice(steps)()
        indexed.check(rng)


@pytest.mark.servers_deep
@pytest.mark.deep
def test_what_is_learned_joins_the_last_segments(indexed: Indexed) -> None:
    rng = Random(1)
    most = 0
    for _ in range(60):
        indexed.kb.learn_many([sequence(rng, 20) for _ in range(10)])
        indexed.memory.flush()
        progress = indexed.extend()
        assert progress.covered == progress.wanted
        most = max(most, progress.segments)
    assert 1 < most <= 10
    assert progress.covered == indexed.kb.stats().patterns


@pytest.mark.usefixtures("filed")
@pytest.mark.parametrize("count", [1, 120])
def test_a_segment_of_nothing_but_forgotten_patterns(indexed: Indexed, count: int) -> None:
    names = [indexed.kb.learn([["s1"], ["s2"], [f"x{i}"]]) for i in range(count)]
    for name in names:
        indexed.kb.forget(name or "")
    indexed.memory.flush()
    for config in CONFIGS:
        for memory in ([["s1"]], [["s1"], ["s2"]], [["s1"], ["s2"], ["y"]]):
            indexed.by_index(memory, **config)
            assert indexed.extend().covered == count
            assert indexed.by_index(memory, **config) == indexed.by_scan(memory, **config)
    indexed.catalog = indexed.another()
    indexed.kb.learn([["s1"], ["s2"]])
    assert b"s2" in indexed.by_index([["s1"], ["s2"]])


@pytest.mark.usefixtures("filed")
class TestFiles:
    """Segments that are files."""

    @pytest.fixture
    def learned(self, indexed: Indexed) -> Indexed:
        rng = Random(2)
        indexed.kb.learn_many([sequence(rng) for _ in range(500)])
        indexed.memory.flush()
        indexed.extend()
        return indexed

    def test_another_process_maps_them(self, learned: Indexed) -> None:
        covered = learned.progress().covered
        assert [file.last for file in segment_files(learned.home)] == [covered]
        learned.catalog = learned.another()
        with patch.object(catalog_module, "build", side_effect=AssertionError("built again")):
            learned.check(Random(3), 10)
        assert learned.progress().covered == covered

    def test_what_is_forgotten_and_deleted_meanwhile_stays_hidden(self, learned: Indexed) -> None:
        found = msgspec.json.decode(learned.by_scan([["s1"], ["s2"]]))["predictions"]
        for prediction in found[:20]:
            learned.kb.forget(prediction["name"])
        learned.memory.flush()
        sink = PatternSink(learned.engines._clickhouse)
        sink.purge(learned.engines.journal.done_until())
        sink.purge(learned.engines.journal.done_until())
        for catalog in (learned.catalog, learned.another()):
            learned.catalog = catalog
            answer = learned.by_index([["s1"], ["s2"]])
            assert answer == learned.by_scan([["s1"], ["s2"]])
            assert found[0]["name"] not in answer.decode()

    def test_damage_is_noticed_and_mended(
        self, learned: Indexed, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (file,) = segment_files(learned.home)
        data = bytearray(file.path.read_bytes())
        data[len(data) // 2] ^= 1
        file.path.write_bytes(data)
        learned.catalog = learned.another()
        learned.check(Random(4), 3)
        assert learned.progress().covered == 0
        assert "damaged" in capsys.readouterr().out
        learned.extend()
        assert learned.progress().covered == file.last
        assert segment_files(learned.home) == [file]

    def test_one_process_builds(self, indexed: Indexed) -> None:
        rng = Random(5)
        indexed.kb.learn_many([sequence(rng) for _ in range(500)])
        indexed.memory.flush()
        indexed.by_index([["s1"], ["s2"]])
        with _locked(indexed.home):
            indexed.catalog.extend(indexed.number)
            assert indexed.progress().covered == 0
            indexed.check(rng, 3)
        other, indexed.catalog = indexed.catalog, indexed.another()
        indexed.extend()
        indexed.catalog = other
        with patch.object(catalog_module, "build", side_effect=AssertionError("built again")):
            indexed.catalog.extend(indexed.number)
        assert indexed.progress().covered == indexed.progress().wanted
        indexed.check(rng, 3)

    def test_a_folder_that_cannot_be_written_costs_only_the_file(
        self, indexed: Indexed, capsys: pytest.CaptureFixture[str]
    ) -> None:
        indexed.folder = indexed.folder / "in the way"
        indexed.folder.write_text("")
        indexed.catalog = indexed.another()
        rng = Random(6)
        indexed.kb.learn_many([sequence(rng) for _ in range(500)])
        indexed.memory.flush()
        progress = indexed.extend()
        assert progress.covered == progress.wanted
        assert "cannot be kept" in capsys.readouterr().out
        indexed.check(rng, 3)

    def test_files_of_a_cleared_knowledge_base_go(self, learned: Indexed) -> None:
        home = learned.home
        learned.kb.clear()
        learned.memory.flush()
        assert home.exists()
        learned.catalog._tidy()
        assert not home.exists()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_what_was_asked_for_longest_ago_is_let_go(
    memory: kato.Memory, kb_name: str, tmp_path: Path
) -> None:
    rng = Random(7)
    bases = [Indexed(memory, f"{kb_name} {number}", tmp_path) for number in range(4)]
    shared = bases[0].another(limit=6_000)  # one of them
    for base in bases:
        base.kb.learn_many([sequence(rng) for _ in range(50)])
        base.catalog = shared
    memory.flush()
    for base in bases:
        base.extend()
        shared._let_go(base.number)
        assert [kb for kb, entry in shared._entries.items() if entry.shelves] == [base.number]
    for base in bases:
        base.check(rng, 3)


def test_the_background_covers_what_is_asked_for(memory: kato.Memory, kb_name: str) -> None:
    kb, engines = memory.knowledge_base(kb_name), memory._engines
    rng = Random(8)
    kb.learn_many([sequence(rng) for _ in range(300)])
    memory.flush()
    kb.predict([["s1"], ["s2"]])
    look = engines.counters.look(kb_name, [], 0)
    assert look is not None
    assert _in_time(lambda: engines.catalog.progress(look.kb).covered == look.last_pattern)
    assert engines.catalog.background.failure is None


def _in_time(happens: Callable[[], bool]) -> bool:
    end = monotonic() + 30
    while not happens():
        if monotonic() > end:
            return False
        sleep(0.01)
    return True


def test_a_row_is_hidden_by_its_id_alone() -> None:
    rows = [[[1], [2]], [[3, 1], [2]], [[1], [2], [3]], [[2], [1]]]
    (shelf,) = shelves_of(Candidates.of(enumerate(rows, start=1)))
    shelf.hide(np.array([2, 99, 4]))
    assert sorted(shelf.sequences(shelf.shown(np.arange(4))).ids.tolist()) == [1, 3]
    shelf.hide_all_but(np.array([3]))
    assert shelf.sequences(shelf.shown(np.arange(4))).ids.tolist() == [3]
