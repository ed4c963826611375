"""The steps of ``benchmarks.recall``, each in a process of its own.

    python -m benchmarks.recall_stages build|start|ask|load FOLDER [ARGUMENTS AS JSON]

So a start is a start, memory is that of one step, and no plan is warmed by another. A step prints
its figures as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
from benchmarks.minhash import fill
from benchmarks.recall_load import readers_and_writer, throughput
from benchmarks.recall_plans import Statements, Subject, knowledge_base, opened, subject, watched
from benchmarks.recall_store import (
    KINDS,
    Question,
    Store,
    evict,
    index_all,
    percentiles,
    say,
    timed,
)
from benchmarks.workloads import Events, Workload

from kato.memory.engines import Engines
from kato.model.prediction import Predictions
from kato.storage.clickhouse.postings import PostingTables


def build(store: Store, *, name: str, count: int, files: str, plans: list[str]) -> dict[str, Any]:
    """Learn what the store does not hold yet, and build what the plans need."""
    figures = store.built
    warm_kernels()
    with ExitStack() as started:
        engines = opened(store.data, started)
        if "learned" not in figures:
            from benchmarks.recall_data import workload  # noqa: PLC0415 - only this step reads

            figures["learned"] = learned(engines, workload(name, count, Path(files)))
            store.built = figures
            figures["stored"] = stored(engines)
        if "index" in plans and "index" not in figures:
            figures["index"] = indexed(engines, store.questions[0])
        if "sql" in plans and "postings" not in figures:
            figures["postings"] = posted(engines)
        peak = round(_own_peak_mib() + _ledger_peak_mib(engines))
    figures["peak_mib"] = max(figures.get("peak_mib", 0), peak)
    store.built = figures
    return figures


def warm_kernels() -> None:
    """Compile what recalls, or load what was compiled: no figure is of compiling."""
    with TemporaryDirectory(prefix="kato-") as folder, ExitStack() as started:
        engines = opened(Path(folder), started)
        kb = knowledge_base(engines)
        kb.learn_many([["a"], ["b"], [f"c{number}"]] for number in range(10))
        engines.flush()
        question = Question("window", [["a"], ["c1"], ["b"]])
        index_all(engines, kb, question)
        kb.predict(question.events)


def learned(engines: Engines, given: Workload) -> dict[str, Any]:
    """Learn the workload as it is made, all of it durable and in ClickHouse in the end."""
    kb, making = knowledge_base(engines), Making(given)
    began = perf_counter()
    kb.learn_many(making)
    learned_at = perf_counter()
    engines.flush()
    stats = kb.stats()
    seconds = learned_at - began
    return {
        "data": given.name,
        "sequences": given.count,
        "patterns": stats.patterns,
        "distinct_symbols": stats.symbols,
        "symbols": stats.total_symbols,
        "seconds": round(seconds, 2),
        "making_sequences_seconds": round(making.seconds, 2),
        "flush_seconds": round(perf_counter() - learned_at, 2),
        "sequences_per_second": round(given.count / seconds),
    }


class Making:
    """The sequences of a workload, and how long making them took.

    Attributes:
        seconds: Spent in making sequences, which learning waits for.
    """

    def __init__(self, given: Workload) -> None:
        self._given = given
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Events]:
        for number in range(self._given.chunks):
            began = perf_counter()
            chunk = self._given.chunk(number)
            self.seconds += perf_counter() - began
            yield from chunk
            say(f"  learned chunk {number + 1} of {self._given.chunks}")


def indexed(engines: Engines, question: Question) -> dict[str, Any]:
    """Build the index, from the first prediction that asks for it until it covers everything."""
    kb = knowledge_base(engines)
    seconds = index_all(engines, kb, question)
    progress = engines.catalog.progress(engines.counters.number(kb.name) or 0)
    return {
        "seconds": round(seconds, 2),
        "segments": progress.segments,
        "bytes": progress.bytes,
        "bytes_per_pattern": round(progress.bytes / kb.stats().patterns, 1),
    }


def posted(engines: Engines) -> dict[str, Any]:
    """Build the postings, as far as they go."""
    kb = knowledge_base(engines)
    number, patterns = engines.counters.number(kb.name) or 0, kb.stats().patterns
    clickhouse = watched(engines, Statements())
    before, began = engines.tables.bytes_on_disk(), perf_counter()
    covered = PostingTables(clickhouse).extend(number, patterns)
    seconds = perf_counter() - began
    clickhouse.close()
    added = engines.tables.bytes_on_disk() - before
    return {
        "seconds": round(seconds, 2),
        "covered": covered,
        "disk_bytes_per_pattern": round(added / patterns, 1),
    }


def stored(engines: Engines) -> dict[str, Any]:
    """What the stores hold once everything is learned."""
    patterns = knowledge_base(engines).stats().patterns
    ledger, disk = engines.connection.memory().dataset, engines.tables.bytes_on_disk()
    return {
        "ledger_bytes_per_pattern": round(ledger / patterns, 1),
        "disk_bytes_per_pattern": round(disk / patterns, 1),
    }


def start(
    store: Store, *, began: float, rebuild: bool, cold: bool, places: list[int]
) -> dict[str, Any]:
    """Open what another process left, and ask for the first time.

    Args:
        store: What is opened.
        began: ``time.monotonic()`` before this process was started.
        rebuild: Remove the index's files first.
        cold: Let the system forget what it has read of the files.
        places: Questions to ask after the first.
    """
    imported = time.monotonic() - began
    if rebuild:
        shutil.rmtree(store.data / "recall", ignore_errors=True)
    evicted = cold and evict(store.data)
    questions = store.questions
    with ExitStack() as started:
        opening = perf_counter()
        engines = opened(store.data, started)
        ready = perf_counter()
        kb = knowledge_base(engines)
        kb.predict(questions[0].events)
        first = perf_counter()
        index_all(engines, kb, questions[0])
        covered = perf_counter()
        asked = [timed(lambda place=p: kb.predict(questions[place].events)) for p in places]  # type: ignore[misc]
    return {
        "files_evicted": evicted,
        "process_seconds": round(imported, 2),
        "open_seconds": round(ready - opening, 2),
        "first_prediction_seconds": round(first - ready, 3),
        "index_ready_seconds": round(covered - ready, 2),
        "cold": _by_kind([questions[p] for p in places], _counted(asked)),
    }


def ask(store: Store, *, plan: str, places: list[int]) -> dict[str, Any]:
    """Ask a plan everything once, and then again with the clock running; keep the answers."""
    questions = store.questions
    with ExitStack() as started:
        engines = opened(store.data, started)
        figures, asked = _prepared(engines, plan, questions[0], started)
        for place in places:
            asked.kb.predict(questions[place].events, **asked.config)
        gc.collect()
        gc.freeze()  # what tests of speed hold is not KATO's to collect
        answers, works = {}, []
        times: list[tuple[int, float, float]] = []
        for place in places:
            asked.taken()
            found = timed(lambda p=place: asked.kb.predict(questions[p].events, **asked.config))  # type: ignore[misc]
            answers[place] = msgspec.json.encode(found[0])
            times += _counted([found])
            works.append(asked.taken())
        store.keep_answers(plan, answers)
        figures["peak_mib"] = round(_own_peak_mib())
    chosen_ones = [questions[place] for place in places]
    _refuse_uncovered(plan, works)
    return {**figures, "kinds": _by_kind(chosen_ones, times, works)}


def load(store: Store, *, seconds: float, concurrent: bool) -> dict[str, Any]:
    """Ask from several threads at once; and while patterns are learned, on a copy of the store."""
    data = store.data
    if concurrent:
        data = store.folder / "copy"
        # ClickHouse's links are relative; followed, they would be folders that it does not open.
        shutil.copytree(store.data, data, symlinks=True)
    windows = [each.events for each in store.questions if each.kind == "window"]
    try:
        with ExitStack() as started:
            engines = opened(data, started)
            kb = knowledge_base(engines)
            index_all(engines, kb, store.questions[0])
            for events in windows:
                kb.predict(events)
            gc.collect()
            gc.freeze()
            if concurrent:
                return readers_and_writer(kb, windows, seconds)
            return {f"{n}_threads": throughput(kb, windows, n, seconds) for n in (1, 2)}
    finally:
        if concurrent:
            shutil.rmtree(data, ignore_errors=True)


def _prepared(
    engines: Engines, plan: str, question: Question, started: ExitStack
) -> tuple[dict[str, Any], Subject]:
    """The plan's knowledge base, with what it needs in place."""
    asked = subject(engines, plan, started)
    if plan == "index":
        index_all(engines, asked.kb, question)
        return {}, asked
    began = perf_counter()
    if plan == "minhash":
        fill(asked.kb, question.events, asked.config)
    else:
        asked.kb.predict(question.events)
    return {"preparing_seconds": round(perf_counter() - began, 2)}, asked


def _refuse_uncovered(plan: str, works: list[dict[str, int]]) -> None:
    if plan == "index" and any(work["uncovered"] for work in works):
        raise SystemExit("the index did not cover everything: what was measured is no index")


def _by_kind(
    questions: list[Question],
    times: list[tuple[int, float, float]],
    works: list[dict[str, int]] | None = None,
) -> dict[str, Any]:
    """Predictions, milliseconds, and what it took, of each kind of question."""
    figures = {}
    for kind in KINDS:
        rows = [row for row, question in enumerate(questions) if question.kind == kind]
        if not rows:
            continue
        figures[kind] = {
            "queries": len(rows),
            "predictions": sum(times[row][0] for row in rows),
            "wall_ms": percentiles(times[row][1] for row in rows),
            "cpu_ms": percentiles(times[row][2] for row in rows),
        }
        if works:
            names = works[rows[0]]
            counts = {name: [works[row][name] for row in rows] for name in names}
            figures[kind]["took"] = {name: _middle_and_most(each) for name, each in counts.items()}
    return figures


def _counted(answers: list[tuple[Predictions, float, float]]) -> list[tuple[int, float, float]]:
    return [(len(answer), wall, cpu) for answer, wall, cpu in answers]


def _middle_and_most(counts: list[int]) -> dict[str, int]:
    ascending = sorted(counts)
    return {"p50": ascending[len(counts) // 2], "max": ascending[-1]}


def _own_peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _ledger_peak_mib(engines: Engines) -> float:
    """Of the Valkey beside this process; 0 where the system does not tell."""
    if engines.directory is None:
        return 0.0
    pid = (engines.directory.ledger / "valkey.pid").read_text().strip()
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(next(peaks, "0")) / 2**10


STAGES: dict[str, Callable[..., dict[str, Any]]] = {
    "build": build,
    "start": start,
    "ask": ask,
    "load": load,
}


def main(stage: str, folder: str, arguments: str = "{}") -> None:
    # What a library prints must not come between the figures.
    output = os.dup(1)
    os.dup2(2, 1)
    figures = STAGES[stage](Store(Path(folder)), **json.loads(arguments))
    os.write(output, json.dumps(figures).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
