#!/usr/bin/env python3
"""All that is needed is Python 3.11 to 3.13: this makes the environment and runs KATO in it.

python3 run.py demo          see it learn and predict
python3 run.py test          the whole test suite: linters, types, tests, examples
python3 run.py kato ...      the command line
python3 run.py python ...    Python in the environment
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / "bin"
UV = "uv>=0.9,<1"
# Compiled once here, or every start compiles what it imports where Python may not keep it.
SYNC = ("--quiet", "--locked", "--inexact", "--compile-bytecode")

NO_PIP = """\
this Python cannot make environments with pip in them;
on Debian and Ubuntu: apt install python3-venv"""

# One more than cores, as tests of processes and crashes wait now and then.
WORKERS = min(4, (os.cpu_count() or 1) + 1)
# Not --dist=loadscope: it takes tests of one name for one test, and requests that schemathesis
# generates for each operation have one name.
TESTS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    ("lint-imports",),
    ("pytest", f"--numprocesses={WORKERS}", "--dist=worksteal"),
)

# A tenth of the tests' time goes into files that are made, synced and removed; they take 1 GB. To
# keep what a test left, run it by itself or set TMPDIR.
MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
MEMORY_DISK_FREE = 4 << 30


def main(arguments: list[str]) -> int:
    """Carry out one of the commands above; answers the exit code."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        print(f"KATO needs Python 3.11 to 3.13, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    command, *rest = arguments or ["help"]
    if command == "test":
        prepare("--all-extras")
        return test(rest)
    if command in ("demo", "kato", "python"):
        prepare("--no-dev")
        given = ["kato", "demo", *rest] if command == "demo" else [command, *rest]
        return run(*given)
    print(__doc__)
    return 0 if command in ("help", "-h", "--help") else 2


def prepare(*options: str) -> None:
    """Make the environment what the lock file says; fast when it is so already."""
    if not (BIN / "uv").exists():
        print("preparing .venv (once) ...", file=sys.stderr)
        try:
            venv.create(ENVIRONMENT, with_pip=True, symlinks=True)
        except subprocess.CalledProcessError:
            raise SystemExit(NO_PIP) from None
        run("python", "-m", "pip", "install", "--quiet", UV, check=True)
    run("uv", "sync", *SYNC, *options, check=True)


def test(arguments: list[str]) -> int:
    """Run every check, also behind one that failed; with arguments, only pytest with them."""
    if arguments:
        return check([("pytest", *arguments)])
    if "TMPDIR" in os.environ or not has_memory_disk():
        return check(TESTS)
    with TemporaryDirectory(dir=MEMORY_DISK, ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder
        return check(TESTS)


def has_memory_disk() -> bool:
    """Whether there is a disk in memory with room for the files of the tests."""
    try:
        return shutil.disk_usage(MEMORY_DISK).free >= MEMORY_DISK_FREE
    except OSError:
        return False


def check(steps: Sequence[Sequence[str]]) -> int:
    """Run steps one after the other; answers the exit code."""
    # Beside the linters, which need one core, and before the tests, which would all wait for it.
    compiling = subprocess.Popen([BIN / "python", "-m", "kato.memory.kernels"])
    failed = []
    for step in steps:
        if step[0] == "pytest":
            compiling.wait()
        print(f"--- {' '.join(step)}", flush=True)
        if run(*step):
            failed.append(step[0])
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(program: str, *arguments: str, check: bool = False) -> int:
    """Run a program of the environment in the folder of the caller."""
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)}
    # Where it is set, each of a thousand processes of the tests would compile KATO anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(BIN / program), *arguments]
    folder = ROOT if program in ("uv", "ruff", "mypy", "lint-imports", "pytest") else None
    done = subprocess.run(command, env=environment, cwd=folder, check=False)
    if check and done.returncode:
        raise SystemExit(f"{program} failed; see above")
    return done.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
