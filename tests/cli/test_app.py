from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.fake import FakeStores

from kato.errors import KatoError, StoreInUse

COMMANDS = [
    "learn",
    "predict",
    "explain",
    "show",
    "stats",
    "forget",
    "clear",
    "demo",
    "doctor",
    "evaluate",
    "serve",
]
HEAVY = {"chdb", "clickhouse_connect", "numba", "numpy", "pandas", "pyarrow", "redis"}


def kato(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "kato", *arguments],
        capture_output=True,
        check=True,
        env={**os.environ, **(environment or {})},
    )
    return ran.stdout.decode()


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
def test_help_can_be_read(command: list[str], run: Run) -> None:
    ran = run(*command, "--help")
    assert ran.code == 0
    assert "Usage: kato" in ran.out
    assert ran.out == run(*command, "-h").out
    assert all(len(line) <= 100 for line in ran.out.splitlines())
    assert "[bold]" not in ran.out
    assert "[dim]" not in ran.out


def test_help_names_every_command(run: Run) -> None:
    out = run("--help").out
    assert all(command in out for command in COMMANDS)
    assert run().out.rstrip() == out.rstrip()


def test_python_m_kato() -> None:
    assert kato("--version").startswith("kato ")


def test_help_loads_no_engine() -> None:
    script = (
        "import sys\nfrom kato.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert ran.stdout.decode().splitlines()[-1] == "[]"


def test_a_stream_that_cannot_encode_shows_escapes(tmp_path: Path) -> None:
    script = "from kato.cli import app; app._print_any_text(); print('\\u2713 \\U0001f642')"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert ran.stdout == b"\\u2713 \\U0001f642\n"


def test_the_data_directory_is_passed_on(run: Run, stores: FakeStores, tmp_path: Path) -> None:
    run("--data-dir", str(tmp_path), "stats")
    assert list(stores.memories) == [tmp_path]


@pytest.mark.parametrize(
    ("error", "code"), [(StoreInUse("in use \x1b[2J", remedy="stop it [red]"), 1)]
)
def test_an_error_is_one_line_with_its_remedy(
    error: KatoError, code: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path | None = None) -> None:
        raise error

    monkeypatch.setattr("kato.open", fail)
    ran = run("stats")
    assert ran.code == code
    assert ran.out == ""
    assert ran.err == "error: in use \\x1b[2J; stop it [red]\n"


@pytest.mark.parametrize("arguments", [["nothing"], ["learn"], ["stats", "--nothing"]])
def test_wrong_usage(arguments: list[str], run: Run) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Usage: kato" in ran.err
    assert "Traceback" not in ran.err
