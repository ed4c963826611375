"""Explaining on the command line, over real stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Ran, Run

from kato.cli import main

SEQUENCES = [[[letter] for letter in word] for word in ("cat", "cart", "carton", "dog")]
UNKNOWN = "0" * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that has learned SEQUENCES."""
    folder = tmp_path_factory.mktemp("explain")
    path = folder / "sequences.jsonl"
    path.write_text("\n".join(map(json.dumps, SEQUENCES)))
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(folder / "data"), "learn", str(path)])
    assert not ended.value.code
    return folder / "data"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``kato`` over that directory, 100 columns wide."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run_main(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--data-dir", str(folder), *arguments])
        out, err = capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run_main


def test_a_person_sees_the_steps_and_the_verdict(run: Run) -> None:
    dog = run("predict", "d", "o", "g", "--json").json["predictions"][0]["name"]
    out = run("explain", "c", "a", "t", "--pattern", dog).out
    assert "observed  c a t" in out
    assert "plan      scan, the index has room" in out
    assert "ensemble  3 of at most 300 patterns, the worst with preliminary potential" in out
    steps = {cells[0]: cells for cells in map(str.split, out.splitlines()) if cells}
    assert steps["scan"][1:4] == ["4", "4", "3"]
    assert steps["measure"][1:4] == ["3", "0", "3"]
    assert "╭─ nothing in common" in out
    assert "none of its 3 symbols was observed" in out
    assert f"pattern {dog}" in out


def test_json_is_the_whole_explanation(run: Run) -> None:
    explained = run("explain", "c", "a", "t", "--pattern", UNKNOWN, "--json").json
    assert explained["verdict"]["reason"] == "not learned"
    assert [step["name"] for step in explained["steps"]] == ["scan", "measure"]
    assert explained["ensemble"] == 3
    assert run("explain", "c", "a", "t", "--json").json["verdict"] is None


def test_configuration(run: Run) -> None:
    filters = ("--set", "filter_pipeline=length,bloom")
    explained = run("explain", "--events", '[["c", "a", "t"]]', *filters, "--json").json
    names = [step["name"] for step in explained["steps"]]
    assert names == ["filter length", "filter bloom", "match", "measure"]


def test_a_name_that_is_none_is_printed_safely(run: Run) -> None:
    ran = run("explain", "c", "a", "--pattern", "\x1b[31m")
    assert "not learned" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing was observed"),
        (["c", "--set", "nothing=1"], "nothing: No such key"),
        (["c", "--events", "[]"], "both symbols and --events"),
    ],
)
def test_what_cannot_be_used(arguments: list[str], said: str, run: Run) -> None:
    ran = run("explain", *arguments)
    assert ran.code == 2
    assert said in ran.err
