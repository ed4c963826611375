from __future__ import annotations

from pathlib import Path

import pytest

from kato.cli.python_lines import FREQUENT, python_files, python_lines


def lines(path: Path, source: str) -> list[str]:
    path.write_text(source)
    return [" ".join(s for (s,) in example.events) for example in python_lines([path])]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("# only a comment\n\n", []),
        ("x = 1\n", ["NAME = NUMBER"]),
        ("if not len(x):\n    return 'a'\n", ["if not len ( NAME ) :", "return STRING"]),
        ("f(1,\n  2)  # two\n", ["NAME ( NUMBER , NUMBER )"]),
        ("f'{x} and {y!r:>{z}}' + b''\n", ["STRING + STRING"]),
        ("x = 1\n)broken(\n'''open\n", ["NAME = NUMBER", ") NAME ("]),
    ],
)
def test_a_logical_line_is_a_sequence(source: str, expected: list[str], tmp_path: Path) -> None:
    assert lines(tmp_path / "a.py", source)[: len(expected)] == expected


def test_frequent_names_stand_as_they_are(tmp_path: Path) -> None:
    source = "often = rare\n" + "often\n" * (FREQUENT - 1)
    assert lines(tmp_path / "a.py", source)[:2] == ["often = NAME", "often"]


def test_the_library_is_there_and_sorted() -> None:
    files = python_files()
    assert files == sorted(files)
    assert {"argparse.py", "os.py"} <= {file.name for file in files}
    assert not any("site-packages" in file.parts for file in files)
