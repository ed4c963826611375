"""The commands, over real stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.upkeep.commands import Kato, told


@pytest.mark.deep
def test_a_round(run: Kato, tmp_path: Path) -> None:
    one, two, archive = tmp_path / "one", tmp_path / "two", tmp_path / "monday.tar"
    table = tmp_path / "all.ndjson"
    table.write_text('{"events": [["a"], ["b"]]}\n{}\n{"events": [["b"], ["c"]], "frequency": 3}\n')
    code, out, err = run("--data-dir", one, "import", table)
    assert (code, out) == (1, "default: 3 rows: 2 new, 0 merged, 1 bad\n")
    assert err.startswith("line 2: Object missing required field")
    assert "2 patterns" in told(run, "--data-dir", one, "backup", archive)
    assert told(run, "--data-dir", two, "restore", archive, "--json")["rows"] > 0
    exported = told(run, "--data-dir", two, "export", tmp_path / "all.parquet", "--json")
    assert (exported["patterns"], exported["pattern_frequencies"]) == (2, 4)
    assert told(run, "--data-dir", two, "upgrade") == "migrations: none needed\nledger: format 1\n"
    code, _, err = run("--data-dir", two, "restore", archive)
    assert (code, "--replace" in err) == (2, True)


@pytest.mark.parametrize(
    "command", [("restore", "x"), ("upgrade",), ("export", "x"), ("import", "x")]
)
def test_a_service_is_not_asked(run: Kato, command: tuple[str, ...]) -> None:
    code, _, err = run("--url", "http://127.0.0.1:1", *command)
    assert (code, "--data-dir" in err) == (2, True)


def test_what_is_there_goes_only_when_that_is_said(run: Kato, tmp_path: Path) -> None:
    data, archive, table = tmp_path / "data", tmp_path / "monday", tmp_path / "all.ndjson"
    table.write_text('{"events": [["a"], ["b"]]}\n')
    replacing = ("--data-dir", data, "import", table, "--replace")
    told(run, *replacing)  # there is nothing to be asked about
    told(run, "--data-dir", data, "backup", archive)
    for asking in (replacing, ("--data-dir", data, "restore", archive, "--replace")):
        code, _, err = run(*asking)
        assert (code, "--yes" in err) == (2, True)
        told(run, *asking, "--yes")
