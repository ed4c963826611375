"""A ledger on a Redis Cluster: it stays whole wherever its slot goes, and whoever is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
from redis.crc import key_slot
from tests.storage import stores
from tests.storage.counted import lesson_of
from tests.storage.stores import Backend
from tests.support.valkey_cluster import Node, ValkeyCluster

import kato
from kato.errors import StoreUnavailable
from kato.model.identity import new_id
from kato.settings import Settings
from kato.storage.ledger.channel import Channel
from kato.storage.ledger.connection import Connection, shard_of
from kato.storage.ledger.counters import Counters, Learned
from kato.storage.ledger.limits import Limits
from kato.storage.ledger.operations import Operation
from kato.storage.ledger.pipeline import Pipeline
from kato.upkeep.backup import backup
from kato.upkeep.rebuild_ledger import rebuild_ledger
from kato.upkeep.restore import restore
from kato.upkeep.verify import verify

LESSON = lesson_of([["a"], ["b"]])
LIMITS = Limits(1 << 30, 0, 0)


class Ledger(Counters):
    """The counters of a shard, and the connection to it."""

    def __init__(self, url: str, shard: int) -> None:
        self.connection = Connection.to_url(url, f"{{{shard}}}")
        super().__init__(self.connection, LIMITS)

    def add(self, operation: Operation | None = None) -> int:
        """Learn once more; answers how often it was learned."""
        learned: Learned = self.learn("k", LESSON, persistence=5, operation=operation)
        return learned.frequencies[0]


@pytest.fixture
def shard() -> int:
    """One that no other test uses."""
    return 64 + 2 * int(new_id()[:3], 16)


@pytest.fixture
def ledger(valkey_cluster: ValkeyCluster, shard: int) -> Iterator[Ledger]:
    """A ledger of its own on the cluster."""
    ledger = Ledger(valkey_cluster.url, shard)
    yield ledger
    ledger.connection.close()


def begun(ledger: Ledger) -> None:
    answer = ledger.begin_learn("k", LESSON, persistence=5)
    answer()


def elsewhere(cluster: ValkeyCluster, shard: str) -> int:
    """A shard on another node."""
    holder = cluster.holder(shard)
    return next(n for n in range(16_000, 16_384) if cluster.holder(f"{{{n}}}") is not holder)


def test_all_ways_to_ask_follow_the_slot(valkey_cluster: ValkeyCluster, ledger: Ledger) -> None:
    connection = ledger.connection
    ways: list[Callable[[], object]] = [
        ledger.add,
        lambda: begun(ledger),
        lambda: connection.command("GET", connection.key("numbers")),
        lambda: connection.pipelined([("GET", connection.key("numbers"))] * 2),
    ]
    for way in ways:
        before = valkey_cluster.holder(connection.shard)
        way()
        assert valkey_cluster.move(connection.shard) is not before
        way()
    assert ledger.add() == 5
    assert len(list(connection.keys(connection.key("*")))) > 5


def test_a_pipeline_is_opened_again_where_the_slot_is(
    valkey_cluster: ValkeyCluster, ledger: Ledger
) -> None:
    async def follow() -> list[bool]:
        pipeline, answers = Pipeline(ledger.connection), []
        for step in range(4):
            arguments = ledger.learn_arguments("k", LESSON, 5, None, Operation())
            answers.append(await pipeline.run("learn", *arguments) is not None)
            if not answers[-1]:
                ledger.add()  # as its callers do, they ask by other means
            if step == 1:
                valkey_cluster.move(ledger.connection.shard)
        await pipeline.close()
        return answers

    ledger.add()
    assert asyncio.run(follow()) == [True, True, False, True]


def test_half_a_ledger_is_not_asked(valkey_cluster: ValkeyCluster, ledger: Ledger) -> None:
    assert ledger.add() == 1
    slot = key_slot(ledger.connection.shard.encode())
    holder = valkey_cluster.holder(ledger.connection.shard)
    target = valkey_cluster.other(ledger.connection.shard)
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", holder.id)
    holder.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    try:
        with pytest.raises(StoreUnavailable, match="key by key"):
            ledger.add()
        with pytest.raises(StoreUnavailable, match="key by key"):
            begun(ledger)
        assert target.ask("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
    finally:
        for node in (holder, target):
            node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
    assert ledger.add() == 2


def test_who_is_on_another_node_does_not_notice(
    valkey_cluster: ValkeyCluster, ledger: Ledger
) -> None:
    other = Ledger(valkey_cluster.url, elsewhere(valkey_cluster, ledger.connection.shard))
    before = other.add()
    assert ledger.add() == 1
    with gone(valkey_cluster.holder(ledger.connection.shard)):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            ledger.add()
        assert time.monotonic() - began < 5
        assert other.add() == before + 1
    valkey_cluster.wait_until(valkey_cluster.is_whole)
    assert ledger.add() == 2
    other.connection.close()


def test_a_replica_takes_over(valkey_cluster: ValkeyCluster, ledger: Ledger) -> None:
    assert ledger.add() == 1
    holder = valkey_cluster.holder(ledger.connection.shard)
    replica = valkey_cluster.add()
    valkey_cluster.wait_until(lambda: holder.id in str(replica.ask("CLUSTER", "NODES")))
    replica.ask("CLUSTER", "REPLICATE", holder.id)
    valkey_cluster.wait_until(lambda: holder.ask("WAIT", 1, 100) == 1)
    with gone(holder):
        with pytest.raises(StoreUnavailable):
            ledger.add()
        valkey_cluster.wait_until(lambda: valkey_cluster.holder(ledger.connection.shard) is replica)
        valkey_cluster.wait_until(lambda: answers(ledger))
        assert ledger.add() == 2
    valkey_cluster.wait_until(lambda: replica.ask("WAIT", 1, 100) == 1)
    before = ledger.add()
    assert before == 3
    holder.ask("CLUSTER", "FAILOVER")  # asked for, it loses nothing
    while valkey_cluster.holder(ledger.connection.shard) is replica:
        before = ledger.add()
    assert ledger.add() == before + 1


@contextmanager
def gone(node: Node) -> Iterator[None]:
    """While this is open the node does not run."""
    node.stop()
    try:
        yield
    finally:
        node.start()


def answers(ledger: Ledger) -> bool:
    try:
        ledger.number("k")
    except StoreUnavailable:
        return False
    return True


def test_a_crowd_learns_while_the_slot_moves(
    valkey_cluster: ValkeyCluster, ledger: Ledger, shard: int
) -> None:
    """Each of many learns is carried out once, whatever moves meanwhile."""
    ledgers = [ledger, Ledger(valkey_cluster.url, shard)]

    def member(number: int) -> None:
        for _ in range(40):
            ledgers[number % 2].add(Operation())

    with ThreadPoolExecutor(6) as pool:
        members = [pool.submit(member, number) for number in range(6)]
        for _ in range(2):
            valkey_cluster.move(ledger.connection.shard)
        for done in members:
            done.result()
    assert ledger.add() == 6 * 40 + 1
    ledgers[1].connection.close()


@pytest.mark.parametrize("kind", ["cluster", "servers"])
def test_shards_share_nothing(request: pytest.FixtureRequest, kind: str) -> None:
    backend: Backend = request.getfixturevalue(kind)
    url = backend.settings.redis_url or ""
    one, other = Ledger(url, 15_001), Ledger(url, 15_002)
    one.add()
    one.add()
    assert (other.number("k"), other.add(), one.add()) == (None, 1, 3)
    for ledger in (one, other):
        ledger.connection.pipelined([("DEL", k) for k in ledger.connection.keys("{1500*")])
        ledger.connection.close()


def test_events_reach_listeners_on_any_node(valkey_cluster: ValkeyCluster, shard: int) -> None:
    heard: list[str] = []
    stop, ready = Event(), Event()

    def hear(text: str) -> None:
        heard.append(text)
        stop.set()

    connections = [Ledger(valkey_cluster.url, shard).connection for _ in range(2)]
    listener = Thread(target=Channel(connections[0]).listen, args=(hear, ready.set, stop))
    listener.start()
    assert ready.wait(10)
    valkey_cluster.move(connections[0].shard)
    Channel(connections[1]).tell("learned ☃")
    listener.join(10)
    assert heard == ["learned ☃"]
    for connection in connections:
        connection.close()


def test_a_memory_on_a_cluster(valkey_cluster: ValkeyCluster, shard: int, tmp_path: Path) -> None:
    """It learns, predicts, undoes and is verified; its backup goes to stores of any kind."""
    settings = msgspec.structs.replace(
        stores.settings(tmp_path, redis=valkey_cluster.url), ledger_shard=shard, undo_seconds=60
    )
    with Backend("cluster", settings).open() as memory:
        kb = memory.knowledge_base("k")
        name = kb.learn([["a"], ["b"], ["c"]])
        other = kb.learn([["a"], ["x"]]) or ""
        session = kato.Session(kb)
        session.observe(["a"])
        memory.flush()
        valkey_cluster.move(memory.ledger().shard)
        session.observe(["b"])
        kb.forget(other)
        memory.undo("k")
        assert session.predict().predictions[0].name == name
        assert kb.stats().patterns == 2
        assert list(verify(memory)) == []
        backup(memory, tmp_path / "backup")
    another = msgspec.structs.replace(settings, ledger_shard=shard + 1)
    rebuild_ledger(another)
    with Backend("cluster", another).open() as memory:
        assert memory.knowledge_base("k").stats().patterns == 2
        assert list(verify(memory)) == []
    restore(tmp_path / "backup", Settings.from_environment({}), tmp_path / "again")
    with kato.open(tmp_path / "again") as memory:
        assert memory.ledger().shard == "{0}"
        assert memory.knowledge_base("k").stats().patterns == 2
        assert list(verify(memory)) == []
        kato.Session(memory.knowledge_base("k"), session.id, must_exist=True).learn()


def test_no_cluster_answers() -> None:
    with pytest.raises(StoreUnavailable, match="see whether the Redis or Valkey server runs"):
        Connection.to_url("redis+cluster://127.0.0.1:1,127.0.0.1:2")


def test_a_server_is_no_cluster(servers: Backend) -> None:
    url = (servers.settings.redis_url or "").replace("redis://", "redis+cluster://")
    with pytest.raises(StoreUnavailable, match="Cluster mode is not enabled"):
        Connection.to_url(url)


def test_the_url_of_a_node_is_not_that_of_a_cluster(valkey_cluster: ValkeyCluster) -> None:
    node = valkey_cluster.holder("{0}")
    other = elsewhere(valkey_cluster, "{0}")
    with pytest.raises(StoreUnavailable, match="redis\\+cluster://"):
        Connection.to_url(f"redis://127.0.0.1:{node.port}", f"{{{other}}}")


def test_the_shard_is_a_setting() -> None:
    assert shard_of(Settings.from_environment({"KATO_LEDGER_SHARD": "12"})) == "{12}"
    assert shard_of(Settings.from_environment({})) == "{0}"
