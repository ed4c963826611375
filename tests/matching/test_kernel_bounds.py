"""Compiled with bounds checks, an index that is wrong raises instead of reading on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SEARCH = "tests/recall/index/test_search.py"
CHOSEN = (
    f"{SEARCH}::test_many_chunks_and_ties_change_nothing[0-300-0.1]",
    f"{SEARCH}::test_many_chunks_and_ties_change_nothing[1-300-0.1]",
    f"{SEARCH}::test_many_chunks_and_ties_change_nothing[3-300-0.1]",
    f"{SEARCH}::test_long_memories_and_long_patterns[65]",
    f"{SEARCH}::test_wide_symbol_ids_are_kept",
    "tests/metrics/test_against_reference.py::test_many_short_memories_and_patterns",
)


@pytest.mark.deep
def test_no_kernel_reads_or_writes_out_of_bounds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *CHOSEN],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "KATO_CACHE_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{len(CHOSEN)} passed" in done.stdout
