"""The examples of each endpoint family run against a real service, and print what they should."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from kato.model.naming import pattern_name

EXAMPLES = Path(__file__).parents[2] / "examples" / "http"

PRINTED = {
    "sessions": [
        "recall_threshold 0.3",
        "max_predictions 10",
        "lives 600 s",
        "400 {'max_predictions': 'Must be an integer between 1 and 10000'}",
        "exists False",
        "404 from now on",
    ],
    "observing": [
        "events now 3",
        "events now 3",
        "[['kettle', 'on'], ['boils', 'water'], ['tea']]",
        "PTRN|" + pattern_name([["kettle", "on"], ["boils", "water"], ["tea"]]),
        "left 0",
    ],
    "predicting": [
        "0.67 [['bicycle'], ['work']]",
        "0.33 [['coffee'], ['train'], ['work']]",
        "at 0.6: 1 of 2",
        "answered in place 1",
    ],
    "patterns": [
        "['learned', 'learned', 'learned', 'error']",
        "[[['red'], ['green']], [['red'], ['amber'], ['green']]]",
        "of roads: 1",
        "learned 5 times now",
        "404 as it is forgotten",
    ],
    "symbols": [
        "sea / shore 1 in 1",
        "sun 2 in 2",
        "sunburn 1 in 1",
        "sun {'joy': 0.5}",
        "sea / shore {'joy': 0.9}",
    ],
    "nodes": [
        "listed True",
        "2 patterns of 4 symbols",
        "[[['c']], [['d']]]",
        "404 from now on",
    ],
    "monitoring": [
        "lives: healthy",
        "clickhouse ready",
        "ledger ready",
        "holds ['disk_bytes', 'journal_entries', 'knowledge_bases', 'ledger_bytes', "
        "'ledger_limit_bytes', 'ledger_used_bytes']",
        "sessions: counted",
    ],
    "events": [
        "state.snapshot",
        "{'events': ['pattern.learned', 'session.created', 'session.destroyed']}",
        "['pattern.learned', 'session.created', 'session.destroyed']",
    ],
}


def test_every_example_is_run() -> None:
    assert {each.stem for each in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_it_prints(name: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = EXAMPLES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(url)
    printed = re.sub(r"sessions: \d+", "sessions: counted", capsys.readouterr().out)
    assert printed.splitlines() == PRINTED[name]
