"""The benchmark of recall runs to its end, and notices an answer that is not the others'."""

from __future__ import annotations

import argparse
import doctest
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from benchmarks import recall, recall_goals, recall_growth, recall_plans, recall_store
from benchmarks.recall_data import workload
from benchmarks.recall_store import Store
from benchmarks.recall_tables import RECALL_TABLES
from benchmarks.workloads import CHUNK, generated, motif_sequences, zipf_sequences

ROOT = Path(__file__).parents[2]
PLANS = ["index", "sql", "scan", "exhaustive", "minhash"]
WINDOWS = 5
QUESTIONS = 7


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Any]]:
    """A store of 2,000 patterns of events of several symbols, asked by every plan."""
    store = Store(tmp_path_factory.mktemp("recall"))
    given = workload("motifs", 2000)
    store.questions = recall.questions(given, WINDOWS)
    arguments = argparse.Namespace(
        data="motifs",
        patterns=2000.0,
        files=Path(),
        plans=PLANS,
        compared=QUESTIONS,
        seconds=1.0,
        concurrent=True,
    )
    return store, recall.measured(store, arguments)


@pytest.mark.deep
def test_every_plan_is_measured(measured: tuple[Store, dict[str, Any]]) -> None:
    _, figures = measured
    assert figures["learned"]["patterns"] == 2000
    assert set(figures["plans"]) == set(PLANS)
    for plan in figures["plans"].values():
        for kind in ("window", "frequent", "short"):
            times = plan["kinds"][kind]["wall_ms"]
            assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= times["max"]
    assert figures["plans"]["exhaustive"]["kinds"]["window"]["took"]["aligned"]["p50"] == 2000
    assert figures["plans"]["index"]["kinds"]["window"]["took"]["uncovered"]["max"] == 0
    assert figures["plans"]["scan"]["kinds"]["window"]["took"]["statements"]["p50"] == 1
    assert figures["plans"]["index"]["kinds"]["window"]["predictions"] > 100


@pytest.mark.deep
def test_a_start_and_threads_are_measured(measured: tuple[Store, dict[str, Any]]) -> None:
    _, figures = measured
    for step in ("started", "started_anew"):
        assert figures[step]["first_prediction_seconds"] > 0
        assert figures[step]["cold"]["window"]["queries"] == WINDOWS
    assert figures["threads"]["2_threads"]["predictions_per_second"] > 0
    assert figures["concurrent"]["learned_and_read"] > 0


@pytest.mark.deep
def test_the_exact_plans_answer_the_same(measured: tuple[Store, dict[str, Any]]) -> None:
    store, figures = measured
    exact = [plan for plan in PLANS if plan != "minhash"]
    assert figures["exact"] == {"answers": dict.fromkeys(exact, QUESTIONS), "differences": []}
    assert len(set(store.answers("index").values())) > 1


@pytest.mark.deep
@pytest.mark.parametrize("field", ["name", "similarity", "future"])
def test_a_tampered_answer_is_noticed(measured: tuple[Store, dict[str, Any]], field: str) -> None:
    store, _ = measured
    answers = {plan: store.answers(plan) for plan in ("index", "exhaustive")}
    place = next(place for place, answer in answers["index"].items() if len(answer) > 1000)
    answer = msgspec.json.decode(answers["index"][place])
    tampered: Any = {"name": "0" * 40, "similarity": 0.123, "future": [["nothing"]]}
    answer["predictions"][3][field] = tampered[field]
    answers["index"][place] = msgspec.json.encode(answer)
    (told,) = recall.differences(answers)
    assert told.startswith(f"question {place}: exhaustive says ")
    assert "in place 3" in told


def test_a_run_whose_plans_differ_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(recall, "keep", lambda *given: kept.append(given))
    arguments = argparse.Namespace(data="motifs", patterns=100.0, files=Path(), queries=2)
    for found, runs in (["question 1: a says 3 predictions, b 4"], 0), ([], 1):
        figures = {"exact": {"differences": found}}
        monkeypatch.setattr(recall, "measured", lambda _store, _given, it=figures: it)
        if found:
            with pytest.raises(SystemExit, match="question 1"):
                recall.run(Store(tmp_path), arguments)
        else:
            recall.run(Store(tmp_path), arguments)
        assert len(kept) == runs


@pytest.mark.deep
def test_goals_are_told_of_a_run(measured: tuple[Store, dict[str, Any]]) -> None:
    _, figures = measured
    assert {goal.name for goal in recall_goals.goals(figures)} >= {
        "sql, rounds",
        "index, bytes a pattern",
        "first prediction, s",
    }
    large = {**figures, "learned": {**figures["learned"], "sequences": 10_000_000}}
    large["peak_mib"] = 10_000
    told = {goal.name: goal.met for goal in recall_goals.goals(large)}
    assert told["index, window, p50, ms"] is True
    assert told["most memory of process and ledger, MiB"] is False


@pytest.mark.deep
def test_many_knowledge_bases_are_measured() -> None:
    # In a process of its own: chDB has one path a process.
    script = "import json; from benchmarks.recall_load import many; print(json.dumps(many(3)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["knowledge_bases"] == 3
    assert figures["cleared_ms"] > 0
    assert figures["one_among_all"]["open_files"] >= 3


@pytest.mark.parametrize(("data", "sequences"), [("zipf", 99), ("motifs", 100)])
def test_a_store_of_something_else_is_refused(tmp_path: Path, data: str, sequences: int) -> None:
    store = Store(tmp_path)
    store.built = {"learned": {"data": data, "sequences": sequences}}
    arguments = argparse.Namespace(data="zipf", patterns=100.0, files=Path(), queries=2)
    with pytest.raises(SystemExit, match=f"{sequences} sequences of {data}"):
        recall.run(store, arguments)


def test_minhash_is_told_by_what_it_finds() -> None:
    def answer(*similarities: float) -> bytes:
        return msgspec.json.encode(
            {"predictions": [{"name": str(value), "similarity": value} for value in similarities]}
        )

    found = recall.found_of({0: answer(1.0, 0.5)}, {0: answer(1.0, 0.5, 0.4, 0.12)})
    assert found == {
        "0.1-0.3": {"predictions": 1, "found": 0},
        "0.3-0.5": {"predictions": 1, "found": 0},
        "0.5-0.7": {"predictions": 1, "found": 1},
        "0.7-1.0": {"predictions": 1, "found": 1},
    }


@pytest.mark.deep
@pytest.mark.parametrize("sequences", [zipf_sequences, motif_sequences])
def test_a_workload_is_the_same_every_time(sequences: Any) -> None:
    given = generated("it", sequences, CHUNK + 10)
    assert sum(1 for _ in given) == given.count
    assert len(given.chunk(1)) == 10
    assert given.chunk(1) == given.chunk(1) != given.chunk(0)[:10]
    assert given.sample(50) == given.sample(50)


def test_rounds_are_told_from_ranges_that_are_split() -> None:
    statements = recall_plans.Statements()
    for ids in ((64, 900), (64, 482), (482, 900), (900, 1500)):
        statements.answered(ids, 7)
    taken = statements.taken()
    assert (taken["rounds"], taken["answered"]) == (1, 28)
    for ids in ((64, 900), (900, 1500), (64, 900)):
        statements.answered(ids, 7)
    assert statements.taken()["rounds"] == 2


@pytest.mark.parametrize(
    "module", [recall, recall_store, recall_growth, recall_goals], ids=lambda m: m.__name__
)
def test_examples(module: Any) -> None:
    found = doctest.testmod(sys.modules[module.__name__])
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize(("name", "table"), RECALL_TABLES.items())
def test_the_document_says_what_was_measured(name: str, table: Any) -> None:
    text = (ROOT / "docs" / "recall.md").read_text(encoding="utf-8")
    shown = text.split(f"<!-- table: {name} -->\n")[1].split("<!-- end -->", maxsplit=1)[0]
    assert shown.strip() == table().strip()


def test_the_picture_is_of_what_was_measured() -> None:
    picture = recall_growth.PICTURE.read_text(encoding="utf-8")
    assert picture == recall_growth.picture(recall_growth.results())
    ET.fromstring(picture)  # noqa: S314 - our own


def test_kept_runs_add_up_and_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.environment.RESULTS", tmp_path)
    monkeypatch.setattr(recall_growth, "RESULTS", tmp_path)
    monkeypatch.setattr(recall_growth, "PICTURE", tmp_path / "it.svg")
    for patterns, p50 in ((1_000_000, 9.0), (100_000, 6.0), (1_000_000, 8.0)):
        kinds = {"window": {"wall_ms": {"p50": p50}}}
        run = {"learned": {"patterns": patterns}, "plans": {"index": {"kinds": kinds}}}
        path = recall_growth.keep("zipf", str(patterns), run)
    kept = json.loads(path.read_text())
    assert list(kept["runs"]["zipf"]) == ["100000", "1000000"]
    assert kept["fits"]["zipf"]["index"]["b_ms_per_tenfold"] == 2.0
    assert "index</text>" in (tmp_path / "it.svg").read_text()
