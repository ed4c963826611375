"""Keys from one ledger to another, by commands that every release of every server knows.

``DUMP`` and ``RESTORE`` would be faster, but a server refuses what a newer one dumped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from kato.errors import StoreUnreadable
from kato.storage.ledger.connection import Connection

AT_ONCE = 200
"""Keys that are looked at in one go."""

FIELDS = 2000
"""Fields of a hash that are read in one go; of a larger one, part by part."""

Command = tuple[Any, ...]


def copy_keys(source: Connection, target: Connection, keys: Iterable[bytes]) -> int:
    """Copy keys that the target has not into its shard, with the times at which they expire.

    Args:
        source: Nobody changes it meanwhile.
        target: Where they come to be.
        keys: Their names, whole.

    Returns:
        How many were copied.

    Raises:
        StoreUnreadable: A key is of a kind that no ledger has.
    """
    remaining, count = iter(keys), 0
    while some := list(islice(remaining, AT_ONCE)):
        commands = _commands(source, some)
        if source.shard != target.shard:
            commands = _renamed(commands, source.shard, target.shard)
        _send(target, commands)
        count += len(some)
    return count


def _send(target: Connection, commands: Iterable[Command]) -> None:
    remaining = iter(commands)
    while some := list(islice(remaining, AT_ONCE)):
        target.pipelined(some)


def _renamed(commands: Iterable[Command], source: str, target: str) -> Iterator[Command]:
    """The same for the same keys of another shard."""
    for command, key, *arguments in commands:
        yield (command, target.encode() + key.removeprefix(source.encode()), *arguments)


def _commands(source: Connection, keys: list[bytes]) -> Iterator[Command]:
    """What makes the keys."""
    kinds = source.pipelined([("TYPE", key) for key in keys])
    small = _small_hashes(
        source, [k for k, kind in zip(keys, kinds, strict=True) if kind == b"hash"]
    )
    found = source.pipelined([("HGETALL", key) for key in small])
    for key, fields in zip(small, found, strict=True):
        yield ("HSET", key, *_flat(fields))
    for key, kind in zip(keys, kinds, strict=True):
        if key not in small:
            yield from _of_kind(source, key, kind)
    expiries = source.pipelined([("PEXPIRETIME", key) for key in keys])
    for key, expires in zip(keys, expiries, strict=True):
        if expires > 0:
            yield ("PEXPIREAT", key, expires)


def _small_hashes(source: Connection, keys: list[bytes]) -> dict[bytes, None]:
    lengths = source.pipelined([("HLEN", key) for key in keys])
    return {key: None for key, length in zip(keys, lengths, strict=True) if 0 < length <= FIELDS}


def _of_kind(source: Connection, key: bytes, kind: bytes) -> Iterator[Command]:
    if kind == b"string":
        yield ("SET", key, source.command("GET", key))
    elif kind == b"hash":
        yield from (("HSET", key, *_flat(part)) for part in _scanned(source, "HSCAN", key))
    elif kind == b"set":
        yield from (("SADD", key, *part) for part in _scanned(source, "SSCAN", key))
    elif kind == b"zset":
        for part in _scanned(source, "ZSCAN", key):
            yield ("ZADD", key, *(value for member, score in part for value in (score, member)))
    elif kind == b"list":
        yield from _list(source, key)
    elif kind == b"stream":
        yield from _stream(source, key)
    elif kind != b"none":  # it expired meanwhile
        raise StoreUnreadable(f"a ledger has no key of the kind {kind.decode()}: {key!a}")


def _scanned(source: Connection, command: str, key: bytes) -> Iterator[Any]:
    """The members, part by part; some come twice."""
    cursor: Any = 0
    while True:
        cursor, part = source.command(command, key, cursor, "COUNT", FIELDS)
        if part:
            yield part
        if not int(cursor):
            return


def _list(source: Connection, key: bytes) -> Iterator[Command]:
    """Its entries, which all differ: so each may be sent twice, and is there once, in its place."""
    begin = 0
    while entries := source.command("LRANGE", key, begin, begin + FIELDS - 1):
        for entry in entries:
            yield ("LREM", key, 0, entry)
            yield ("RPUSH", key, entry)
        begin += len(entries)


def _stream(source: Connection, key: bytes) -> Iterator[Command]:
    """Its entries under their ids, and the last id that it gave, which may be of none of them."""
    begin = b"-"
    while entries := source.command("XRANGE", key, begin, "+", "COUNT", AT_ONCE):
        for number, fields in entries:
            yield ("XADD", key, number, *_flat(fields))
        begin = b"(" + entries[-1][0]
    last = _last_id(source.command("XINFO", "STREAM", key))
    if begin == b"-" and last != b"0-0":
        yield ("XADD", key, last, "none", "")
        yield ("XTRIM", key, "MAXLEN", 0)
    elif last != begin[1:]:
        yield ("XSETID", key, last)


def _last_id(told: Any) -> Any:
    facts = _flat(told)
    return facts[facts.index(b"last-generated-id") + 1]


def _flat(fields: Any) -> list[Any]:
    """Fields and values in a row; the client gives them as a dict of some commands."""
    if isinstance(fields, dict):
        return [part for pair in fields.items() for part in pair]
    return list(fields)
