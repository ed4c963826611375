"""A Redis Cluster of three Valkey servers on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot
from tests.storage.stores import TcpValkey, free_port

SLOTS = 16384


class Node(TcpValkey):
    """A server of the cluster."""

    def __init__(self, folder: Path) -> None:
        self.bus_port = free_port()
        super().__init__(folder)

    @property
    def client(self) -> redis.Redis:
        """Asks this server, whatever it holds."""
        return redis.Redis(port=self.port)

    def ask(self, *command: Any) -> Any:
        """What it answers to a command."""
        with self.client as client:
            return client.execute_command(*command)

    @property
    def id(self) -> str:
        """By which the other nodes know it."""
        return str(self.ask("CLUSTER", "MYID").decode())

    def _options(self) -> list[str]:
        options = {
            "cluster-enabled": "yes",
            "cluster-port": str(self.bus_port),
            "cluster-node-timeout": "1000",
            "cluster-require-full-coverage": "no",
            "cluster-allow-replica-migration": "no",
        }
        more = [text for name, value in options.items() for text in (f"--{name}", value)]
        return [*super()._options(), *more]


class ValkeyCluster:
    """Nodes that share the slots.

    Args:
        folder: Where their data lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: list[Node] = []

    @classmethod
    @contextmanager
    def of_three(cls, folder: Path) -> Iterator[ValkeyCluster]:
        """One of three nodes, as long as this is open."""
        cluster = cls(folder)
        try:
            bounds = [SLOTS * number // 3 for number in range(4)]
            for first, end in pairwise(bounds):
                cluster.add().ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            cluster.wait_until(cluster.is_whole)
            yield cluster
        finally:
            for node in cluster.nodes:
                node.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def add(self) -> Node:
        """One more node, without slots."""
        folder = self.folder / str(len(self.nodes))
        folder.mkdir()
        self.nodes.append(Node(folder))
        first = self.nodes[0]
        self.nodes[-1].ask("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus_port)
        return self.nodes[-1]

    def holder(self, key: str) -> Node:
        """The node that holds a key, as the nodes that answer say."""
        slot = key_slot(key.encode())
        return next(node for first, last, node in self._ranges() if first <= slot <= last)

    def other(self, key: str) -> Node:
        """A node that holds slots, but not that of a key."""
        holder = self.holder(key)
        return next(node for *_, node in self._ranges() if node is not holder)

    def move(self, key: str) -> Node:
        """Move a key's slot to another node in one step; answers which."""
        slot, holder, target = key_slot(key.encode()), self.holder(key), self.other(key)
        holder.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
        self.wait_until(lambda: self.holder(key) is target)
        return target

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, which nodes tell each other."""
        deadline = time.monotonic() + 30
        while not is_so():
            if time.monotonic() > deadline:
                raise RuntimeError("the nodes do not agree")
            time.sleep(0.02)

    def is_whole(self) -> bool:
        """Whether all nodes know that every slot is held."""
        told = [node.ask("CLUSTER", "INFO") for node in self.nodes]
        expected = (b"cluster_state:ok", b"cluster_slots_ok:%d" % SLOTS)
        return all(fact in text for text in told for fact in expected)

    def _ranges(self) -> list[tuple[int, int, Node]]:
        """First slot, last slot and who holds them."""
        alive = next(node for node in self.nodes if node.process.poll() is None)
        by_port = {node.port: node for node in self.nodes}
        told = alive.ask("CLUSTER", "SLOTS")
        return [(first, last, by_port[port]) for first, last, (_, port, *_), *_ in told]
