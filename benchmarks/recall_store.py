"""The folder of one measurement: the memory, the queries, and what each plan answered."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import msgspec
import numpy as np

from kato.memory import KnowledgeBase
from kato.memory.engines import Engines
from kato.model.prediction import Predictions

KINDS = ("window", "frequent", "short")

PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}

_PATIENCE = 3600.0
"""Seconds that an index may take."""


class Question(msgspec.Struct, frozen=True):
    """What is asked.

    Attributes:
        kind: One of :data:`KINDS`.
        events: The memory.
    """

    kind: str
    events: list[list[str]]


class Answer(msgspec.Struct, frozen=True):
    """What was answered.

    Attributes:
        question: Place of the question.
        predictions: The whole answer, as JSON.
    """

    question: int
    predictions: msgspec.Raw


class Store:
    """A folder of one measurement.

    Attributes:
        folder: The folder.
        data: The memory's data directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def built(self) -> dict[str, Any]:
        """What building it took; empty if it is not built."""
        path = self.folder / "built.json"
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
        return found

    @built.setter
    def built(self, figures: dict[str, Any]) -> None:
        (self.folder / "built.json").write_bytes(msgspec.json.encode(figures))

    @property
    def questions(self) -> list[Question]:
        """What every plan is asked."""
        path = self.folder / "questions.json"
        return msgspec.json.decode(path.read_bytes(), type=list[Question])

    @questions.setter
    def questions(self, questions: list[Question]) -> None:
        (self.folder / "questions.json").write_bytes(msgspec.json.encode(questions))

    def keep_answers(self, plan: str, answers: dict[int, bytes]) -> None:
        """Keep what a plan answered, as JSON, by place of the question."""
        with self._answers(plan).open("wb") as file:
            for place, answer in answers.items():
                file.write(msgspec.json.encode(Answer(place, msgspec.Raw(answer))) + b"\n")

    def answers(self, plan: str) -> dict[int, bytes]:
        """What a plan answered, by place of the question."""
        with self._answers(plan).open("rb") as file:
            found = [msgspec.json.decode(line, type=Answer) for line in file]
        return {answer.question: bytes(answer.predictions) for answer in found}

    def _answers(self, plan: str) -> Path:
        return self.folder / f"answers-{plan}.jsonl"


def chosen(questions: list[Question], count: int) -> list[int]:
    """Places of at most so many questions, evenly of each kind.

    >>> chosen([Question(kind, []) for kind in "aabbbbbb"], 4)
    [0, 2, 4, 6]
    """
    step = max(1.0, len(questions) / max(1, count))
    return sorted({int(place * step) for place in range(min(count, len(questions)))})


def evict(folder: Path) -> bool:
    """Have the system forget what it holds of the files of a folder; whether it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """The middle, the tail and the worst.

    >>> percentiles([3.0, 1.0, 2.0])["p50"]
    2.0
    """
    found = np.percentile(np.array(list(values), np.float64), list(PERCENTILES.values()))
    return dict(zip(PERCENTILES, found.round(2).tolist(), strict=True))


def timed(work: Callable[[], Predictions]) -> tuple[Predictions, float, float]:
    """What it answers, its milliseconds, and those of this process's processors."""
    start, cpu_start = perf_counter(), process_time()
    answer = work()
    return answer, (perf_counter() - start) * 1000, (process_time() - cpu_start) * 1000


def index_all(engines: Engines, kb: KnowledgeBase, question: Question) -> float:
    """Have everything indexed, and answer how many seconds that took.

    Raises:
        SystemExit: It fails.
    """
    began = perf_counter()
    kb.predict(question.events)
    number = engines.counters.number(kb.name) or 0
    while (progress := engines.catalog.progress(number)).covered < progress.wanted:
        if engines.catalog.background.failure or perf_counter() - began > _PATIENCE:
            raise SystemExit(f"indexing failed: {engines.catalog.background.failure!r}")
        sleep(0.01)
    return perf_counter() - began


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)
