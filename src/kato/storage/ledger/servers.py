"""Which server holds the ledger: the only one there is, or a node of a cluster.

All keys of a ledger carry its shard as their hash tag, so they are in one slot and lie on one node
of a Redis Cluster. Where that is may change; the client is told, or notices that the node is gone,
and looks again.

Traps of clusters, seen with Valkey 9.1 and redis-py 8.1:

* While a slot is moved key by key, the node it leaves answers ``ASK``, and the other runs a script
  on the keys that have arrived, as if there were no others. So ``ASK`` is never followed, and
  nothing is asked through ``RedisCluster``, which does: it only says where the slot is. A slot that
  is moved in one step (``CLUSTER MIGRATESLOTS``) is followed by ``MOVED``.
* ``RedisClusterException`` is no ``RedisError``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.exceptions import MovedError, RedisClusterException
from redis.retry import Retry

ANSWER_SECONDS = 15.0
"""How long an answer may take. Scripts take milliseconds."""

CONNECT_SECONDS = 5.0

_CLUSTER = "+cluster"

_BY_TCP: dict[str, Any] = {
    "socket_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": CONNECT_SECONDS,
}
# With a timeout of its own, which it has unless told otherwise, the asynchronous client makes a
# task for each command, and a command whose task comes after the connection was closed fails badly.
_NO_TIMEOUT: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": CONNECT_SECONDS}


class Servers(Protocol):
    """Knows the server that holds the ledger."""

    def client(self) -> redis.Redis:
        """A client of it, shared by threads, which does not decode answers.

        Raises:
            redis.ConnectionError: Nobody knows which it is.
        """

    def asynchronous(self) -> Any:
        """A connection to it for an event loop, not open yet."""

    def look_again(self, error: Exception) -> None:
        """Know from an error that the server is gone, or holds the ledger no more."""

    def close(self) -> None:
        """Close the connections."""


class OneServer:
    """A server that always holds the ledger.

    Args:
        client: A client of it.
        asynchronous: Makes a connection for an event loop.
    """

    def __init__(self, client: redis.Redis, asynchronous: Callable[[], Any]) -> None:
        self._client = client
        self.asynchronous = asynchronous

    @classmethod
    def by_socket(cls, socket: Path) -> OneServer:
        """The one behind a unix socket."""
        client = redis.Redis(
            unix_socket_path=str(socket), socket_timeout=ANSWER_SECONDS, retry=_once()
        )
        return cls(
            client,
            lambda: redis.asyncio.UnixDomainSocketConnection(path=str(socket), **_NO_TIMEOUT),
        )

    @classmethod
    def by_url(cls, url: str) -> OneServer:
        """The one at ``redis://``, ``rediss://`` or ``unix://``."""
        client = redis.Redis.from_url(url, retry=_once(), **_BY_TCP)
        return cls(client, lambda: _asynchronous(url))

    def client(self) -> redis.Redis:
        """A client of it."""
        return self._client

    def look_again(self, error: Exception) -> None:
        """There is no other."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Cluster:
    """The node of a Redis Cluster that holds a shard.

    Args:
        url: See :func:`node_urls`.
        shard: The hash tag of the ledger's keys.

    Raises:
        redis.ConnectionError: None of the nodes answers, or they are no cluster.
    """

    def __init__(self, url: str, shard: str) -> None:
        self._urls = node_urls(url)
        self._shard = shard
        self._is_lost = False
        with _as_redis_errors():
            self._cluster = RedisCluster.from_url(
                self._urls[0],
                startup_nodes=[_node(url) for url in self._urls[1:]],
                require_full_coverage=False,  # the nodes know what they refuse
                retry=_once(),
                **_BY_TCP,
            )

    def client(self) -> redis.Redis:
        """A client of the node."""
        with _as_redis_errors():
            if self._is_lost:
                self._is_lost = False  # first: who is refused meanwhile says so again
                self._cluster.nodes_manager.initialize()
            return self._cluster.get_redis_connection(self._holder())

    def asynchronous(self) -> Any:
        """A connection to the node where the ledger was last: a loop cannot wait for a look."""
        with _as_redis_errors():
            node = self._holder()
        host = f"[{node.host}]" if ":" in node.host else node.host
        return _asynchronous(_with_host(self._urls[0], f"{host}:{node.port}"))

    def look_again(self, error: Exception) -> None:
        """Go where the node sent us, or ask the others before the next command.

        Who is asked may not have heard yet what the node knows that the slot left.
        """
        if isinstance(error, MovedError) and error.host:
            self._cluster.nodes_manager.move_slot(error)
        else:
            self._is_lost = True

    def close(self) -> None:
        """Close the connections to all nodes."""
        self._cluster.close()

    def _holder(self) -> ClusterNode:
        cluster: Any = self._cluster  # has no types
        node: ClusterNode = cluster.get_node_from_key(self._shard)
        return node


def servers_at(url: str, shard: str) -> Servers:
    """A server (``redis://``, ``rediss://``, ``unix://``) or a cluster, by its URL.

    Args:
        url: Its URL; that of a cluster as :func:`node_urls` reads it.
        shard: The hash tag of the ledger's keys.

    Raises:
        redis.ConnectionError: None of the cluster's nodes answers, or they are no cluster.
    """
    is_cluster = url.partition("://")[0].endswith(_CLUSTER)
    return Cluster(url, shard) if is_cluster else OneServer.by_url(url)


def node_urls(url: str) -> list[str]:
    """The URLs of the nodes that a cluster's URL names: by commas, any of its nodes.

    >>> node_urls("rediss+cluster://kato:secret@one:7000,two:7000?ssl_cert_reqs=none")[1]
    'rediss://kato:secret@two:7000?ssl_cert_reqs=none'
    """
    hosts = _parts(url)[2]
    return [_with_host(url.replace(_CLUSTER, "", 1), host) for host in hosts.split(",")]


def _with_host(url: str, host: str) -> str:
    scheme, user, _, options = _parts(url)
    return f"{scheme}://{user}{host}{options}"


def _parts(url: str) -> tuple[str, str, str, str]:
    """Scheme, user with ``@``, hosts, and what follows; urllib would refuse several IPv6 hosts."""
    scheme, _, rest = url.partition("://")
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    user, at, hosts = authority.rpartition("@")
    return scheme, user + at, hosts, rest[len(authority) :]


def _node(url: str) -> ClusterNode:
    found = parse_url(url)  # type: ignore[no-untyped-call]
    return ClusterNode(  # type: ignore[no-untyped-call]
        found.get("host", "localhost"), found.get("port", 6379)
    )


def _asynchronous(url: str) -> Any:
    pool: Any = redis.asyncio.ConnectionPool.from_url(url, **_NO_TIMEOUT)  # has no types
    return pool.make_connection()


@contextmanager
def _as_redis_errors() -> Iterator[None]:
    try:
        yield
    except RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error


def _once() -> Retry:
    """No retries by the client itself: its default takes ten seconds to admit a server is gone."""
    return Retry(NoBackoff(), 0)
