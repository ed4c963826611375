"""What the documents say is so: examples run, commands exist, figures stand in a result."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.market_tables import MARKET_TABLES
from benchmarks.plain_tables import PLAIN_TABLES
from benchmarks.tables import FILTER_TABLES, TABLES
from tools.references import DOCUMENTS as REFERENCES

from kato.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILTERS = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
PLAIN = (ROOT / "docs" / "plain.md").read_text(encoding="utf-8")
MARKET = (ROOT / "docs" / "market.md").read_text(encoding="utf-8")
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_readme_s_examples_answer_as_printed() -> None:
    assert_answers_as_printed(ROOT / "README.md", 5)


def test_the_filters_examples_answer_as_printed() -> None:
    assert_answers_as_printed(ROOT / "docs" / "filters.md", 5)


def test_the_recall_examples_answer_as_printed() -> None:
    assert_answers_as_printed(ROOT / "docs" / "recall.md", 10)


def test_the_plain_examples_answer_as_printed() -> None:
    assert_answers_as_printed(ROOT / "docs" / "plain.md", 5)


def test_the_market_s_examples_answer_as_printed() -> None:
    assert_answers_as_printed(ROOT / "docs" / "market.md", 15)


def assert_answers_as_printed(document: Path, least: int) -> None:
    found = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert found.attempted > least
    assert found.failed == 0


def test_the_first_two_commands() -> None:
    shell = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line for block in shell for line in block.splitlines()]
    assert lines[:2] == ["python3 run.py demo", "python3 run.py test"]


@pytest.mark.parametrize("command", ["demo", "test", "kato"])
def test_run_py_knows_the_command(command: str) -> None:
    assert f"python3 run.py {command}" in (ROOT / "run.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`kato ([a-z]+)", README))))
def test_the_command_exists(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kato", command, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("document", "name", "table"),
    [
        *((README, name, table) for name, table in TABLES.items()),
        *((FILTERS, name, table) for name, table in FILTER_TABLES.items()),
        *((MARKET, name, table) for name, table in MARKET_TABLES.items()),
        *((PLAIN, name, table) for name, table in PLAIN_TABLES.items()),
    ],
    ids=[*TABLES, *FILTER_TABLES, *MARKET_TABLES, *PLAIN_TABLES],
)
def test_the_table_is_what_was_measured(document: str, name: str, table: Callable[[], str]) -> None:
    shown = document.split(f"<!-- table: {name} -->\n")[1].split("<!-- end -->", maxsplit=1)[0]
    assert shown.strip() == table().strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize(
    "result", sorted((ROOT / "benchmarks" / "results").glob("*.json")), ids=str
)
def test_a_result_says_where_it_was_measured(result: Path) -> None:
    measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    assert {"cpu", "cores", "memory_gib", "packages", "commit"} <= set(measured["environment"])


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_a_reference_is_what_the_code_says(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == REFERENCES[name](), "run python -m tools.references"


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    known = set(re.findall(r"KATO_[A-Z_]+", (ROOT / "src/kato/settings.py").read_text()))
    rows = re.findall(r"^\| `(KATO_\w+)` \|.*\| (.*) \|$", README, re.MULTILINE)
    assert {name for name, _ in rows} == known
    settings = Settings.from_environment({})
    for name, default in rows:
        value = getattr(settings, name.removeprefix("KATO_").lower())
        if not isinstance(value, Path):
            assert default.strip("`") == str(value).replace("None", "none"), name
