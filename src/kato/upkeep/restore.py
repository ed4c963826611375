"""An archive put into stores, embedded ones or servers, whichever it was taken of.

The target says that it is half restored from the first change to the last: it cannot be opened
meanwhile, and a restore that was killed is run again and begins anew.

The restored store has a new id. Files of the recall index on disk are named by it, and those of a
store that went on after the backup would lie about the one that is restored.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec

from kato.errors import InvalidInput, StoreTooNew
from kato.memory.stores import RESTORING, Stores
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.embedded.snapshot_server import shown
from kato.storage.ledger.connection import FORMAT, Connection
from kato.storage.ledger.copying import copy_keys
from kato.upkeep.archive import LEDGER, Archive, Manifest, reading
from kato.upkeep.tables import put_in
from kato.upkeep.upgrade import check_steps, migrated

STORE = "store"
_NOT_RESTORED = (STORE, RESTORING, "held")
_NOTHING = (STORE, RESTORING, "format")
"""Keys of a ledger that holds nothing."""


class Restored(msgspec.Struct, frozen=True):
    """What a restore brought.

    Attributes:
        taken: When the backup was taken, in ISO 8601.
        rows: Rows of ClickHouse's tables.
        keys: Keys of the ledger.
        migrations: By table that keeps them, the migrations that the archive had not taken.
    """

    taken: str
    rows: int
    keys: int
    migrations: dict[str, list[int]]


def restore(
    source: Path,
    settings: Settings,
    path: Path | None = None,
    *,
    replace: bool = False,
    sessions: bool = True,
) -> Restored:
    """Put an archive into stores that nobody else uses meanwhile.

    Args:
        source: The archive: a folder, or a ``.tar`` file.
        settings: Where the stores are.
        path: Data directory of embedded stores, in place of all stores of the settings.
        replace: Whether what they hold may be lost.
        sessions: Whether to restore sessions.

    Raises:
        StoreUnreadable: The archive is damaged; nothing was changed.
        StoreTooNew: A newer release made it; nothing was changed.
        InvalidInput: The stores are not empty; nothing was changed.
        StoreInUse: A process has them open.
    """
    with reading(source) as archive:
        archive.verify()
        manifest = archive.manifest()
        _check_known(manifest)
        with Stores(settings, path) as stores:
            _check_empty(stores, replace=replace)
            stores.connection.command("SET", stores.connection.key(RESTORING), manifest.id)
            _restore_tables(stores.clickhouse, archive, manifest)
            keys = _restore_ledger(stores.connection, archive, manifest, sessions=sessions)
            steps = migrated(stores.clickhouse, manifest.migrations)
            _begin_anew(stores)
            rows = sum(piece.rows for piece in manifest.pieces)
            return Restored(manifest.taken, rows, keys, steps)


def _check_known(manifest: Manifest) -> None:
    check_steps(manifest.migrations)
    if manifest.ledger_format > FORMAT:
        raise StoreTooNew(
            f"the backup's ledger has format {manifest.ledger_format}, this release knows {FORMAT}",
            remedy="upgrade KATO",
        )


def _check_empty(stores: Stores, *, replace: bool) -> None:
    connection = stores.connection
    if replace or connection.command("EXISTS", connection.key(RESTORING)):
        return
    rows = stores.clickhouse.rows(
        "SELECT table FROM system.parts WHERE active AND rows > 0 "
        "AND database = currentDatabase() AND table NOT IN ('store', 'migrations', "
        "'market_migrations') ORDER BY table LIMIT 1"
    )
    key = next(_keys(connection, _NOTHING), None)
    if rows or key is not None:
        what = f"the table {rows[0][0]}" if rows else f"the ledger's key {key!a}"
        raise InvalidInput(
            f"the stores are not empty: there is {what}",
            remedy="restore into other ones, or let go of what they hold with --replace",
        )


def _restore_tables(clickhouse: ClickHouse, archive: Archive, manifest: Manifest) -> None:
    _drop_all(clickhouse)
    migrated(clickhouse, manifest.migrations, manifest.migrations)
    views = _take_views(clickhouse)
    with closing(clickhouse.another()) as inserting:
        for piece in manifest.pieces:
            put_in(inserting, piece, archive.path(piece.file))
    for view in views:
        clickhouse.command(view)


def _drop_all(clickhouse: ClickHouse) -> None:
    rows = clickhouse.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "ORDER BY endsWith(engine, 'View') DESC, name"
    )
    for (name,) in rows:
        clickhouse.command("DROP TABLE {table:Identifier} SYNC", {"table": name})


def _take_views(clickhouse: ClickHouse) -> list[str]:
    """Drop what would carry restored rows on to tables that are restored too; what makes it."""
    rows = clickhouse.rows(
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = currentDatabase() AND engine = 'MaterializedView' ORDER BY name"
    )
    for name, _ in rows:
        clickhouse.command("DROP TABLE {table:Identifier} SYNC", {"table": name})
    return [statement for _, statement in rows]


def _restore_ledger(
    connection: Connection, archive: Archive, manifest: Manifest, *, sessions: bool
) -> int:
    old = _keys(connection, (RESTORING,))
    while some := list(islice(old, 1000)):
        connection.pipelined([("UNLINK", *some)])
    ledger = archive.path(LEDGER)
    with shown(ledger, manifest.ledger_database, manifest.ledger_shard) as source:
        # A scan may name a key twice.
        keys = set(_keys(source, _NOT_RESTORED, sessions=sessions))
        return copy_keys(source, connection, sorted(keys))


def _keys(
    connection: Connection, left_out: Collection[str], *, sessions: bool = True
) -> Iterator[bytes]:
    without = {connection.key(name).encode() for name in left_out}
    for key in connection.keys(connection.key("*")):
        kind = key.split(b":")[1]
        if key not in without and (sessions or kind not in (b"session", b"sessions")):
            yield key


def _begin_anew(stores: Stores) -> None:
    """Give the store an id of its own, in both halves, and say that it is whole."""
    store = secrets.token_hex(16)
    stores.clickhouse.command("INSERT INTO store (id) VALUES ({id:String})", {"id": store})
    stores.connection.command("SET", stores.connection.key(STORE), store)
    stores.connection.command("DEL", stores.connection.key(RESTORING))
