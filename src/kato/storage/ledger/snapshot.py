"""The ledger as of one moment, as its server tells a replica: an RDB file.

The server forks, so nobody waits. It is asked for as ``redis-cli --rdb`` does it: ``SYNC``, after
saying that only the file is wanted. A replica that does not say ``capa eof`` is told the length
first, so a file that is cut off is noticed. Managed servers that forbid ``SYNC`` cannot be backed
up so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import redis

from kato.errors import StoreUnavailable
from kato.storage.ledger.connection import Connection

PART = 1 << 20
NEWEST_REDIS = 11
"""Format of files by Redis 7.2 and Valkey 8; the Valkey of this package reads none above."""

_REMEDY = "see the log of the Redis or Valkey server, and whether its user may SYNC"


def snapshot(connection: Connection) -> Iterator[bytes]:
    """The parts of an RDB file that holds all keys of the server as of one moment.

    Raises:
        StoreUnavailable: The server does not give one, or one that could not be read again.
    """
    own = connection.of_its_own()
    try:
        own.send_command("REPLCONF", "rdb-only", "1")
        own.read_response()
        own.send_command("SYNC")
        source = _Source(own)
        remaining = source.length()
        header = source.read_exactly(min(9, remaining))
        _check_readable(header)
        yield header
        remaining -= len(header)
        while remaining:
            part = source.read(min(PART, remaining))
            remaining -= len(part)
            yield part
    except (redis.RedisError, OSError) as error:
        raise StoreUnavailable(f"no snapshot of the ledger: {error}", remedy=_REMEDY) from error
    finally:
        with suppress(redis.RedisError):
            own.disconnect()


class _Source:
    """What comes over a connection, as it comes: the file is no answer the client could parse."""

    def __init__(self, connection: Any) -> None:
        self._socket = connection._sock  # noqa: SLF001 - the client gives it nowhere else
        self._socket.settimeout(60)

    def length(self) -> int:
        """Bytes of the file: ``$<length>`` after any number of empty lines that say: wait."""
        line = b""
        while not line:
            line = self._line()
        if not line.startswith(b"$") or not line[1:].isdigit():
            raise StoreUnavailable(f"no snapshot of the ledger: {line[:80]!a}", remedy=_REMEDY)
        return int(line[1:])

    def read(self, most: int) -> bytes:
        """Some bytes, at least one."""
        part: bytes = self._socket.recv(most)
        if not part:
            raise StoreUnavailable("the ledger's snapshot is cut off", remedy=_REMEDY)
        return part

    def read_exactly(self, count: int) -> bytes:
        """So many bytes."""
        parts = b""
        while len(parts) < count:
            parts += self.read(count - len(parts))
        return parts

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self.read(1)
        return line.strip()


def _check_readable(header: bytes) -> None:
    number = header[5:]
    if header.startswith(b"REDIS") and number.isdigit() and int(number) > NEWEST_REDIS:
        raise StoreUnavailable(
            f"the server's snapshots have format {int(number)}; {NEWEST_REDIS} can be read",
            remedy="keep the ledger on Valkey, or on Redis up to 7.2",
        )
