"""How long a start takes: after a crash of everything, and of a process that only predicts.

    python -m benchmarks.start

A process of its own learns, is killed together with its Valkey, and another one opens what is left:
the ledger is loaded from its log. Writes ``benchmarks/results/start.json``. Goals: ready below 5 s
at 100,000 patterns and below 15 s at a million; ``kato predict`` answers within 3 s of its start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from benchmarks.environment import ROOT, write_result
from benchmarks.workloads import visits

import kato

SIZES = (100_000, 1_000_000)
ROUNDS = 3


def main() -> None:
    """Measure a start at each size."""
    figures: dict[str, Any] = {"after_kill": [], "kato_predict_seconds": {}}
    for patterns in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            figures["after_kill"].append(after_kill(Path(folder) / "data", patterns))
            figures["kato_predict_seconds"][str(patterns)] = command_seconds(Path(folder) / "data")
            if patterns == SIZES[0]:
                figures["compiling_seconds"] = compiling_seconds(Path(folder))
    print(figures)
    print(write_result("start", figures))


def after_kill(data: Path, patterns: int) -> dict[str, Any]:
    """Learn in another process, kill it and its Valkey, and open what they leave."""
    _learn_and_kill(data, patterns)
    log = _log_bytes(data)
    rounds, logs = [], []
    for _ in range(ROUNDS):
        start = perf_counter()
        memory = kato.open(data)
        opened = perf_counter()
        answer = memory.knowledge_base().predict([["s1"], ["s2"], ["s3"]])
        answered = perf_counter()
        if memory.knowledge_base().stats().pattern_frequencies != patterns or len(answer) != 100:
            raise SystemExit("patterns are lost")
        rounds.append((opened - start, answered - opened))
        ledger = memory.stats().ledger_bytes
        logs.append(sum(_log_bytes(data).values()))
        _kill_valkey(data)
        memory.close()
    return {
        "patterns": patterns,
        "ledger_bytes": ledger,
        # Rewritten when it has doubled and passed 64 MiB: less is added than the base holds.
        "log_bytes": {**log, "after_each_open": logs},
        "log_bytes_per_pattern": round(sum(log.values()) / patterns, 1),
        "open_seconds": round(median(opened for opened, _ in rounds), 2),
        "first_predict_seconds": round(median(answered for _, answered in rounds), 2),
        "each_open": [round(opened, 2) for opened, _ in rounds],
    }


def command_seconds(data: Path) -> float:
    """From the start of `kato predict` to its end, compiled code cached."""
    times = [_predicting_seconds(data, {}) for _ in range(ROUNDS + 1)]
    return round(median(times[1:]), 2)


def compiling_seconds(folder: Path) -> float:
    """The same where nothing is compiled yet: the first time on a machine."""
    return round(_predicting_seconds(folder / "data", {"KATO_CACHE_DIR": str(folder / "none")}), 1)


def _predicting_seconds(data: Path, environment: dict[str, str]) -> float:
    start = perf_counter()
    command = [sys.executable, "-m", "kato", "--data-dir", str(data), "predict", "s1", "s2"]
    subprocess.run(  # noqa: S603 - our own command
        command, check=True, capture_output=True, env={**os.environ, **environment}
    )
    return perf_counter() - start


def learn(data: Path, patterns: int) -> None:
    """What the process that is killed does: learn, and wait for its end."""
    memory = kato.open(data)
    memory.knowledge_base().learn_many(visits(patterns))
    print("learned", flush=True)
    sleep(3600)


def _learn_and_kill(data: Path, patterns: int) -> None:
    command = [sys.executable, "-m", "benchmarks.start", str(data), str(patterns)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None or process.stdout.readline() != "learned\n":
            raise SystemExit("it did not learn")
        _kill_valkey(data)
        process.kill()


def _kill_valkey(data: Path) -> None:
    os.kill(int((data / "ledger" / "valkey.pid").read_text()), signal.SIGKILL)


def _log_bytes(data: Path) -> dict[str, int]:
    """Bytes of the log: of the last rewrite, and added since."""
    files = list((data / "ledger" / "appendonlydir").iterdir())
    base = sum(file.stat().st_size for file in files if ".base." in file.name)
    return {"base": base, "added": sum(file.stat().st_size for file in files) - base}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        learn(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
