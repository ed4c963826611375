"""An hour of trades from simulated exchanges: memory must stay as it is, and nothing be lost.

    python -m benchmarks.market_soak [--minutes 60]

Simulator, three feeds and ingest are started as a user starts them, with embedded stores; some
trades are told again or late. Writes ``benchmarks/results/market_soak.json``; fails if a process'
memory grew, if feeds, ingest, engine and ledger had more than 1.5 GB at any moment, or if silver
does not hold just the trades that were told.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from benchmarks.environment import write_result
from benchmarks.resident import Residents, figures, grown

import kato
from kato.errors import StoreUnavailable
from kato.market.ingest.running import ingesting, settings_for
from kato.market.log.opening import open_ledger

EXCHANGES = ("binance", "kraken", "coinbase")
RATE = 150.0
"""Trades a second of each exchange."""

FAULTS = ("again=0.01", "late=0.01")
MOST_MIB = 1500
WAIT_SECONDS = 60.0
KATO = (sys.executable, "-m", "kato")


def main() -> None:
    """Run, judge and keep."""
    parser = argparse.ArgumentParser(description="watch memory of the market half")
    parser.add_argument("--minutes", type=float, default=60.0)
    with TemporaryDirectory() as folder:
        result = soaked(Path(folder), parser.parse_args().minutes * 60)
    print(json.dumps({name: it for name, it in result.items() if name != "samples"}, indent=1))
    print(write_result("market_soak", result))
    problems = problems_of(result)
    if problems:
        raise SystemExit("\n".join(problems))


def soaked(folder: Path, seconds: float) -> dict[str, Any]:
    """Trade for so long; answers what came of it."""
    data, truth, port = folder / "data", folder / "truth.jsonl", free_port()
    with ExitStack() as running:
        processes = started(running, data, truth, port)
        with Residents(processes) as residents:
            time.sleep(seconds)
    with truth.open("rb") as lines:
        told = sum(1 for _ in lines)
    return {
        "trades_per_second": RATE * len(EXCHANGES),
        "seconds": seconds,
        "told": told,
        **stored(data),
        **figures(residents),
    }


def stored(data: Path) -> dict[str, int]:
    """What the layers hold once all of the log is carried."""
    with kato.open(data) as memory, ingesting(memory, settings_for(data)) as ingest:
        ingest.flush()
        clickhouse = memory.clickhouse()
        silver = clickhouse.rows("SELECT count() FROM silver_trades FINAL")[0][0]
        candles = clickhouse.rows("SELECT sum(trades) FROM candles_1d")[0][0]
        clickhouse.close()
    return {"in_silver": silver, "in_candles": candles}


def problems_of(result: dict[str, Any]) -> list[str]:
    """What should not have come of it."""
    problems = grown(result["growth"])
    if result["peak_mib"] > MOST_MIB:
        problems.append(f"{result['peak_mib']} MiB at one moment, more than {MOST_MIB}")
    told = result["told"]
    wrong = [name for name in ("in_silver", "in_candles") if result[name] != told]
    return problems + [f"{result[name]} trades {name}, {told} were told" for name in wrong]


def started(running: ExitStack, data: Path, truth: Path, port: int) -> dict[str, int]:
    """Everything, ended in the order in which trades come; the ids of what is watched."""
    ingest = ("--data-dir", str(data), "market", "ingest", "--report", "0")
    processes = {"ingest": running.enter_context(process(*ingest))}
    until(lambda: is_open(data))
    processes["ledger"] = psutil.Process(processes["ingest"]).children()[0].pid
    for exchange in EXCHANGES:
        url = f"ws://127.0.0.1:{port}/{exchange}"
        feed = ("--data-dir", str(data), "market", "feed", exchange, "--url", url, "--report", "0")
        processes[exchange] = running.enter_context(process(*feed))
    simulate = ("simulate", "--port", str(port), "--rate", str(RATE), "--truth", str(truth))
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    running.enter_context(process("market", *simulate, *faults))
    return processes


def is_open(data: Path) -> bool:
    """Whether a process has the data directory open and its ledger answers."""
    try:
        open_ledger(settings_for(data)).close()
    except StoreUnavailable:
        return False
    return True


@contextmanager
def process(*words: str) -> Iterator[int]:
    """A command of KATO until it is told to end, which it has to do well; gives its id."""
    command = subprocess.Popen([*KATO, *words], stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        yield command.pid
    finally:
        command.send_signal(signal.SIGINT)
        if command.wait(WAIT_SECONDS):
            raise RuntimeError(f"ended with {command.returncode}: {' '.join(words)}")


def until(holds: Callable[[], bool]) -> None:
    """Return when it holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("waited too long")
        time.sleep(0.2)


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
