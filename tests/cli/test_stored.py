from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from kato.model.naming import pattern_name

NAME = pattern_name([["a"], ["b", "c"]])


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def learned(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    record = {
        "events": [["a"], ["b", "c"]],
        "emotives": {"joy": 0.5},
        "metadata": {"source": "a book", "k\x1b": "\x1b[2J"},
    }
    path.write_text(json.dumps(record) + "\n" + json.dumps([["a"], ["b", "c"]]))
    run("learn", str(path))


@pytest.mark.parametrize("name", [NAME, f"PTRN|{NAME}"])
def test_show(name: str, run: Run) -> None:
    out = run("show", name).out
    for text in (
        f"pattern {NAME}",
        "a {b c}",
        "3 symbols in 2 events",
        "learned 2×",
        "joy 0.5",
        "'a book'",
        r"'\x1b[2J'",
    ):
        assert text in out
    assert "\x1b" not in out


def test_show_as_json(run: Run) -> None:
    answer = run("show", NAME, "--json").json
    assert answer["name"] == NAME
    assert answer["frequency"] == 2
    assert answer["emotives"] == [{"joy": 0.5}]


@pytest.mark.parametrize("command", ["show", "forget"])
def test_a_pattern_that_is_not_there(command: str, run: Run) -> None:
    ran = run(command, "0" * 40)
    assert ran.code == 1
    assert "there is no pattern" in ran.err


def test_stats(run: Run) -> None:
    out = run("stats").out
    assert "default" in out
    assert "ledger 2.0 kB, disk 3.0 MB, journal 0 entries" in out


def test_stats_of_one_knowledge_base_show_its_symbols(run: Run) -> None:
    out = run("stats", "--kb", "default", "--symbols", "2").out
    symbols = out.partition("in patterns")[2]
    assert [row.split() for row in symbols.splitlines()[2:4]] == [["a", "2", "1"], ["b", "2", "1"]]


def test_stats_as_json(run: Run) -> None:
    answer = run("stats", "--json").json
    counts = {"patterns": 1, "symbols": 3, "pattern_frequencies": 2, "total_symbols": 6}
    assert answer["knowledge_bases"] == {"default": counts}
    assert answer["memory"]["knowledge_bases"] == 1
    assert "symbols" not in answer
    assert len(run("stats", "--kb", "default", "--json").json["symbols"]) == 3


def test_forget(run: Run) -> None:
    assert run("forget", NAME, "--yes").out == f"forgotten: {NAME}\n"
    assert run("show", NAME).code == 1


def test_clear_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    refused = run("clear")
    assert refused.code == 1
    assert "Forget all 1 patterns of default?" in refused.out + refused.err
    assert run("show", NAME).code == 0
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run("clear").code == 0
    assert run("show", NAME).code == 1


def test_clear_without_asking(run: Run) -> None:
    assert run("clear", "--yes").out == "cleared: default, 1 patterns\n"


@pytest.mark.parametrize(
    "command", [["clear", "--yes"], ["forget", NAME], ["stats"], ["show", NAME]]
)
def test_a_knowledge_base_that_is_not_there_is_not_made(command: list[str], run: Run) -> None:
    assert run(*command, "--kb", "none").code == 1
    assert list(run("stats", "--json").json["knowledge_bases"]) == ["default"]
