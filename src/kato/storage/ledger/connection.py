"""The connection to the ledger: scripts, errors, and retries that are safe.

The server is only ever asked for a script or a single command. Every script that changes something
takes an operation id and answers a repeat from its record, so a lost answer can be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn

import msgspec
import redis
import redis.asyncio
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from kato.errors import (
    KatoError,
    StoreError,
    StoreTooNew,
    StoreUnavailable,
)
from kato.storage.ledger.refusals import rebuilding, translated
from kato.storage.ledger.subscription import Subscription
from kato.storage.traffic import Traffic

FORMAT = 1
"""Layout of the keys; a ledger with a higher number was written by a newer release."""

ANSWER_SECONDS = 15.0
"""How long an answer may take. Scripts take milliseconds."""

SHARD = "{0}"
"""Embedded ledgers have one shard: the hash tag of all keys."""

_SCRIPTS = (
    "learn",
    "forget",
    "edit",
    "inherit",
    "clear",
    "undo",
    "undoable",
    "settle",
    "drop",
    "look",
    "facts",
    "carried",
    "state",
    "claim",
    "done",
    "visit",
    "extend",
    "remove",
    "expired",
    "ingest_claim",
    "ingest_done",
    "log_append",
    "log_bounds",
    "rebuild_begin",
    "rebuild_step",
    "rebuild_end",
    "hold",
    "audit_patterns",
    "audit_symbols",
    "audit_totals",
    "audit_journal",
    "mend",
)
_TAKING = ("forget", "clear", "undo", "undoable", "settle")
"""Scripts that take something away or give it back: ``taking.lua`` comes before them."""


# With a timeout of its own, which it has unless told otherwise, the asynchronous client makes a
# task for each command, and a command whose task comes after the connection was closed fails badly.
_NO_TIMEOUT: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": 5}


class MemoryInUse(msgspec.Struct, frozen=True):
    """Memory of the ledger's server.

    Attributes:
        dataset: Bytes of the data.
        used: Bytes of all it uses.
        most: Bytes it may use by its own settings; 0 is no limit.
        evicts: Whether it throws data away when it has used them.
    """

    dataset: int
    used: int
    most: int
    evicts: bool


class Connection:
    """A ledger that can be asked.

    Args:
        client: A client that does not decode answers.
        asynchronous: Makes a connection for an event loop.
        diagnosis: Says why the server is gone, where that can be known.

    Attributes:
        traffic: What is asked of it.
        asynchronous: Makes a connection for an event loop.

    Raises:
        StoreUnavailable: The server does not answer.
        StoreTooNew: The ledger was written by a newer release.
    """

    def __init__(
        self,
        client: redis.Redis,
        asynchronous: Callable[[], redis.asyncio.Connection],
        diagnosis: Callable[[], KatoError] | None = None,
    ) -> None:
        self.traffic = Traffic()
        self.asynchronous = asynchronous
        self._client = client
        self._diagnosis = diagnosis
        self._retry = _thrice()
        self._scripts = {name: _script(client, _whole_source(name)) for name in _SCRIPTS}
        found = self.format()
        if found > FORMAT:
            raise StoreTooNew(
                f"the ledger has format {found}, this release knows {FORMAT}",
                remedy="upgrade KATO",
            )

    @classmethod
    def to_socket(cls, socket: Path, diagnosis: Callable[[], KatoError]) -> Connection:
        """The embedded ledger behind a unix socket."""
        client = redis.Redis(
            unix_socket_path=str(socket), socket_timeout=ANSWER_SECONDS, retry=_once()
        )

        def asynchronous() -> Any:
            return redis.asyncio.UnixDomainSocketConnection(path=str(socket), **_NO_TIMEOUT)

        return cls(client, asynchronous, diagnosis)

    @classmethod
    def to_url(cls, url: str) -> Connection:
        """A server by URL: ``redis://``, ``rediss://`` or ``unix://``."""
        client = redis.Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=5, retry=_once()
        )
        pool = redis.asyncio.ConnectionPool.from_url(url, **_NO_TIMEOUT)
        return cls(client, pool.make_connection)

    @property
    def database(self) -> int:
        """The number of the server's database that the ledger is in."""
        return int(self._client.connection_pool.connection_kwargs.get("db") or 0)

    def format(self) -> int:
        """The layout of the keys; that of this release if there are none yet."""
        key = f"{SHARD}:format"
        self.command("SET", key, FORMAT, "NX")
        return int(self.command("GET", key))

    def sha(self, script: str) -> str:
        """The digest by which the server knows a script."""
        return self._scripts[script].sha

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script on the shard; repeated once or twice if the connection breaks.

        Raises:
            StoreUnavailable: The server does not answer.
            StoreFull: The journal or the server's memory is full.
            Conflict: A session moved on.
        """
        compiled = self._scripts[script]
        return self._asked(lambda: compiled(keys=[SHARD], args=arguments))

    def begin(self, script: str, *arguments: Any) -> Callable[[], Any]:
        """Send a script; the answer is waited for by calling what this returns.

        The caller goes on meanwhile. If the answer is lost, the script is run again, so it must be
        one that answers a repeat from its record.
        """
        pool = self._client.connection_pool
        try:
            connection: Any = pool.get_connection()
        except redis.RedisError:
            return lambda: self.run(script, *arguments)
        try:
            connection.send_command("EVALSHA", self._scripts[script].sha, 1, SHARD, *arguments)
        except redis.ConnectionError:
            pool.release(connection)
            return lambda: self.run(script, *arguments)

        def answer() -> Any:
            began = perf_counter()
            try:
                told = connection.read_response()
                self.traffic.took(perf_counter() - began)
                return told  # noqa: TRY300 - what fails is asked again, and counted there
            except (redis.ConnectionError, redis.exceptions.NoScriptError):
                connection.disconnect()
                return self.run(script, *arguments)
            except redis.RedisError as error:
                connection.disconnect()
                self._fail(error)
            finally:
                pool.release(connection)

        return answer

    def command(self, *arguments: Any) -> Any:
        """Send one command that may be sent twice without harm."""
        execute: Callable[..., Any] = self._client.execute_command
        return self._asked(lambda: execute(*arguments))

    @contextmanager
    def subscribed(self, channel: str) -> Iterator[Callable[[float], str | None]]:
        """Subscribe to a channel; what this gives waits so many seconds for the next text.

        Nothing that is told from then on is missed.

        Raises:
            StoreUnavailable: The server does not answer.
        """
        try:
            begin: Any = self._client.pubsub  # has no types
            with begin() as subscription:
                yield Subscription(subscription, channel, ANSWER_SECONDS).receive
        except redis.RedisError as error:
            self._fail(error)

    def memory(self) -> MemoryInUse:
        """What memory the server uses, and what it does when it has used all it may."""
        info = self.command("INFO", "memory")
        return MemoryInUse(
            dataset=info["used_memory_dataset"],
            used=info["used_memory"],
            most=info["maxmemory"],
            evicts=info["maxmemory"] > 0 and info["maxmemory_policy"] != "noeviction",
        )

    def refuse_if_it_evicts(self) -> None:
        """Refuse a server that takes memory from data when it has no more.

        Raises:
            StoreUnavailable: It does: what was learned would vanish without a word.
        """
        if self.memory().evicts:
            raise StoreUnavailable(
                "the Redis or Valkey server throws data away when its memory is full",
                remedy="set its maxmemory-policy to noeviction",
            )

    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many are open."""
        pool: Any = self._client.connection_pool
        in_use = len(pool._in_use_connections)  # noqa: SLF001 - the pool tells it nowhere else
        return in_use, in_use + len(pool._available_connections)  # noqa: SLF001

    def answer_of(self, operation: str) -> bytes | None:
        """What the script of an operation answered; None if it was not carried out."""
        answer: bytes | None = self.command("GET", f"{SHARD}:op:{operation}")
        return answer

    def refuse_while_rebuilding(self) -> None:
        """Refuse to go on while the ledger is rebuilt: what is missing may still come.

        Raises:
            StoreRebuilding: It is.
        """
        if self.command("EXISTS", f"{SHARD}:rebuilding"):
            raise rebuilding()

    def of_its_own(self) -> Any:
        """A connection of the client's that nobody else uses; the caller disconnects it.

        It is for what is no question and answer.

        Raises:
            StoreUnavailable: The server does not answer.
        """
        make: Callable[[], Any] = self._client.connection_pool.make_connection
        try:
            connection = make()
            connection.connect()
        except redis.RedisError as error:
            self._fail(error)
        return connection

    def pipelined(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        """The answers to commands that may be sent twice without harm, sent in one go.

        Raises:
            StoreUnavailable: The server does not answer.
        """
        kept = list(commands)

        def ask() -> list[Any]:
            # One that failed has forgotten its commands: executed again it answers nothing.
            pipeline: Any = self._client.pipeline(transaction=False)
            for command in kept:
                pipeline.execute_command(*command)
            return list(pipeline.execute())

        return list(self._asked(ask)) if kept else []

    def keys(self, pattern: str) -> Iterator[bytes]:
        """The keys whose names match a pattern, some more than once; looks at every key there is.

        Raises:
            StoreUnavailable: The server does not answer.
        """
        cursor = 0
        while True:
            cursor, found = self.command("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            yield from found
            cursor = int(cursor)
            if not cursor:
                return

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _asked(self, ask: Callable[[], Any]) -> Any:
        began = perf_counter()
        try:
            return self._retry.call_with_retry(ask, lambda _error: None)
        except redis.RedisError as error:
            self._fail(error)
        finally:
            self.traffic.took(perf_counter() - began)

    def _fail(self, error: redis.RedisError) -> NoReturn:
        failure = translated(error, self._diagnosis)
        if isinstance(failure, StoreError):
            self.traffic.failed(str(failure))
        raise failure from error


def packed(value: Any) -> bytes:
    """The value as MessagePack, the form scripts take lists and mappings in."""
    return msgspec.msgpack.encode(value)


def _whole_source(name: str) -> str:
    """A script behind what it shares with others."""
    taking = _source("taking") if name in _TAKING else ""
    return _source("shared") + taking + _source(name)


def _source(name: str) -> str:
    folder = resources.files("kato.storage.ledger") / "scripts"
    return (folder / f"{name}.lua").read_text(encoding="utf-8")


def _once() -> Retry:
    """No retries by the client itself: its default takes ten seconds to admit a server is gone."""
    return Retry(NoBackoff(), 0)


def _thrice() -> Retry:
    """Two more attempts within a quarter of a second, for a connection that breaks.

    What is sent again is the same operation id, so nothing is done twice. A server that is there
    and does not answer is not asked again.
    """
    backoff = ExponentialBackoff(cap=0.1, base=0.02)
    return Retry(backoff, 2, supported_errors=(redis.ConnectionError,))


def _script(client: redis.Redis, source: str) -> Script:
    return client.register_script(source)
