"""The connection to the ledger: scripts, errors, and retries that are safe.

The server is only ever asked for a script or a single command. Every script that changes something
takes an operation id and answers a repeat from its record, so a lost answer can be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn

import msgspec
import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import MovedError, NoScriptError
from redis.retry import Retry

from kato.errors import (
    KatoError,
    StoreError,
    StoreTooNew,
    StoreUnavailable,
)
from kato.settings import Settings
from kato.storage.ledger.refusals import rebuilding, translated
from kato.storage.ledger.script import scripts
from kato.storage.ledger.servers import ANSWER_SECONDS, OneServer, Servers, servers_at
from kato.storage.ledger.subscription import Subscription
from kato.storage.traffic import Traffic

FORMAT = 1
"""Layout of the keys; a ledger with a higher number was written by a newer release."""

SHARD = "{0}"
"""The hash tag of all keys of a ledger, unless its settings name another shard."""


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
        servers: Knows the server that holds it.
        diagnosis: Says why the server is gone, where that can be known.
        shard: The hash tag of its keys.

    Attributes:
        traffic: What is asked of it.
        servers: Knows the server that holds it.
        shard: The hash tag of its keys.

    Raises:
        StoreUnavailable: The server does not answer.
        StoreTooNew: The ledger was written by a newer release.
    """

    def __init__(
        self,
        servers: Servers,
        diagnosis: Callable[[], KatoError] | None = None,
        shard: str = SHARD,
    ) -> None:
        self.traffic = Traffic()
        self.servers = servers
        self.shard = shard
        self._diagnosis = diagnosis
        self._retry = _thrice()
        self._scripts = scripts(servers)
        found = self.format()
        if found > FORMAT:
            raise StoreTooNew(
                f"the ledger has format {found}, this release knows {FORMAT}",
                remedy="upgrade KATO",
            )

    @classmethod
    def to_socket(
        cls, socket: Path, diagnosis: Callable[[], KatoError], shard: str = SHARD
    ) -> Connection:
        """The embedded ledger behind a unix socket."""
        return cls(OneServer.by_socket(socket), diagnosis, shard)

    @classmethod
    def to_url(cls, url: str, shard: str = SHARD) -> Connection:
        """A server or a cluster by its URL; see :func:`servers_at`."""
        try:
            servers = servers_at(url, shard)
        except redis.RedisError as error:
            raise translated(error, None) from error
        return cls(servers, shard=shard)

    @property
    def database(self) -> int:
        """The number of the server's database that the ledger is in."""
        return int(self.servers.client().connection_pool.connection_kwargs.get("db") or 0)

    def key(self, name: str) -> str:
        """The whole name of a key."""
        return f"{self.shard}:{name}"

    def format(self) -> int:
        """The layout of the keys; that of this release if there are none yet."""
        key = self.key("format")
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
        evaluate = self._scripts[script]
        return self._asked(lambda: evaluate(keys=[self.shard], args=arguments))

    def begin(self, script: str, *arguments: Any) -> Callable[[], Any]:
        """Send a script; the answer is waited for by calling what this returns.

        The caller goes on meanwhile. If the answer is lost, the script is run again, so it must be
        one that answers a repeat from its record.
        """
        try:
            pool = self.servers.client().connection_pool
            connection: Any = pool.get_connection()
        except redis.RedisError:
            return lambda: self.run(script, *arguments)
        try:
            connection.send_command("EVALSHA", self._scripts[script].sha, 1, self.shard, *arguments)
        except redis.ConnectionError:
            pool.release(connection)
            return lambda: self.run(script, *arguments)

        def answer() -> Any:
            began = perf_counter()
            try:
                told = connection.read_response()
                self.traffic.took(perf_counter() - began)
                return told  # noqa: TRY300 - what fails is asked again, and counted there
            except (redis.ConnectionError, NoScriptError, MovedError):
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

        def ask() -> Any:
            client: Any = self._client  # has no types
            return client.execute_command(*arguments)

        return self._asked(ask)

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
        answer: bytes | None = self.command("GET", self.key(f"op:{operation}"))
        return answer

    def refuse_while_rebuilding(self) -> None:
        """Refuse to go on while the ledger is rebuilt: what is missing may still come.

        Raises:
            StoreRebuilding: It is.
        """
        if self.command("EXISTS", self.key("rebuilding")):
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
        commands = list(commands)
        return list(self._asked(lambda: self._in_one_go(commands))) if commands else []

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
        self.servers.close()

    @property
    def _client(self) -> redis.Redis:
        return self.servers.client()

    def _in_one_go(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        # One that failed has forgotten its commands: executed again it would answer nothing.
        pipeline: Any = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = pipeline.execute()
        return answers

    def _asked(self, ask: Callable[[], Any]) -> Any:
        began = perf_counter()
        try:
            return self._retry.call_with_retry(ask, self.servers.look_again)
        except redis.RedisError as error:
            self._fail(error)
        finally:
            self.traffic.took(perf_counter() - began)

    def _fail(self, error: redis.RedisError) -> NoReturn:
        if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
            self.servers.look_again(error)
        failure = translated(error, self._diagnosis)
        if isinstance(failure, StoreError):
            self.traffic.failed(str(failure))
        raise failure from error


def shard_of(settings: Settings) -> str:
    """The shard that the settings name."""
    return f"{{{settings.ledger_shard}}}"


def packed(value: Any) -> bytes:
    """The value as MessagePack, the form scripts take lists and mappings in."""
    return msgspec.msgpack.encode(value)


def _thrice() -> Retry:
    """Two more attempts within a quarter of a second, for a connection that breaks.

    So it is for a node of a cluster that sends us to another. What is sent again is the same
    operation id, so nothing is done twice. A server that is there and does not answer is not asked
    again.
    """
    backoff = ExponentialBackoff(cap=0.1, base=0.02)
    return Retry(backoff, 2, supported_errors=(redis.ConnectionError, MovedError))
