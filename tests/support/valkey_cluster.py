"""A Redis Cluster of three Valkey servers on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    """Three nodes that share the slots.

    Args:
        folder: Where their data lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes = [self.another() for _ in range(3)]
        bounds = [SLOTS * number // 3 for number in range(4)]
        for node, first, end in zip(self.nodes, bounds, bounds[1:], strict=False):
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            self.meet(node)
        self.wait_until(self._is_whole)

    @property
    def url(self) -> str:
        """Where it listens."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def another(self) -> Node:
        """One more server, which the others do not know yet."""
        folder = self.folder / str(time.monotonic_ns())
        folder.mkdir()
        return Node(folder)

    def meet(self, node: Node) -> None:
        """Make a node known to the others."""
        node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus_port)

    def holder(self, key: str) -> Node:
        """The node that holds a key, as the nodes that answer say."""
        slot = key_slot(key.encode())
        for first, last, (_, port, *_), *_ in self._alive().ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(key)

    def move(self, key: str) -> Node:
        """Move a key's slot to another node in one step; answers which."""
        slot, holder = key_slot(key.encode()), self.holder(key)
        target = next(node for node in self.nodes if node is not holder)
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

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.stop()

    def _alive(self) -> Node:
        return next(node for node in self.nodes if node.process.poll() is None)

    def _is_whole(self) -> bool:
        told = [node.ask("CLUSTER", "INFO") for node in self.nodes]
        expected = (b"cluster_state:ok", b"cluster_slots_ok:%d" % SLOTS)
        return all(fact in text for text in told for fact in expected)
