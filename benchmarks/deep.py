"""Run the tests that take long, and keep what came of them.

    python -m benchmarks.deep [PYTEST ARGUMENT ...]

Writes ``benchmarks/results/deep.json``: the machine, and each test file with its tests, failures,
seconds and the commit they ran on. Only files that ran are written anew: all of them take hours.
Ends with pytest's own exit code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

from benchmarks.environment import RESULTS, ROOT, environment, write_result


def main() -> int:
    """Run pytest and write the result."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", "deep", "--timeout", "7200"]
        done = subprocess.run(  # noqa: S603 - our own tests
            [*command, f"--junit-xml={report}", *sys.argv[1:]], cwd=ROOT, check=False
        )
        print(write_result("deep", {"files": {**before(), **by_file(report)}}))
    return done.returncode


def before() -> dict[str, dict[str, Any]]:
    """What the runs before this one wrote of test files that are still there."""
    path = RESULTS / "deep.json"
    files: dict[str, dict[str, Any]] = (
        json.loads(path.read_text())["files"] if path.exists() else {}
    )
    return {name: row for name, row in files.items() if _file_of(name).exists()}


def _file_of(name: str) -> Path:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py")


def by_file(report: Path) -> dict[str, dict[str, Any]]:
    """Tests, failures, skips and seconds by test file."""
    commit = environment()["commit"]
    files: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"commit": commit, "tests": 0, "failed": 0, "skipped": 0, "seconds": 0.0}
    )
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own report
        row = files[case.get("classname", "")]
        row["tests"] += 1
        row["failed"] += case.find("failure") is not None or case.find("error") is not None
        row["skipped"] += case.find("skipped") is not None
        row["seconds"] = round(row["seconds"] + float(case.get("time", 0)), 1)
    return dict(files)


if __name__ == "__main__":
    sys.exit(main())
