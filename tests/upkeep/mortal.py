"""A process that is killed the n-th time it comes to a function.

python -m tests.upkeep.mortal MODULE FUNCTION N kato-arguments...
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from kato.cli import main

ROOT = Path(__file__).parents[2]


def killed(where: str, times: int, *arguments: object) -> bool:
    """Run ``kato`` in a process that is killed there; answers whether it came so far."""
    module, _, function = where.rpartition(".")
    command = [sys.executable, "-m", "tests.upkeep.mortal", module, function, str(times)]
    ended = subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, capture_output=True, check=False, timeout=120
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    return ended.returncode != 0


def die_at(module: str, function: str, times: int) -> None:
    home: Any = import_module(module)
    if function[0].isupper():  # Class:method
        name, function = function.split(":")
        home = getattr(home, name)
    original, calls = getattr(home, function), count(1)

    def mortal(*arguments: Any, **named: Any) -> Any:
        if next(calls) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(home, function, mortal)


if __name__ == "__main__":
    die_at(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    main(sys.argv[4:])
