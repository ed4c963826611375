"""What the package exports is what it says, in order, and found where it is."""

from __future__ import annotations

import subprocess
import sys

import kato


def test_all_is_what_is_exported() -> None:
    assert kato.__all__ == sorted(kato.__all__)
    assert len(kato.__all__) <= 15
    assert dir(kato) == sorted(kato.__all__)
    assert set(kato._HOMES) == set(kato.__all__)


def test_every_name_is_found() -> None:
    for name in kato.__all__:
        assert getattr(kato, name).__module__.startswith("kato")


def test_importing_loads_no_engine() -> None:
    check = "import sys, kato; sys.exit(any(m in sys.modules for m in ('chdb', 'numba', 'redis')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
