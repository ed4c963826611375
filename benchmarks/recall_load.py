"""Many at once: threads that predict, one that learns beside them, and many knowledge bases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import msgspec
from benchmarks.recall_plans import Statements, opened, watched
from benchmarks.recall_store import percentiles, say
from benchmarks.workloads import Events, zipf_sequences

from kato.memory import KnowledgeBase
from kato.memory.engines import Engines
from kato.memory.predicting import Predictor
from kato.storage.ledger.tail import Tail

READERS = 4
PATTERNS = 100
ASKED = 200


def throughput(
    kb: KnowledgeBase, queries: list[Events], threads: int, seconds: float
) -> dict[str, Any]:
    """Predictions a second of so many threads together."""
    until = perf_counter() + seconds
    times = _together([_reader(kb, queries, place, until) for place in range(threads)])
    return {
        "seconds": seconds,
        "predictions_per_second": round(len(times) / seconds, 1),
        "wall_ms": percentiles(times),
    }


def readers_and_writer(kb: KnowledgeBase, queries: list[Events], seconds: float) -> dict[str, Any]:
    """Four readers by themselves, and then beside one who reads what he just wrote.

    Raises:
        SystemExit: What was learned was not recalled by the very next prediction.
    """
    quiet = throughput(kb, queries, READERS, seconds)
    written: list[float] = []
    until = perf_counter() + seconds
    readers = [_reader(kb, queries, place, until) for place in range(READERS)]
    times = _together([*readers, _writer(kb, until, written)])
    busy = percentiles(times)
    return {
        "readers": READERS,
        "seconds": seconds,
        "quiet_ms": quiet["wall_ms"],
        "beside_writer_ms": busy,
        "p95_ratio": round(busy["p95"] / quiet["wall_ms"]["p95"], 2),
        "learned_and_read": len(written),
        "learn_ms": percentiles(written),
    }


def _reader(
    kb: KnowledgeBase, queries: list[Events], place: int, until: float
) -> Callable[[list[float]], None]:
    def read(times: list[float]) -> None:
        for number in count(place * len(queries) // READERS):
            began = perf_counter()
            if began > until:
                return
            kb.predict(queries[number % len(queries)])
            times.append((perf_counter() - began) * 1000)

    return read


def _writer(kb: KnowledgeBase, until: float, written: list[float]) -> Callable[[list[float]], None]:
    def write(_: list[float]) -> None:
        for number in count():
            if perf_counter() > until:
                return
            began = perf_counter()
            name = kb.learn([[f"written {number}"], ["and"], [f"read {number}"]])
            written.append((perf_counter() - began) * 1000)
            answer = kb.predict([[f"written {number}"], ["and"]])
            if name not in {prediction.name for prediction in answer}:
                raise SystemExit(f"pattern {number} was learned, and not recalled at once")

    return write


def _together(work: list[Callable[[list[float]], None]]) -> list[float]:
    """All times, of threads that run at once; what fails in one fails here."""
    times: list[float] = []
    failures: list[BaseException] = []

    def run(one: Callable[[list[float]], None]) -> None:
        try:
            one(times)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times


def many(number: int) -> dict[str, Any]:
    """So many knowledge bases of 100 patterns in one memory, against one alone.

    Raises:
        SystemExit: Clearing one changed another.
    """
    with TemporaryDirectory(prefix="kato-") as folder, ExitStack() as started:
        engines = opened(Path(folder), started)
        tables = engines.tables
        carry = engines.writer.step
        predictor = Predictor(engines.counters, Tail(), engines.planner, tables, carry)
        kbs = [KnowledgeBase(f"kb {each}", engines, predictor) for each in range(number)]
        kbs[0].learn_many(_sequences(0))
        engines.flush()
        alone, before = _asked(engines, [kbs[0]] * ASKED), _counted(engines)
        began = perf_counter()
        for each, kb in enumerate(kbs[1:], 1):
            kb.learn_many(_sequences(each))
            if each % 1000 == 0:
                say(f"  {each} knowledge bases")
        engines.flush()
        learned = perf_counter() - began
        chosen = kbs[:: max(1, number // ASKED)]
        first, again = _asked(engines, chosen), _asked(engines, chosen)
        among_all = _asked(engines, [kbs[0]] * ASKED)
        return {
            "knowledge_bases": number,
            "patterns_each": PATTERNS,
            "learned_per_second": round((number - 1) * PATTERNS / learned),
            "one_alone": {"wall_ms": alone, **before},
            "asked_first": {"wall_ms": first},
            "asked_again": {"wall_ms": again},
            "one_among_all": {"wall_ms": among_all, **_counted(engines)},
            "ledger_bytes_per_pattern": round(
                engines.connection.memory().dataset / number / PATTERNS, 1
            ),
            "cleared_ms": _cleared(chosen),
        }


def _sequences(seed: int) -> list[Events]:
    return zipf_sequences(PATTERNS, seed=seed, symbols=1000)


def _asked(engines: Engines, kbs: list[KnowledgeBase]) -> dict[str, float]:
    """Milliseconds of one window each, once what was asked for before is indexed."""
    kbs[0].predict(_window(0))
    _settle(engines, kbs)
    times = []
    for place, kb in enumerate(kbs):
        began = perf_counter()
        kb.predict(_window(place))
        times.append((perf_counter() - began) * 1000)
    return percentiles(times)


def _settle(engines: Engines, kbs: list[KnowledgeBase]) -> None:
    for kb in kbs:
        number = engines.counters.number(kb.name) or 0
        while (progress := engines.catalog.progress(number)).covered < progress.wanted:
            sleep(0.01)


def _window(place: int) -> Events:
    return _sequences(0)[place % PATTERNS][:6]


def _counted(engines: Engines) -> dict[str, int]:
    """Open files of this process, and parts of ClickHouse."""
    clickhouse = watched(engines, Statements())
    parts = clickhouse.rows(
        "SELECT count() FROM system.parts WHERE active AND database = currentDatabase()"
    )
    clickhouse.close()
    return {"open_files": len(list(Path("/dev/fd").iterdir())), "parts": int(parts[0][0])}


def _cleared(chosen: list[KnowledgeBase]) -> float:
    """Milliseconds to clear one, which changes no other."""
    gone, others = chosen[-1], chosen[:-1]
    before = [_state(kb) for kb in others]
    began = perf_counter()
    gone.clear()
    milliseconds = (perf_counter() - began) * 1000
    if gone.stats().patterns or len(gone.predict(_window(0))):
        raise SystemExit("a cleared knowledge base still answers")
    if [_state(kb) for kb in others] != before:
        raise SystemExit("clearing one knowledge base changed another")
    return round(milliseconds, 2)


def _state(kb: KnowledgeBase) -> tuple[bytes, bytes]:
    return msgspec.json.encode(kb.stats()), msgspec.json.encode(kb.predict(_window(1)))
