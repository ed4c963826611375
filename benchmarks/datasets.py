"""Real sequence data through the command line: size, speed, and how often the next symbol is right.

    python -m benchmarks.datasets [--data ../shared/data] [--questions 1000]

Each data set is learned whole by ``kato learn`` into stores of its own, measured by ``kato stats``,
and asked about by ``kato evaluate``, each a process as a user would start it. Writes
``benchmarks/results/datasets.json``; the commands stand in it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.environment import ROOT, write_result

SIGN_LANGUAGE = ROOT / "examples" / "sign_language.py"
SPLIT = (
    "Of the sequences (windows) with two or more symbols, in file order from 0, i is held out when"
    " i % 10 == 9. It is asked about at event 1 + (i // 10) % (events - 1) given up to 5 events"
    " before it; of more questions than asked for, evenly spaced ones. See kato.cli.evaluation."
)


class DataSet(NamedTuple):
    """A data set and how it is read.

    Attributes:
        name: How the results call it.
        file: In the data folder.
        options: Of ``kato learn`` and ``kato evaluate``.
        script: Makes JSON Lines of the file first; None if it is read as it is.
    """

    name: str
    file: str
    options: tuple[str, ...] = ()
    script: Path | None = None


DATA_SETS = (
    DataSet("FIFA", "FIFA.dat"),
    DataSet("BMS", "BMS.dat", ("--sequence-column", "1", "--symbol-column", "2")),
    DataSet("sign language", "sign_language.txt", script=SIGN_LANGUAGE),
    DataSet("Canadarm2", "Canadarm2_states.txt"),
    DataSet("Leviathan", "leviathan.txt", ("--format", "text", "--window", "15")),
)


def main() -> None:
    arguments = _arguments()
    results = []
    for data_set in DATA_SETS:
        print(f"{data_set.name} …", flush=True)
        results.append(_measured(data_set, arguments.data, arguments.questions))
        _print_row(results[-1])
    path = write_result("datasets", {"split": SPLIT, "data_sets": results})
    print(f"written: {path.relative_to(ROOT)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default, help="folder of the data sets")
    parser.add_argument("--questions", type=int, default=1000, help="held-out sequences to ask")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"there is no data folder {arguments.data}: name it with --data")
    return arguments


def _measured(data_set: DataSet, data: Path, questions: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="kato-") as folder:
        path = _readable(data_set, data / data_set.file, Path(folder))
        stores = ("--data-dir", f"{folder}/stores")
        began = time.perf_counter()
        learned = _kato(*stores, "learn", str(path), *data_set.options, "--json")
        seconds = time.perf_counter() - began
        stored = _kato(*stores, "stats", "--json")
        asked = ("--questions", str(questions))
        evaluated = _kato("evaluate", str(path), *data_set.options, *asked, "--json")
    counts = stored["knowledge_bases"]["default"]
    return {
        "name": data_set.name,
        "command": " ".join(("kato learn", path.name, *data_set.options)),
        "sequences": learned["sequences"],
        "too_short": learned["too_short"],
        "rejected": learned["rejected"],
        "patterns": counts["patterns"],
        "distinct_symbols": counts["symbols"],
        "symbols": counts["total_symbols"],
        "learn_seconds": learned["seconds"],
        "process_seconds": seconds,
        "ledger_bytes": stored["memory"]["ledger_bytes"],
        "disk_bytes": stored["memory"]["disk_bytes"],
        "journal_entries": stored["memory"]["journal_entries"],
        "evaluation": evaluated,
    }


def _readable(data_set: DataSet, path: Path, folder: Path) -> Path:
    if data_set.script is None:
        return path
    written = folder / f"{path.stem}.jsonl"
    with written.open("wb") as file:
        command = [sys.executable, str(data_set.script), str(path)]
        subprocess.run(command, stdout=file, check=True)  # noqa: S603 - our own script
    return written


def _kato(*arguments: str) -> Any:
    command = [sys.executable, "-m", "kato", *arguments]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    return json.loads(answer.stdout)


def _print_row(result: dict[str, Any]) -> None:
    right = result["evaluation"]["accuracy"]
    print(
        f"  {result['sequences']:,} sequences, {result['patterns']:,} patterns,"
        f" {result['learn_seconds']:.1f} s, ledger {result['ledger_bytes']:,} B,"
        f" disk {result['disk_bytes']:,} B;"
        f" next symbol {right['kato']:.1%}, order 1 {right['after_last']:.1%},"
        f" most frequent {right['most_frequent']:.1%}"
    )


if __name__ == "__main__":
    main()
