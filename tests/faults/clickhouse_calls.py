"""Every way in which ClickHouse is asked, by the method that asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pyarrow as pa

import kato
from kato.storage.clickhouse.bands import BandShape, BandTable
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.ids import PatternIds
from kato.storage.clickhouse.patterns import PatternSink, PatternTables
from kato.storage.clickhouse.postings import PostingTables, Wanted
from kato.storage.clickhouse.signatures import SHAPES, Reaching

Act = Callable[[], object]

SHAPE = BandShape(2, 2)
IDS, BANDS = np.array([1, 2]), np.zeros((2, 2), np.uint32)
REACHING = Reaching(
    np.array([1], np.uint32), 1, np.empty((0, 2), np.uint32), np.ones((1, SHAPES, 1), np.int64)
)


class Asked:
    """A knowledge base in ClickHouse, which is asked about it.

    Args:
        memory: Where it is prepared, by a way on which nothing goes wrong.
        clickhouse: Asked.
        name: The knowledge base's.
    """

    def __init__(self, memory: kato.Memory, clickhouse: ClickHouse, name: str) -> None:
        self.memory, self.clickhouse, self.name = memory, clickhouse, name
        self.kb = memory.knowledge_base(name)
        for events in ([["a"], ["b"]], [["b"], ["c"]], [["a"], ["b"]]):
            self.kb.learn(events)
        memory.flush()
        self.number = memory.numbers()[name]
        self.tables = PatternTables(clickhouse)
        self.ids = PatternIds(clickhouse)
        self.postings = PostingTables(clickhouse)
        self.bands = BandTable(clickhouse)
        self.sink = PatternSink(clickhouse)


def insert(asked: Asked) -> Act:
    rows = pa.table({"kb": pa.array([asked.number], pa.uint32()), "id": pa.array([9], pa.uint32())})
    return lambda: asked.clickhouse.insert("symbols", rows, f"token of {asked.name}")


def carry(asked: Asked) -> Act:
    """Insert a batch that was claimed; it is done by who claims next."""
    asked.kb.learn([["d"], ["e"]])
    journal = asked.memory._engines.journal
    intent = journal.claim(10, 1 << 20)
    assert intent is not None
    entries = journal.read(intent)
    return lambda: asked.sink.insert(entries, intent.token)


def insert_native(asked: Asked) -> Act:
    statement = "SELECT {kb:UInt32} AS kb, toUInt32(9) AS id, 'x' AS text"
    with closing(asked.memory.clickhouse()) as clickhouse:
        block = clickhouse.native(statement, {"kb": asked.number})
    columns = ("kb", "id", "text")
    return lambda: asked.clickhouse.insert_native("symbols", columns, (part for part in (block,)))


def streamed(asked: Asked) -> Act:
    def read() -> int:
        with asked.clickhouse.streamed("SELECT number FROM numbers(300000)") as parts:
            return sum(map(len, parts))

    return read


def command(asked: Asked) -> Act:
    statement = "INSERT INTO tombstones (kb, id, version) VALUES ({kb:UInt32}, 77, 1)"
    return lambda: asked.clickhouse.command(statement, {"kb": asked.number})


def postings(asked: Asked) -> Act:
    wanted = Wanted([(1, 1)], REACHING)
    return lambda: asked.postings.read(asked.number, wanted, (0, 9), 9, hide=True) is not None


CLICKHOUSE_CALLS: dict[str, Callable[[Asked], Act]] = {
    "ClickHouse.at": lambda a: lambda: ClickHouse.at(str(a.clickhouse._options["dsn"])).close(),
    "ClickHouse.another": lambda a: lambda: a.clickhouse.another().close(),
    "ClickHouse.rows": lambda a: lambda: a.clickhouse.rows("SELECT number FROM numbers(1000)"),
    "ClickHouse.native": lambda a: lambda: a.clickhouse.native("SELECT number FROM numbers(1000)"),
    "ClickHouse.streamed": streamed,
    "ClickHouse.insert_native": insert_native,
    "ClickHouse.command": command,
    "ClickHouse.insert": insert,
    "PatternSink.insert": carry,
    "PatternSink.purge": lambda a: lambda: a.sink.purge(0),
    "PatternTables.where": lambda a: lambda: len(a.tables.where(a.number, "id > 0", {}).ids),
    "PatternTables.first": lambda a: lambda: len(a.tables.first(a.number, "id > 0", {}, 9).ids),
    "PatternTables.counts": lambda a: lambda: a.tables.counts(a.number, "id > 0", [], {}),
    "PatternTables.id_behind": lambda a: lambda: a.tables.id_behind(a.number, "id > 0", {}, 1),
    "PatternTables.with_id": lambda a: lambda: len(a.tables.with_id(a.number, 1).ids),
    "PatternTables.texts": lambda a: lambda: a.tables.texts(a.number, [1, 2]),
    "PatternTables.vocabulary": lambda a: lambda: len(a.tables.vocabulary(a.number)) >= 3,
    "PatternTables.nearest_vectors": lambda a: (
        lambda: a.tables.nearest_vectors(a.number, [1.0, 2.0], 3)
    ),
    "PatternTables.vectors": lambda a: lambda: a.tables.vectors(a.number, ["VCTR|x"]),
    "PatternTables.ping": lambda a: a.tables.ping,
    "PatternTables.bytes_on_disk": lambda a: lambda: a.tables.bytes_on_disk() > 0,
    "PatternIds.present": lambda a: lambda: a.ids.present(a.number, 9).tolist(),
    "PatternIds.forgotten": lambda a: lambda: len(a.ids.forgotten(a.number)) >= 0,
    "PatternIds.cleared": lambda a: lambda: a.ids.cleared([a.number]),
    "PostingTables.covered": lambda a: lambda: a.postings.covered(a.number) >= 0,
    "PostingTables.extend": lambda a: lambda: a.postings.extend(a.number, 2),
    "PostingTables.replace": lambda a: lambda: a.postings.replace(a.number, 0, 2),
    "PostingTables.read": postings,
    "PostingTables.names": lambda a: lambda: a.postings.names(a.number, IDS).tobytes(),
    "BandTable.covered": lambda a: lambda: BandTable(a.clickhouse).covered(a.number, SHAPE, 1) >= 0,
    "BandTable.add": lambda a: lambda: a.bands.add(a.number, SHAPE, IDS, BANDS, 2),
    "BandTable.replace": lambda a: lambda: a.bands.replace(a.number, SHAPE, IDS, BANDS, (0, 2)),
}
"""By method: what prepares a call of it, and gives what calls."""

ASK_NOTHING = {"ClickHouse.embedded", "ClickHouse.close", "PatternTables.traffic"}

ASKING = (ClickHouse, PatternSink, PatternTables, PatternIds, PostingTables, BandTable)
