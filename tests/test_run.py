"""What run.py asks of the package manager is something that one can be asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import run

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


@pytest.mark.skipif(UV is None, reason="no uv beside this Python")
@pytest.mark.parametrize("command", ["demo", "kato", "python", "test"])
def test_the_environment_it_asks_for_can_be_made(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def note(program: str, *arguments: str, check: bool = False) -> int:
        asked.append((program, *arguments))
        return 0

    monkeypatch.setattr(run, "run", note)
    assert run.main([command]) == 0
    (sync,) = [words for words in asked if words[:2] == ("uv", "sync")]
    done = subprocess.run(
        [str(UV), *sync[1:], "--dry-run", "--offline"],
        cwd=run.ROOT,
        capture_output=True,
        check=False,
    )
    assert b"error: the argument" not in done.stderr
    assert b"unexpected argument" not in done.stderr
