"""Workloads by name: generated ones, and the files of the data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.datasets import SIGN_LANGUAGE
from benchmarks.environment import ROOT
from benchmarks.workloads import Events, Workload, generated, motif_sequences, zipf_sequences

from kato.cli.reading import Accepted, Columns, Inputs, Window
from kato.model.pattern import MIN_LENGTH

DATA = ROOT.parent / "shared" / "data"

GENERATED = {"zipf": zipf_sequences, "motifs": motif_sequences}


class DataFile(NamedTuple):
    """A file of the data folder and how it is read, as :mod:`benchmarks.datasets` does.

    Attributes:
        file: Its name.
        columns: Of a table.
        format_name: Guessed if None.
        window: How long sequences are cut.
        script: Makes JSON Lines of the file first; None if it is read as it is.
    """

    file: str
    columns: Columns = Columns()
    format_name: str | None = None
    window: Window | None = None
    script: Path | None = None


FILES = {
    "fifa": DataFile("FIFA.dat"),
    "bms": DataFile("BMS.dat", Columns(sequence="1", symbol="2")),
    "sign": DataFile("sign_language.txt", script=SIGN_LANGUAGE),
    "canadarm2": DataFile("Canadarm2_states.txt"),
    "leviathan": DataFile("leviathan.txt", format_name="text", window=Window.of(15)),
}

NAMES = (*GENERATED, *FILES)


def workload(name: str, count: int, data: Path = DATA) -> Workload:
    """The workload of that name, of at most so many sequences.

    Raises:
        SystemExit: Its file is not there.
    """
    if name in GENERATED:
        return generated(name, GENERATED[name], count)
    sequences = _read(FILES[name], data)[:count]
    return Workload(name, len(sequences), 1, lambda _: sequences)


def _read(given: DataFile, data: Path) -> list[Events]:
    path = data / given.file
    if not path.is_file():
        raise SystemExit(f"there is no {path}: name the folder of the data with --files")
    if given.script is None:
        return _sequences(path, given)
    with TemporaryDirectory() as folder:
        made = Path(folder) / "sequences.jsonl"
        with made.open("wb") as file:
            command = [sys.executable, str(given.script), str(path)]
            subprocess.run(command, stdout=file, check=True)  # noqa: S603 - our own script
        return _sequences(made, given)


def _sequences(path: Path, given: DataFile) -> list[Events]:
    """Those that can be patterns."""
    items = Inputs(
        [str(path)], format_name=given.format_name, columns=given.columns, window=given.window
    )
    read = ([list(e) for e in item.example.events] for item in items if isinstance(item, Accepted))
    return [events for events in read if sum(map(len, events)) >= MIN_LENGTH]
