"""Where compiled kernels are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kato.matching import compiled

# The smallest kernel: compiling all takes seconds.
PROGRAM = """
from kato.matching.codes import symbol_table
print(symbol_table([7]).keys.max())
"""


def run(cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KATO_CACHE_DIR": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )


def test_a_folder_that_cannot_be_written_is_said_and_worked_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    done = run(blocked)
    assert "7" in done.stdout
    assert "compiled kernels cannot be kept" in done.stdout + done.stderr
    assert "KATO_CACHE_DIR" in done.stdout + done.stderr


def test_kernels_are_kept_in_the_cache_folder(tmp_path: Path) -> None:
    run(tmp_path)
    assert list((tmp_path / "kernels").glob("*/*/*fill_table*"))


def test_the_folder_is_named_by_sources_and_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    name = compiled._fingerprint()
    monkeypatch.setattr(compiled.config, "BOUNDSCHECK", 1)
    checked = compiled._fingerprint()
    monkeypatch.setattr(compiled, "KERNEL_PACKAGES", ("matching",))
    assert len({name, checked, compiled._fingerprint()}) == 3
