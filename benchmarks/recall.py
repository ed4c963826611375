"""How fast patterns are recalled, by every plan, and whether all plans answer the same.

    python -m benchmarks.recall --patterns 1e6 [--data zipf] [--queries 200] [--compared 200]
        [--plans index,sql,scan,exhaustive,minhash] [--store FOLDER] [--concurrent] [--many]

Learns a workload, indexes it, and asks each plan the same questions, each in a process of its own
(:mod:`benchmarks.recall_stages`): windows of what was learned with a fifth of their symbols
exchanged, memories of frequent symbols only, and memories of one event or two. The whole answers of
the exact plans must be the same as those of aligning every pattern; if one is not, the run fails
and keeps no figures. ``minhash`` is told by what it finds of them.

Runs of different sizes and data add up in ``benchmarks/results/recall.json``, and their growth in
``docs/recall-growth.svg``. With a store that is kept, what is built is not built again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from benchmarks.environment import ROOT, environment
from benchmarks.recall_data import DATA, NAMES, workload
from benchmarks.recall_goals import goals
from benchmarks.recall_growth import keep
from benchmarks.recall_plans import PLANS
from benchmarks.recall_store import Question, Store, chosen, say
from benchmarks.workloads import (
    Workload,
    frequent_queries,
    frequent_symbols,
    short_queries,
    window_queries,
)

SAMPLE = 2000
"""Sequences that windows are taken of."""

BANDS = (0.1, 0.3, 0.5, 0.7, 1.0)
"""Similarities that are told apart."""

STARTS = {
    "started_anew": (True, True),
    "started": (False, True),
    "started_warm": (False, False),
}
"""Starts: whether the index is built anew, and whether files are read from the disk again."""

SLOW = ("scan", "exhaustive", "minhash")
"""Plans that are asked only as many questions as ``--compared`` says."""


def main() -> None:
    arguments = _arguments()
    if arguments.many:
        say(f"{arguments.many} knowledge bases …")
        from benchmarks.recall_load import many  # noqa: PLC0415 - seldom asked for

        print(keep("many", str(arguments.many), {**_place(), **many(arguments.many)}))
        return
    if arguments.store is not None:
        run(Store(arguments.store), arguments)
        return
    with TemporaryDirectory(prefix="kato-") as folder:
        run(Store(Path(folder)), arguments)


def run(store: Store, arguments: argparse.Namespace) -> None:
    """Build, ask, compare and keep.

    Raises:
        SystemExit: Two plans answered differently, or a step failed.
    """
    given = workload(arguments.data, int(arguments.patterns), arguments.files)
    built = store.built.get("learned", {"data": given.name, "sequences": given.count})
    if (built["data"], built["sequences"]) != (given.name, given.count):
        raise SystemExit(f"{store.folder} holds {built['sequences']} sequences of {built['data']}")
    store.questions = questions(given, arguments.queries)
    figures = measured(store, arguments)
    print(json.dumps(figures, indent=2))
    found = figures["exact"]["differences"]
    if found:
        raise SystemExit("\n".join(["the plans differ", *found]))
    if arguments.data == "zipf":
        for goal in goals(figures):
            met = "met" if goal.met else "MISSED"
            say(f"{met}: {goal.name}: {goal.measured:g}, goal {goal.limit:g}")
    print(keep(arguments.data, str(given.count), {**_place(), **figures}))


def questions(given: Workload, count: int) -> list[Question]:
    """So many windows, and a fifth as many of the other kinds."""
    sample, few = given.sample(SAMPLE), max(1, count // 5)
    frequent = frequent_queries(few, symbols=frequent_symbols(sample))
    return [
        *(Question("window", events) for events in window_queries(sample, count)),
        *(Question("frequent", events) for events in frequent),
        *(Question("short", events) for events in short_queries(sample, few)),
    ]


def measured(store: Store, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every step, one after the other."""
    every = list(range(len(store.questions)))
    some = chosen(store.questions, arguments.compared)
    name, count, files = arguments.data, int(arguments.patterns), str(arguments.files)
    plans: list[str] = arguments.plans
    figures = _step(store, "build", name=name, count=count, files=files, plans=plans)
    if "index" in plans:
        for step, (rebuild, cold) in STARTS.items():
            given = {"began": time.monotonic(), "rebuild": rebuild, "cold": cold}
            figures[step] = _step(store, "start", **given, places=every)
        figures["threads"] = _step(store, "load", seconds=arguments.seconds / 4, concurrent=False)
    figures["plans"] = {}
    for plan in plans:
        places = some if plan in SLOW else every
        figures["plans"][plan] = _step(store, "ask", plan=plan, places=places)
    answers = {plan: store.answers(plan) for plan in plans}
    minhash = answers.pop("minhash", None)
    figures["exact"] = {
        "answers": {plan: len(found) for plan, found in answers.items()},
        "differences": differences(answers),
    }
    if minhash is not None and "index" in answers:
        figures["plans"]["minhash"]["found"] = found_of(minhash, answers["index"])
    if arguments.concurrent:
        figures["concurrent"] = _step(store, "load", seconds=arguments.seconds, concurrent=True)
    return figures


def differences(answers: dict[str, dict[int, bytes]]) -> list[str]:
    """Where a plan's answer is not, byte for byte, that of the first plan that was asked the same.

    >>> differences({"a": {7: b'{"predictions":[{"name":"x"}]}'}, "b": {7: b'{"predictions":[]}'}})
    ['question 7: b says 0 predictions, a 1']
    """
    told = []
    for place in sorted(set().union(*answers.values())):
        found = {plan: each[place] for plan, each in answers.items() if place in each}
        first, *others = found
        told += [
            f"question {place}: {_difference(plan, found[plan], first, found[first])}"
            for plan in others
            if found[plan] != found[first]
        ]
    return told


def found_of(answers: dict[int, bytes], exact: dict[int, bytes]) -> dict[str, Any]:
    """How many of the exact plan's predictions a plan found, by their similarity."""
    counts = {f"{low}-{high}": [0, 0] for low, high in pairwise(BANDS)}
    for place, answer in answers.items():
        names = {prediction["name"] for prediction in _predictions(answer)}
        for prediction in _predictions(exact[place]):
            count = counts[_band(prediction["similarity"])]
            count[0] += 1
            count[1] += prediction["name"] in names
    return {band: {"predictions": of, "found": found} for band, (of, found) in counts.items()}


def _band(similarity: float) -> str:
    return next(
        f"{low}-{high}" for low, high in pairwise(BANDS) if similarity < high or high == BANDS[-1]
    )


def _difference(plan: str, answer: bytes, first: str, other: bytes) -> str:
    one, two = _predictions(answer), _predictions(other)
    if len(one) != len(two):
        return f"{plan} says {len(one)} predictions, {first} {len(two)}"
    pairs = enumerate(zip(one, two, strict=True))
    place = next((place for place, (a, b) in pairs if a != b), None)
    if place is None:
        return f"{plan} says other futures than {first}"
    return f"{plan} says {one[place]['name']} in place {place}, {first} {two[place]['name']}"


def _predictions(answer: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(answer)["predictions"]
    return found


def _step(store: Store, stage: str, **arguments: Any) -> dict[str, Any]:
    """A step in a process of its own."""
    say(f"{stage} {' '.join(_short(arguments))}…")
    command = [sys.executable, "-m", "benchmarks.recall_stages", stage, str(store.folder)]
    command.append(json.dumps(arguments))
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{stage} failed")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _short(arguments: dict[str, Any]) -> Iterable[str]:
    return (f"{k}={v} " for k, v in arguments.items() if k not in ("began", "places", "files"))


def _place() -> dict[str, Any]:
    return {"environment": environment()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="measure recall by every plan")
    parser.add_argument("--patterns", type=float, default=1e5, help="sequences to learn")
    parser.add_argument("--data", choices=NAMES, default="zipf")
    parser.add_argument("--files", type=Path, default=DATA, help="folder of the data files")
    parser.add_argument("--queries", type=int, default=200, help="windows to ask")
    parser.add_argument(
        "--compared", type=int, default=10**9, help="questions that the slow plans are asked"
    )
    parser.add_argument("--plans", type=_plans, default=list(PLANS), help="by comma")
    parser.add_argument("--store", type=Path, help="folder to build in, kept and used again")
    parser.add_argument("--concurrent", action="store_true", help="readers beside a writer")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a load of threads")
    parser.add_argument(
        "--many", type=int, nargs="?", const=10_000, help="only this: many knowledge bases"
    )
    return parser.parse_args()


def _plans(text: str) -> list[str]:
    plans = text.split(",")
    wrong = [plan for plan in plans if plan not in PLANS]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]} is none of {', '.join(PLANS)}")
    return plans


if __name__ == "__main__":
    main()
