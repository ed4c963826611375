from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run


@pytest.fixture
def lines(tmp_path: Path) -> str:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a b c\na b d\na b c\nalone\n")
    return str(path)


def test_the_report(run: Run, lines: str) -> None:
    ran = run("learn", lines, "--kb", "letters")
    assert ran.code == 0
    assert ran.err == ""
    rows = [row.strip().split(maxsplit=1) for row in ran.out.splitlines()]
    assert rows[0] == ["learned", "into letters"]
    assert [number for number, _ in rows[1:6]] == ["4", "2", "1", "1", "0"]


def test_the_report_as_json(run: Run, lines: str) -> None:
    answer = run("learn", lines, "--json").json
    assert answer.pop("seconds") >= 0
    assert answer == {
        "knowledge_base": "default",
        "sequences": 4,
        "new": 2,
        "known": 1,
        "too_short": 1,
        "rejected": 0,
        "rejected_lines": [],
    }


def test_bad_lines_are_named_and_counted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad\x1b[31m.txt"
    path.write_bytes(b"a b\n\xff\nc d\n")
    ran = run("learn", str(path), "--json")
    assert ran.code == 0
    assert ran.json["sequences"] == 2
    assert ran.json["rejected"] == 1
    assert ran.json["rejected_lines"] == [
        {"file": str(path), "line": 2, "reason": "is not UTF-8: byte 0xff at position 0"}
    ]
    assert "\x1b" not in ran.err
    assert r"bad\x1b[31m.txt, line 2: is not UTF-8" in ran.err


def test_only_the_first_bad_lines_are_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"a b\n" + b"\xff\n" * 50)
    ran = run("learn", str(path))
    assert ran.err.count("bad line:") == 20
    assert "the last 30 not named" in ran.out


def test_strict_stops_at_the_first_bad_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"a b\n\xff\nc d\n\xfe\n")
    ran = run("learn", str(path), "--strict")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert "line 2: is not UTF-8" in ran.err
    assert "leave out --strict" in ran.err


def test_nothing_but_bad_lines_is_an_error(run: Run, lines: str) -> None:
    ran = run("learn", lines, "--format", "jsonl")
    assert ran.code == 2
    assert "none of 4 lines can be read" in ran.err
    assert "--format" in ran.err


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nb c\n")))
    assert run("learn", "-", "--json").json["new"] == 2


def test_windows(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"a b c d e f g\n")
    assert run("learn", str(path), "--window", "3", "--json").json["sequences"] == 2
    assert run("learn", str(path), "--window", "3", "--step", "1", "--json").json["sequences"] == 5


def test_columns(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"user|page|at\nu|second|2\nu|first|1\n")
    options = ("--sequence-column", "user", "--symbol-column", "page", "--order-column", "at")
    assert run("learn", str(path), *options, "--delimiter", "|", "--json").json["new"] == 1
    assert run("predict", "first", "--json").json["predictions"][0]["future"] == [["second"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere' cannot be read: No such file"),
        (["."], "cannot be read: Is a directory"),
        (["LINES", "--format", "xml"], "no such format: 'xml'"),
        (["LINES", "--window", "2", "--step", "3"], "would lose events"),
        (["LINES", "--step", "3"], "--step without --window"),
        (["LINES", "--delimiter", "ab"], "a delimiter must be one character"),
        (["LINES", "--symbol-column", "page"], "has no column 'page'"),
        (["LINES", "--format", "parquet"], "no readable Parquet file"),
    ],
)
def test_what_cannot_be_used(arguments: list[str], said: str, run: Run, lines: str) -> None:
    ran = run("learn", *(lines if word == "LINES" else word for word in arguments))
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert "; " in ran.err
    assert ran.out == ""


def test_a_missing_file_is_found_before_anything_is_learned(run: Run, lines: str) -> None:
    assert run("learn", lines, "nowhere").code == 2
    assert "nothing was learned" in run("stats").out
