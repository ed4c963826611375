"""An hour of mixed load on the service: memory must stay as it is after the first minutes.

    python -m benchmarks.soak [--minutes 60]

Starts ``kato serve`` with embedded stores and lets clients observe, learn, predict, look at memory
and patterns, and open sessions that expire, at a rate that leaves the machine room. What can be
learned is finite, so what is kept stops to grow. Writes ``benchmarks/results/soak.json``; fails if
the memory of the service or of Valkey grew, or if a request was not answered as it should be.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from benchmarks.environment import write_result
from benchmarks.load import Request, open_loop
from benchmarks.resident import Residents, figures, grown
from benchmarks.service import URL, opened, served

RATE = 200.0
"""Requests a second."""

SYMBOLS = 6
"""So few that there are some thousand patterns and no more."""

PATTERN_SYMBOLS = 5
SESSIONS = 50

SHARES = {
    "observe": 0.80,
    "predict": 0.08,
    "stm": 0.05,
    "patterns": 0.03,
    "learn": 0.03,
    "open": 0.01,
}
"""What is asked, and how often."""


def main() -> None:
    """Load, watch, judge and keep."""
    parser = argparse.ArgumentParser(description="watch memory under a mixed load")
    parser.add_argument("--minutes", type=float, default=60.0)
    with TemporaryDirectory() as folder:
        result = soaked(Path(folder), parser.parse_args().minutes * 60)
    print(json.dumps({name: result[name] for name in ("load", "growth")}, indent=1))
    print(write_result("soak", result))
    problems = problems_of(result)
    if problems:
        raise SystemExit("\n".join(problems))


def soaked(folder: Path, seconds: float) -> dict[str, Any]:
    """Serve and load for so long; answers what came of it."""
    with served(folder / "data") as service, Residents(processes_of(service)) as residents:
        load = open_loop(URL, mixed(), RATE, seconds).figures()
    return {"load": load, **figures(residents)}


def problems_of(result: dict[str, Any]) -> list[str]:
    """What should not have come of it."""
    statuses = {s: n for s, n in result["load"]["statuses"].items() if s != "200"}
    wrong = [f"{count} answers with status {status}" for status, count in statuses.items()]
    return grown(result["growth"]) + wrong


def mixed() -> Iterator[Request]:
    """Requests of every kind over many sessions, the same in every run."""
    paths = opened("soak", SESSIONS, max_pattern_length=PATTERN_SYMBOLS)

    def requests() -> Iterator[Request]:
        chance = Random(1)  # noqa: S311 - not for secrets
        kinds, weights = list(SHARES), list(SHARES.values())
        for path in cycle(paths):
            yield _request(chance.choices(kinds, weights)[0], path, chance)

    return requests()


def _request(kind: str, path: str, chance: Random) -> Request:
    if kind == "observe":
        event = {"strings": [f"s{chance.randrange(SYMBOLS)}"]}
        return "POST", f"{path}/observe", json.dumps(event).encode()
    if kind == "learn":
        walk = [[f"s{chance.randrange(SYMBOLS)}"], ["end"]]
        body = {"sequences": [{"events": walk}]}
        return "POST", "/nodes/soak/learn", json.dumps(body).encode()
    if kind == "open":
        return "POST", "/sessions", json.dumps({"node_id": "soak", "ttl_seconds": 10}).encode()
    places = {
        "predict": f"{path}/predictions",
        "stm": f"{path}/stm",
        "patterns": "/nodes/soak/patterns?limit=20",
    }
    return "GET", places[kind], b""


def processes_of(service: int) -> dict[str, int]:
    """The ids of the service and of its Valkey, the one child that it has."""
    [valkey] = psutil.Process(service).children()
    return {"service": service, "valkey": valkey.pid}


if __name__ == "__main__":
    main()
