"""The tables as a cluster of ClickHouse servers has them: each in shards that are replicated.

Made of the same migrations, statement by statement: for each table one of a shard's rows,
``<table>_local``, and under its own name a ``Distributed`` one that stands for all of them. No
cluster ever carried these statements out: no server can be installed where KATO is built, see
docs/clusters.md.

Three things follow from how ClickHouse works:

* Versions of a row are merged only on one shard, so a row's shard follows from columns that its
  table is sorted by.
* A view on a table's own rows is carried out where they are inserted: it reads and writes
  ``_local`` tables, which are spread by the same columns. A view on a ``Null`` table runs where the
  batch came in, and writes to ``Distributed`` ones.
* The tokens of the last batches are kept by the keeper, an hour unless told otherwise; a batch may
  be sent again after longer than that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from kato.storage.clickhouse.migrations import APPLIED, Migration

LOCAL = "_local"
"""What the name of a table of one shard's rows ends in."""

SHARDED_BY = (("kb", "id"), ("kb", "symbol"), ("kb", "name"), ("kb",), ("exchange", "symbol"))
"""The columns whose hash says on which shard a row is: the first of these a table is sorted by.

A pattern and all that is kept of it under its id are on one shard.
"""

_TOKENS_SECONDS = 7 * 24 * 3600
_REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
"""By macros that every server of a cluster defines."""

_TABLE = re.compile(
    r"CREATE TABLE IF NOT EXISTS (?P<name>\w+)\s*(?P<columns>\(.*\)) ?\n?"
    r"ENGINE = (?P<engine>\w+)(?:\((?P<version>\w+)\))?(?P<rest>.*)",
    re.DOTALL,
)
_SORTED_BY = re.compile(r"ORDER BY \(?([\w, ]+)\)?")
_TRANSFER = re.compile(
    r"CREATE MATERIALIZED VIEW IF NOT EXISTS (?P<name>\w+) TO (?P<target>\w+) AS(?P<select>.*)",
    re.DOTALL,
)
_VIEW = re.compile(r"CREATE VIEW IF NOT EXISTS (?P<name>\w+) AS(?P<select>.*)", re.DOTALL)
_CHANGE = re.compile(r"ALTER TABLE (?P<name>\w+)\s(?P<change>.*)", re.DOTALL)


def cluster_ddl(cluster: str, steps: Collection[Migration], table: str) -> list[str]:
    """The statements that make on a cluster what migrations make on a server.

    Args:
        cluster: Its name, as the servers' configuration has it.
        steps: The migrations.
        table: Where it is kept which are taken.

    >>> from kato.storage.clickhouse.migrations import known
    >>> print(cluster_ddl("main", known(), "migrations")[3].splitlines()[1])
    ENGINE = Distributed('main', currentDatabase(), 'patterns_local', cityHash64(kb, id))
    """
    return list(_Cluster(cluster).statements(steps, table))


class _Cluster:
    """A cluster, and which tables it has got so far.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        escaped = name.replace("\\", "\\\\").replace("'", "\\'")
        self._name = f"'{escaped}'"
        self._stored: set[str] = set()

    def statements(self, steps: Collection[Migration], table: str) -> Iterator[str]:
        yield from self._spread(APPLIED.replace("{table:Identifier}", table).strip())
        for step in steps:
            for statement in step.statements:
                yield from self._spread(statement)
            taken = f"({step.number}, '{step.name}')"
            yield f"INSERT INTO {table} (number, name) VALUES {taken}"  # noqa: S608 - names of ours

    def _spread(self, statement: str) -> Iterator[str]:
        if table := _TABLE.fullmatch(statement):
            yield from self._table(**table.groupdict())
        elif transfer := _TRANSFER.fullmatch(statement):
            yield self._transfer(**transfer.groupdict())
        elif view := _VIEW.fullmatch(statement):
            yield f"CREATE VIEW IF NOT EXISTS {view['name']} {self._on} AS{view['select']}"
        elif change := _CHANGE.fullmatch(statement):
            yield from self._change(**change.groupdict())
        else:
            raise ValueError(f"nothing is known of statements like {statement[:60]!r}")

    def _table(
        self, name: str, columns: str, engine: str, version: str | None, rest: str
    ) -> Iterator[str]:
        if not engine.endswith("MergeTree"):
            yield f"CREATE TABLE IF NOT EXISTS {name} {self._on} {columns}\nENGINE = {engine}{rest}"
            return
        self._stored.add(name)
        replicated = ", ".join(part for part in (_REPLICA, version) if part)
        yield (
            f"CREATE TABLE IF NOT EXISTS {name}{LOCAL} {self._on}\n{columns}\n"
            f"ENGINE = Replicated{engine}({replicated}){_replicated(rest)}"
        )
        yield (
            f"CREATE TABLE IF NOT EXISTS {name} {self._on} AS {name}{LOCAL}\n"
            f"ENGINE = Distributed({self._name}, currentDatabase(), '{name}{LOCAL}',"
            f" cityHash64({', '.join(_sharded_by(rest))}))"
        )

    def _transfer(self, name: str, target: str, select: str) -> str:
        source = next(iter(re.findall(r"FROM (\w+)", select)))
        if source in self._stored:
            target += LOCAL
            select = select.replace(f"FROM {source}", f"FROM {source}{LOCAL}")
        return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} {self._on} TO {target} AS{select}"

    def _change(self, name: str, change: str) -> Iterator[str]:
        yield f"ALTER TABLE {name}{LOCAL} {self._on} {change}"
        if not change.lstrip().startswith("MATERIALIZE"):  # a Distributed table holds nothing
            yield f"ALTER TABLE {name} {self._on} {change}"

    @property
    def _on(self) -> str:
        return f"ON CLUSTER {self._name}"


def _replicated(rest: str) -> str:
    """What stands behind the engine, with the setting for tokens that replicas share."""
    seconds = f"replicated_deduplication_window_seconds = {_TOKENS_SECONDS}"
    return re.sub(r"non_(replicated_deduplication_window = \d+)", rf"\1,\n    {seconds}", rest)


def _sharded_by(rest: str) -> tuple[str, ...]:
    sorted_by = _SORTED_BY.search(rest)
    assert sorted_by is not None  # noqa: S101 - every table is sorted
    columns = tuple(re.findall(r"\w+", sorted_by[1]))
    return next((some for some in SHARDED_BY if set(some) <= set(columns)), columns[:2])
