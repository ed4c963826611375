"""The two stores, started: what a memory, and what looks after one, stands on."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from kato.errors import StoreUnreadable
from kato.settings import Settings
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.versions import newest_version
from kato.storage.embedded.directory import DataDirectory
from kato.storage.embedded.valkey import EmbeddedValkey
from kato.storage.ledger.connection import Connection, shard_of
from kato.storage.ledger.hold import let_go
from kato.storage.ledger.journal import Journal

RESTORING = "restoring"
"""The key that says, while it is there, that a restore was begun and did not end."""


class Stores:
    """Both stores, running, until :meth:`close`; nothing is asked of what they hold.

    What a start brings up comes down again if a later step of it fails.

    Args:
        settings: Where the stores are.
        path: Data directory of embedded stores, in place of all stores of the settings.

    Attributes:
        settings: The settings that apply.
        directory: The data directory, if a store is embedded.
        connection: The ledger.
        clickhouse: ClickHouse.

    Raises:
        StoreInUse: Another process owns the data directory.
        StoreUnavailable: A store does not start or answer, or the ledger's server throws data away
            when it is full.
        StoreTooNew: A newer release wrote the ledger or the directory.
    """

    def __init__(self, settings: Settings, path: Path | None) -> None:
        if path is not None:
            settings = msgspec.structs.replace(
                settings, data_dir=path, clickhouse_url=None, redis_url=None
            )
        self.settings = settings
        with ExitStack() as started:
            self.directory = self._directory(started)
            self.connection = self._ledger(started)
            self.clickhouse = self._patterns(started)
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the stores this process started, and let go of the data directory."""
        self._started.close()

    def check_whole(self) -> None:
        """Refuse what a restore left half done.

        Raises:
            StoreUnreadable: A restore did not end.
        """
        archive = self.connection.command("GET", self.connection.key(RESTORING))
        if archive is not None:
            raise StoreUnreadable(
                f"the memory is half restored, from the backup {archive.decode()}",
                remedy="run kato restore again: it begins anew",
            )

    def _directory(self, started: ExitStack) -> DataDirectory | None:
        if self.settings.clickhouse_url and self.settings.redis_url:
            return None
        return started.enter_context(DataDirectory(self.settings.data_dir))

    def _ledger(self, started: ExitStack) -> Connection:
        if self.settings.redis_url:
            connection = Connection.to_url(self.settings.redis_url, shard_of(self.settings))
            connection.refuse_if_it_evicts()
        else:
            assert self.directory is not None  # noqa: S101 - for the type checker
            server = EmbeddedValkey(self.directory.ledger)
            started.callback(server.stop)
            connection = Connection.to_socket(server.socket, server.reason_of_death)
        started.callback(connection.close)
        if not self.settings.redis_url:
            let_go(connection)  # nobody else has the directory: who held it was killed
        return connection

    def _patterns(self, started: ExitStack) -> ClickHouse:
        if self.settings.clickhouse_url:
            clickhouse = ClickHouse.at(self.settings.clickhouse_url)
        else:
            assert self.directory is not None  # noqa: S101 - for the type checker
            clickhouse = ClickHouse.embedded(self.directory.clickhouse)
        started.callback(clickhouse.close)
        return clickhouse


def store_of(connection: Connection, clickhouse: ClickHouse) -> str:
    """The random id, given at the first start, that both stores carry: they belong together.

    The ledger takes it first and only once, so workers that start together agree; a start that was
    cut off before ClickHouse had it is begun again.
    """
    rows = clickhouse.rows("SELECT id FROM store LIMIT 1")
    key = connection.key("store")
    in_ledger = connection.command("GET", key)
    if rows and in_ledger is None:
        connection.refuse_while_rebuilding()
        _refuse_if_filled(clickhouse)
    if not rows and in_ledger is not None and Journal(connection).done_until():
        raise StoreUnreadable(
            "the ledger has a history, but ClickHouse is empty",
            remedy="restore both stores from one backup",
        )
    connection.command("SET", key, rows[0][0] if rows else secrets.token_hex(16), "NX")
    store: str = connection.command("GET", key).decode()
    if not rows:
        clickhouse.command("INSERT INTO store (id) VALUES ({id:String})", {"id": store})
    elif rows[0][0] != store:
        raise StoreUnreadable(
            "the ledger and ClickHouse belong to different memories",
            remedy="point KATO_REDIS_URL and KATO_CLICKHOUSE_URL to stores of one memory",
        )
    _refuse_if_behind(connection, clickhouse)
    return store


def _refuse_if_filled(clickhouse: ClickHouse) -> None:
    # Numbers of knowledge bases are never used again, not even those of cleared ones.
    numbers = clickhouse.rows("SELECT count() FROM knowledge_bases")[0][0]
    if numbers:
        patterns = clickhouse.rows("SELECT count() FROM patterns")[0][0]
        raise StoreUnreadable(
            f"the ledger is empty, but ClickHouse holds {patterns} patterns",
            remedy="run kato rebuild ledger, which makes the ledger from ClickHouse",
        )


def _refuse_if_behind(connection: Connection, clickhouse: ClickHouse) -> None:
    """A server that does not write each step to its disk loses the last ones with the power.

    What it forgot may have reached ClickHouse; its ids would be given again, to other patterns.
    """
    # In this order: others may learn meanwhile, and what ClickHouse has the ledger had before.
    carried, known = newest_version(clickhouse), Journal(connection).last()
    if carried > known:
        connection.refuse_while_rebuilding()
        raise StoreUnreadable(
            f"the ledger ends at step {known} of the journal, ClickHouse holds step {carried}",
            remedy="the ledger has lost what it answered: restore a backup, or empty the ledger and"
            " run kato rebuild ledger",
        )
