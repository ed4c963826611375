from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def learned(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    sequences = [
        [["start"], ["a"], ["b", "c"], ["d"], ["end"]],
        [["a"], ["x"]],
        [["a"], ["x"]],
    ]
    path.write_text("\n".join(map(json.dumps, sequences)))
    run("learn", str(path))


def rows(out: str) -> dict[str, str]:
    """The rows of the first panel, by their heading."""
    panel = out.partition("╭─ 1.")[2].partition("╰")[0]
    cells = [line.strip("│ ").split(maxsplit=1) for line in panel.splitlines()[1:]]
    return {cell[0]: cell[1] for cell in cells if len(cell) == 2}


def test_a_person_sees_why(run: Run) -> None:
    ran = run("predict", "a", "b", "odd", "d")
    assert ran.code == 0
    shown = rows(ran.out)
    assert shown["past"] == "start"
    assert shown["present"] == "a {b c} d"
    assert shown["future"] == "end"
    assert shown["missing"] == "c"
    assert shown["extras"] == "odd"
    assert "similarity 0.600" in shown["numbers"]
    assert "observed  a b odd d" in ran.out
    assert "what comes next" in ran.out
    assert "pattern " in ran.out


def test_how_many_are_shown(run: Run) -> None:
    assert "1 more: --show 2" in run("predict", "a", "x", "d", "--show", "1").out
    assert "more: --show" not in run("predict", "a", "x", "d").out
    assert "╭" not in run("predict", "a", "x", "d", "--show", "0").out


def test_events_of_several_symbols(run: Run) -> None:
    ran = run("predict", "--events", '[["b", "c"], ["d"]]', "--json")
    assert ran.json["predictions"][0]["matches"] == ["b", "c", "d"]


def test_json_is_the_whole_answer(run: Run) -> None:
    answer = run("predict", "a", "x", "--json").json
    assert set(answer) == {"predictions", "future_potentials"}
    assert answer["predictions"][0]["similarity"] == 1.0


def test_the_arithmetic(run: Run) -> None:
    out = run("predict", "a", "b", "odd", "d", "--explain", "--show", "1").out
    for line in (
        "2·3 / (6 + 4) = 0.6000",
        "3 / 6 = 0.5000",
        "3 / 4 = 0.7500",
        "(3·3 − 4) / (3 + 4) = 0.7143",
    ):
        assert line in out


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 2),
        (["--recall-threshold", "0.9"], 1),
        (["--max-predictions", "1"], 1),
        (["--set", "max_predictions=1"], 1),
        (["--set", "recall_threshold=.9"], 1),
        (["--set", "filter_pipeline=", "--set", "filter_pipeline=[]"], 2),
        (["--set", "affinity_emotive=null"], 2),
        (["--set", "stm_mode=ROLLING"], 2),
    ],
)
def test_configuration(options: list[str], count: int, run: Run) -> None:
    ran = run("predict", "a", "x", *options, "--json")
    assert len(ran.json["predictions"]) == count


def test_ranking(run: Run) -> None:
    ran = run("predict", "a", "b", "x", "--rank", "frequency", "--json")
    assert [p["frequency"] for p in ran.json["predictions"]] == [2, 1]


def test_nothing_known_is_no_error(run: Run) -> None:
    ran = run("predict", "never", "seen")
    assert ran.code == 0
    assert "nothing like it is known" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing was observed"),
        (["a", "--events", "[]"], "both symbols and --events"),
        (["--events", "[["], "--events cannot be read"),
        (["--events", '["a"]'], "an event must be a list of symbols, got 'a'"),
        (["--events", '{"a": 1}'], "an event must be a list"),
        (["--events", "[[1]]"], "a symbol must be a string, got 1"),
        (["a\udcff"], r"a symbol holds a lone surrogate at position 1: 'a\udcff'"),
        (["--events", '[["\udcff"]]'], "--events cannot be read"),
        (["a", "--recall-threshold", "2"], "recall_threshold: Must be a number between"),
        (["a", "--rank", "beauty"], "rank_sort_algo: Must be one of"),
        (["a", "--set", "nothing=1"], "nothing: No such key"),
        (["a", "--set", "persistence"], "persistence: has no value"),
        (["a", "--set", "persistence=x"], "persistence: Must be an integer"),
    ],
)
def test_what_cannot_be_used(arguments: list[str], said: str, run: Run) -> None:
    ran = run("predict", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_knowledge_base_that_is_not_there(run: Run) -> None:
    ran = run("predict", "a", "--kb", "none\x07")
    assert ran.code == 1
    assert r"there is no knowledge base 'none\x07'" in ran.err
    assert "kato stats" in ran.err


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [
        ("it's", '"it\'s"'),
        ("two words", "'two words'"),
        ("", "''"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("[bold]markup[/]", "[bold]markup[/]"),
        (":smile:", ":smile:"),
        ("\u202eright", r"'\u202eright'"),
        ("line\nbreak", r"'line\nbreak'"),
        ("{brace}", "'{brace}'"),
        ("back\\slash", r"'back\\slash'"),
        ("🙂", "🙂"),
        ("\x9b2J", r"'\x9b2J'"),
        ("x" * 100_000, "x" * 60 + "…(100,000 characters)"),
    ],
)
def test_any_symbol_is_printed_safely(symbol: str, shown: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nasty.jsonl"
    path.write_text(json.dumps([["first"], [symbol], ["last"]]))
    run("learn", str(path), "--kb", "nasty")
    ran = run("predict", "first", symbol, "--kb", "nasty")
    assert rows(ran.out)["present"].startswith(f"first {shown}")
    raw = run("predict", "first", symbol, "--kb", "nasty", "--json")
    assert raw.json["predictions"][0]["matches"] == ["first", symbol]
    for out in (ran.out, raw.out):
        assert not {"\x1b", "\x9b", "\x07", "\x00"} & set(out)
