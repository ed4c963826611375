"""One broker for all processes of a test run.

A keeper, in a process of its own, starts it and ends it when nobody holds the lock of its users any
more: so it ends with the last of them, however that one ends.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.market.brokers.kafka import KafkaBroker
from tests.market.brokers.maven import Missing

_ROOT = Path(__file__).parents[3]

_keepers: list[subprocess.Popen[str]] = []
"""Those that this process started; they end by themselves."""


@contextmanager
def shared_broker(folder: Path) -> Iterator[str]:
    """The address of the broker that is kept in ``folder``; started by who comes first.

    Raises:
        Missing: There is none to be had.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield _address(folder)


def _address(folder: Path) -> str:
    told = _told(folder)
    with (folder / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not told.exists():
            _keep(folder, told)
    kind, _, text = told.read_text().partition(" ")
    if kind == "missing":
        raise Missing(text)
    return text


def _told(folder: Path) -> Path:
    return folder / "told"


def _keep(folder: Path, told: Path) -> None:
    with (folder / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.market.brokers.shared", str(folder)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    _keepers.append(keeper)
    assert keeper.stdout is not None
    told.write_text(keeper.stdout.readline().strip() or "missing the broker's keeper died")


def main(folder: Path) -> None:
    """Start a broker, tell its address, and end it when nobody uses it."""
    try:
        broker = KafkaBroker(Path(mkdtemp(dir=folder)))
    except Missing as reason:
        sys.stdout.write(f"missing {' '.join(str(reason).split())}\n")
        return
    try:
        sys.stdout.write(f"at {broker.bootstrap}\n")
        sys.stdout.flush()
        with (folder / "users").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            _told(folder).unlink()  # who comes now waits for the lock, and starts another
            broker.kill()
    finally:
        broker.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
