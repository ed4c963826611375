"""How much the service takes: observing, learning and predicting over HTTP.

    python -m benchmarks.service

Starts ``kato serve`` with embedded stores, one worker, and loads it from this process; both share
the machine's cores. Writes ``benchmarks/results/service.json``.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from benchmarks.environment import write_result
from benchmarks.load import Request, closed_loop, open_loop
from benchmarks.workloads import Events, window_queries, zipf_sequences

import kato

PORT = 8764
URL = f"http://127.0.0.1:{PORT}"
PATTERNS = 100_000
QUERIES = 200
SESSIONS = 100
RATE = 1000.0
SECONDS = 20.0
PATTERN_SYMBOLS = 15
CALL_PATTERNS = 100


def main() -> None:
    """Measure and write the result."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        learned = prepared(data)
        gc.freeze()  # or looking through a million symbols here would count as the service's time
        with served(data):
            figures = {
                "patterns": PATTERNS,
                "observe": observing(),
                "observe_saturated": saturated(),
                "learn": learning(),
                "predict": predicting(learned),
            }
    print(json.dumps(figures, indent=1))
    print(write_result("service", figures))


def prepared(data: Path) -> list[Events]:
    """Learn patterns in a node called ``recall``; answers what to ask about them."""
    sequences = zipf_sequences(PATTERNS)
    with kato.open(data) as memory:
        memory.knowledge_base("recall").learn_many(sequences)
        memory.flush()
    return window_queries(sequences, QUERIES)


@contextmanager
def served(data: Path) -> Iterator[int]:
    """The service, as users start it."""
    command = [sys.executable, "-m", "kato", "--data-dir", str(data), "serve", "--port", str(PORT)]
    process = subprocess.Popen(command)  # noqa: S603 - our own
    try:
        while process.poll() is None:
            try:
                if httpx.get(f"{URL}/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        if process.returncode is not None:
            raise SystemExit(f"the service ended with {process.returncode}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def opened(node: str, count: int, **config: Any) -> list[str]:
    """Paths of new sessions."""
    with httpx.Client(base_url=URL) as client:
        body = {"node_id": node, "config": config}
        answers = [client.post("/sessions", json=body).json() for _ in range(count)]
    return [f"/sessions/{answer['session_id']}" for answer in answers]


def observations() -> Iterator[Request]:
    """One event a request, over all sessions in turn; each tenth is learned with those before."""
    paths = opened("observing", SESSIONS, max_pattern_length=10)

    def requests() -> Iterator[Request]:
        for index, path in enumerate(cycle(paths)):
            event = {"strings": [f"s{index * 7919 % 1000}"]}
            yield "POST", f"{path}/observe", json.dumps(event).encode()

    return requests()  # the sessions are there when the clock begins


def observing() -> dict[str, Any]:
    """Observe at a fixed rate."""
    requests = observations()
    open_loop(URL, requests, RATE, 2.0)
    return {"rate": RATE, **open_loop(URL, requests, RATE, SECONDS).figures()}


def saturated() -> dict[str, Any]:
    """Observe as fast as answers come."""
    return closed_loop(URL, observations(), 20_000).figures()


def learning() -> dict[str, Any]:
    """Learn many patterns a call, by ``observe-sequence``."""
    [path] = opened("learning", 1, max_pattern_length=PATTERN_SYMBOLS)

    def calls() -> Iterator[Request]:
        for call in range(10**9):
            events = [
                {"strings": [f"s{(call * 7919 + index * 104_729) % 20_011}"]}
                for index in range(CALL_PATTERNS * PATTERN_SYMBOLS)
            ]
            yield "POST", f"{path}/observe-sequence", json.dumps({"observations": events}).encode()

    ready = iter(list(islice(calls(), 200)))
    closed_loop(URL, ready, 20, connections=1)
    figures = closed_loop(URL, ready, 180, connections=1).figures()
    rate = figures["per_second"] * CALL_PATTERNS
    return {"patterns_a_call": CALL_PATTERNS, "patterns_per_second": round(rate, 1), **figures}


def predicting(asked: list[Events]) -> dict[str, Any]:
    """Predict over many patterns at a fixed rate, and as fast as answers come."""
    body = [json.dumps({"events": events}).encode() for events in asked]

    def requests() -> Iterator[Request]:
        return (("POST", "/nodes/recall/predictions", each) for each in cycle(body))

    closed_loop(URL, requests(), 100, connections=2)
    return {
        "rate": 30.0,
        **open_loop(URL, requests(), 30.0, SECONDS).figures(),
        "saturated": closed_loop(URL, requests(), 1000, connections=4).figures(),
    }


if __name__ == "__main__":
    main()
