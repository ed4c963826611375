"""A snapshot of a ledger, shown by a server of its own, and copied to another ledger."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.storage.embedded.processes import ends, other
from tests.storage.stores import TcpValkey

from kato.errors import StoreUnavailable, StoreUnreadable
from kato.storage.embedded.snapshot_server import shown
from kato.storage.ledger import snapshot as snapshots
from kato.storage.ledger.connection import Connection
from kato.storage.ledger.copying import FIELDS, copy_keys
from kato.storage.ledger.snapshot import snapshot

DATABASE = 3


@pytest.fixture(scope="module")
def connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, ...]]:
    """A ledger in a database of a server, and one in another."""
    server = TcpValkey(tmp_path_factory.mktemp("server"))
    urls = [server.url.removesuffix("0") + str(number) for number in (DATABASE, DATABASE + 1)]
    found = tuple(map(Connection.to_url, urls))
    yield found
    for connection in found:
        connection.close()
    server.stop()


def fill(command: object) -> None:
    assert callable(command)
    command("SET", "text", b"\x00\xff")
    command("SET", "gone soon", "x", "PX", 3_600_000)
    command("HSET", "small", b"\n", b"\xfe", "b", "2")
    for i in range(2 * FIELDS):
        command("HSET", "large", f"field {i}", i)
    command("SADD", "set", "a", b"\xff")
    command("RPUSH", "list", *range(FIELDS + 1))
    command("ZADD", "sorted", 1_767_225_600_123, "a", 0.1, "b")
    command("XADD", "stream", "1-1", "k", "v")
    command("XADD", "stream", "1-7", "k", "v", "l", b"\xff")
    command("XADD", "stream", "1-9", "k", "v")
    command("XDEL", "stream", "1-9")
    command("XADD", "emptied", "5-0", "k", "v")
    command("XTRIM", "emptied", "MAXLEN", 0)


def held(connection: Connection) -> dict[bytes, object]:
    """All that there is, as the server dumps it, but for the order of fields."""
    ask = connection.command
    hashes = {key: ask("HGETALL", key) for key in (b"small", b"large")}
    others: dict[bytes, object] = {
        b"text": ask("GET", "text"),
        b"set": set(ask("SMEMBERS", "set")),
        b"sorted": ask("ZRANGE", "sorted", 0, -1, "WITHSCORES"),
        b"list": ask("LRANGE", "list", 0, -1),
        b"stream": ask("XRANGE", "stream", "-", "+"),
        b"expires": ask("PEXPIRETIME", "gone soon"),
        b"next": [ask("XADD", key, f"{first}-*", "k", "v") for key, first in NEXT],
    }
    return {**hashes, **others}


NEXT = ((b"stream", 1), (b"emptied", 5))


def test_every_kind_of_key_is_copied(connections: tuple[Connection, ...], tmp_path: Path) -> None:
    source, target = connections
    fill(source.command)
    file = tmp_path / "ledger.rdb"
    file.write_bytes(b"".join(snapshot(source)))
    with shown(file, DATABASE) as seen:
        keys = sorted(set(seen.keys("*")) - {b"{0}:format"})
        assert copy_keys(seen, target, keys) == 9
        expected = held(seen)
    assert held(target) == expected
    assert expected[b"next"] == [b"1-10", b"5-1"]


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.rdb").write_bytes(b"VALKEY080 and so on")
    with pytest.raises(StoreUnreadable, match="cannot be loaded"), shown(tmp_path / "ledger.rdb"):
        pass


def test_a_snapshot_that_could_not_be_read_again(
    connections: tuple[Connection, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots._check_readable(b"REDIS0011")
    with pytest.raises(StoreUnavailable, match="format 12; 11 can be read"):
        snapshots._check_readable(b"REDIS0012")


_SHOWING = """
import sys
from pathlib import Path
from kato.storage.embedded.snapshot_server import shown
with shown(Path(sys.argv[1])) as connection:
    print(connection.command("INFO", "server")["process_id"], flush=True)
    sys.stdin.read()
"""


def test_the_server_ends_with_who_started_it(
    connections: tuple[Connection, ...], tmp_path: Path
) -> None:
    file = tmp_path / "ledger.rdb"
    file.write_bytes(b"".join(snapshot(connections[0])))
    with other(_SHOWING, file) as showing:
        server = int(showing.line())
        os.kill(server, 0)
        showing.signal(signal.SIGKILL)
        assert ends(server)
