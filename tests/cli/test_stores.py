"""The command line over real stores, each command a start of its own as a user would see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Ran

import kato
from kato.cli import main

NASTY = ["it's", '"q"', "\\", "\t", "\n", "\x00", "🙂", "", "\u202e", "{a b}", "x" * 100_000]
SEQUENCES = [
    [["start"], ["a"], ["b", "c"], ["d"], ["end"]],
    [["start"], ["a"], ["b", "c"], ["d"], ["end"]],
    [[symbol] for symbol in NASTY],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that has learned SEQUENCES into the knowledge base ``it's``."""
    folder = tmp_path_factory.mktemp("stores")
    path = folder / "sequences.jsonl"
    path.write_text("\n".join(map(json.dumps, SEQUENCES)))
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(folder / "data"), "learn", str(path), "--kb", "it's"])
    assert not ended.value.code
    return folder / "data"


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> Ran:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(folder), *arguments])
    out, err = capsys.readouterr()
    return Ran(int(ended.value.code or 0), out, err)


def test_learned_is_predicted_shown_and_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observed = ("predict", "a", "b", "odd", "--kb", "it's")
    (prediction, *_) = run(capsys, folder, *observed, "--json").json["predictions"]
    assert prediction["past"] == [["start"]]
    assert prediction["future"] == [["d"], ["end"]]
    assert prediction["extras"] == [[], [], ["odd"]]
    shown = run(capsys, folder, *observed, "--explain").out
    assert "start" in shown
    assert "(evidence + confidence)·snr" in shown
    pattern = run(capsys, folder, "show", prediction["name"], "--kb", "it's", "--json").json
    assert pattern["frequency"] == 2
    stats = run(capsys, folder, "stats", "--json").json
    assert stats["knowledge_bases"]["it's"]["patterns"] == 2
    assert stats["memory"]["ledger_bytes"] > 0


def test_any_symbol_comes_back_as_it_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    observed = json.dumps([[symbol] for symbol in NASTY[:-1]])
    ran = run(capsys, folder, "predict", "--events", observed, "--kb", "it's", "--json")
    (prediction, *_) = ran.json["predictions"]
    assert prediction["matches"] == NASTY[:-1]
    assert prediction["future"] == [[NASTY[-1]]]


@pytest.mark.deep
def test_another_process_gives_the_same_answer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data-dir", str(folder), "predict", "start", "d", "--kb", "it's", "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "kato", *arguments],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert ran.stdout.decode() == run(capsys, folder, *arguments[2:]).out


def test_a_folder_in_use_names_its_owner(folder: Path) -> None:
    with kato.open(folder):
        ran = subprocess.run(
            [sys.executable, "-m", "kato", "--data-dir", str(folder), "stats"],
            capture_output=True,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"error: ")
    assert str(os.getpid()) in ran.stderr.decode()
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.deep
def test_forget_and_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a b c\na b d\n\xff\n")
    learned = run(capsys, tmp_path / "data", "learn", str(path), "--json").json
    assert (learned["new"], learned["rejected"]) == (2, 1)
    name = run(capsys, tmp_path / "data", "predict", "a", "b", "c", "--json").json["predictions"][
        0
    ]["name"]
    assert run(capsys, tmp_path / "data", "forget", name).code == 0
    assert run(capsys, tmp_path / "data", "show", name).code == 1
    assert run(capsys, tmp_path / "data", "clear", "--yes").out == "cleared: default, 1 patterns\n"
    assert run(capsys, tmp_path / "data", "predict", "a", "b", "--json").json["predictions"] == []
