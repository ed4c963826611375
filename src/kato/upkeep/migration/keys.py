"""The Redis keys of a KATO 3 installation: on its server, or in a dump of it.

A dump is loaded by a Valkey of ours. Traps: with its append-only file switched on, a server passes
over ``dump.rdb``, so the copy lies where the base of that file is expected; and Valkey 9 refuses
the dumps of Redis 7.4 and later unless it is told to try (what KATO 3 keeps did not change there).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import redis

from kato.errors import StoreUnavailable, UnreadableInput, shown
from kato.storage.embedded.valkey import EmbeddedValkey, socket_on
from kato.upkeep.migration.files import opened

_RDB = b"REDIS", b"VALKEY"
_AT_ONCE = 1000
_TIMEOUT = 60.0


class Keys:
    """What Redis keeps beside the table; nothing is ever written.

    Every key is derived from a row or a symbol, so the key space is not scanned.

    Args:
        client: The server.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def carried(
        self, patterns: Sequence[tuple[str, Any]]
    ) -> list[tuple[bytes | None, bytes | None, bytes | None]]:
        """Frequency, emotives and metadata of patterns, None where there is no such text."""
        parts = "frequency", "emotives", "metadata"
        names = [f"{base}:{part}:{_text(name)}" for base, name in patterns for part in parts]
        values: list[Any] = self._asked("mget", list(map(_key, names))) if names else []
        return list(zip(values[::3], values[1::3], values[2::3], strict=True))

    def affinities(self, base: str, symbols: Sequence[str]) -> list[dict[bytes, bytes] | str]:
        """What symbols were felt with, by emotive; why it cannot be read, as text."""
        pipeline = self._client.pipeline(transaction=False)
        for symbol in symbols:
            pipeline.hgetall(f"{base}:affinity:{symbol}")
        try:
            found = pipeline.execute(raise_on_error=False)
        except redis.RedisError as error:
            raise _failed(error) from error
        return [str(each) if isinstance(each, redis.RedisError) else each for each in found]

    def counters(
        self, base: str, symbols: Sequence[str]
    ) -> list[tuple[bytes | None, bytes | None]]:
        """How often symbols were learned, and how many patterns hold them."""
        found = [
            self._asked("hmget", f"{base}:symbols:{part}", list(symbols))
            for part in ("freq", "pmf")
        ]
        return list(zip(*found, strict=True))

    def _asked(self, command: str, *arguments: Any) -> Any:
        try:
            return getattr(self._client, command)(*arguments)
        except redis.RedisError as error:
            raise _failed(error) from error


@contextmanager
def opened_keys(source: str, work: Path) -> Iterator[Keys]:
    """The keys of a server or a dump.

    Args:
        source: ``redis://…``, or a file: RDB, or a line of JSON for each key:
            ``{"key": "alice_kato:frequency:76d7…", "value": 3}``, where a hash has an object.
        work: A folder of our own, where a dump is loaded.

    Raises:
        StoreUnavailable: The server does not answer.
        UnreadableInput: The dump cannot be read.
    """
    if "://" in source:
        with redis.Redis.from_url(source, socket_timeout=_TIMEOUT) as client:
            yield Keys(client)
        return
    with opened(source) as file:
        is_rdb = file.read(6).startswith(_RDB)
        file.seek(0)
        with _loaded(file if is_rdb else None, work / "keys") as client:
            if not is_rdb:
                _fill(client, file, source)
            yield Keys(client)


@contextmanager
def _loaded(rdb: IO[bytes] | None, folder: Path) -> Iterator[redis.Redis]:
    """A Valkey on a copy of a dump, or an empty one."""
    _end_left_on(folder)
    log = folder / "appendonlydir"
    log.mkdir(parents=True)
    if rdb is not None:
        with (log / "appendonly.aof.1.base.rdb").open("wb") as copy:
            shutil.copyfileobj(rdb, copy)
        (log / "appendonly.aof.manifest").write_text(
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
        )
    try:
        server = EmbeddedValkey(folder, "rdb-version-check relaxed\nappendfsync no\n")
    except StoreUnavailable as error:
        raise UnreadableInput(f"the dump of Redis cannot be loaded: {error}") from error
    try:
        with redis.Redis(unix_socket_path=str(server.socket), socket_timeout=_TIMEOUT) as client:
            yield client
    finally:
        server.stop()


def _end_left_on(folder: Path) -> None:
    """End the Valkey of a run that was killed, and remove what it had."""
    socket = socket_on(folder)
    if socket is not None and socket.exists():
        with suppress(redis.RedisError), redis.Redis(unix_socket_path=str(socket)) as client:
            client.shutdown(nosave=True)
    shutil.rmtree(folder, ignore_errors=True)


def _fill(client: redis.Redis, file: IO[bytes], source: str) -> None:
    pipeline = client.pipeline(transaction=False)
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            key, value = given["key"], given["value"]
            if isinstance(value, dict):
                pipeline.hset(key, mapping=value)
            elif isinstance(value, (str, int, float)):
                pipeline.set(key, value)
        except (ValueError, KeyError, TypeError, redis.DataError) as error:
            raise UnreadableInput(
                f"{source}, line {number} is no key: {shown(error)}",
                remedy='write {"key": "…", "value": …} in each line',
            ) from None
        if number % _AT_ONCE == 0:
            pipeline.execute()
    pipeline.execute()


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _text(name: Any) -> str:
    return name if isinstance(name, str) else ""


def _failed(error: redis.RedisError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the Redis of KATO 3 failed: {error}", remedy="see whether it runs, and its URL"
    )
