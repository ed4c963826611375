from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run

from kato.cli import demo, python_lines

SOURCE = "\n".join(
    f"if isinstance({first}, {second}):\n    return self.{first}({second})"
    for first in ("str", "len", "list", "dict", "int")
    for second in ("str", "len", "list", "dict", "int")
)


@pytest.fixture(autouse=True)
def small_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(demo, "python_files", lambda: [path])
    monkeypatch.setattr(python_lines, "FREQUENT", 10)


def test_the_demo_tells_its_story(run: Run) -> None:
    ran = run("demo", "--questions", "5")
    assert ran.code == 0
    for text in (
        "1 files, 50 logical lines",
        "45 lines as 45 distinct patterns",
        "5 held-out lines",
        "order-1 transitions",
        "most frequent symbol",
        "KATO says",
        "the arithmetic",
        "(evidence + confidence)·snr + itfdf_similarity + 1/k",
        "kato learn FILE",
    ):
        assert text in ran.out


def test_it_leaves_nothing_and_can_be_run_twice(run: Run) -> None:
    first = run("demo", "--json").json
    second = run("demo", "--json").json
    assert first.pop("milliseconds") >= 0
    assert second.pop("milliseconds") >= 0
    assert first == second
    assert run("stats", "--json").json["knowledge_bases"] == {}


def test_it_can_be_kept(run: Run) -> None:
    run("demo", "--keep")
    run("demo", "--keep")
    counts = run("stats", "--json").json["knowledge_bases"]["demo"]
    assert counts["pattern_frequencies"] == 45
