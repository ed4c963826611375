"""A process that migrates, and may kill itself in the middle.

    python -m tests.upkeep.migration.migrant DATA DUMP KEYS [CALL before|after]

It dies before or after that call of the ledger's script that learns, or that inherits affinity.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from tests.upkeep.migration.old import MAPPING

from kato.cli import main
from kato.storage.ledger.connection import Connection

_calls = count(1)
_run = Connection.run


def mortal(connection: Connection, script: str, *arguments: Any) -> Any:
    """Run a script, and die with the one that was told."""
    number = next(_calls) if script in ("learn", "inherit") else 0
    dies = number == int(sys.argv[4])
    if dies and sys.argv[5] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = _run(connection, script, *arguments)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


if __name__ == "__main__":
    if len(sys.argv) > 4:
        setattr(Connection, "run", mortal)  # noqa: B010 - a method of another's class
    data, dump, keys = sys.argv[1:4]
    report = str(Path(data).parent / "report.ndjson")
    sources = ["--clickhouse", dump, "--redis", keys, "--map", *MAPPING, "--report", report]
    main(["--data-dir", data, "migrate", "kato3", *sources])
