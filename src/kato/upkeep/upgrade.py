"""Data of an older release, brought up to this one.

Three things carry versions: ClickHouse's tables (numbered migrations, of the memory and of the
market), the ledger's keys with the journal's entries (``FORMAT`` of
:mod:`kato.storage.ledger.connection`), and the data directory. A newer one than this release knows
is refused wherever it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from kato.market.layers import migrations as market
from kato.memory.stores import Stores
from kato.settings import Settings
from kato.storage.clickhouse import migrations as memory
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.migrations import Migration, applied, check_known
from kato.storage.ledger.connection import FORMAT


class Upgraded(msgspec.Struct, frozen=True):
    """What an upgrade found and did.

    Attributes:
        migrations: By the table that keeps them, the migrations that were carried out.
        ledger_format: The ledger's layout.
    """

    migrations: dict[str, list[int]]
    ledger_format: int

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return any(self.migrations.values())


def upgrade(settings: Settings, path: Path | None = None) -> Upgraded:
    """Bring the stores up to this release. What was cut off is taken up again.

    Args:
        settings: Where the stores are.
        path: Data directory of embedded stores, in place of all stores of the settings.

    Raises:
        StoreTooNew: A newer release wrote them; nothing was changed.
        StoreUnreadable: They are half restored.
        StoreInUse: A process has them open.
    """
    with Stores(settings, path) as stores:
        stores.check_whole()
        taken = taken_steps(stores.clickhouse)
        check_steps(taken)
        # The ledger's first format has no older one: what raises it converts the keys here.
        return Upgraded(migrated(stores.clickhouse, taken), FORMAT)


def taken_steps(clickhouse: ClickHouse) -> dict[str, list[int]]:
    """By the table that keeps them, the migrations that the database has taken."""
    rows = clickhouse.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND name IN {names:Array(String)} ORDER BY name",
        {"names": list(_KNOWN)},
    )
    return {name: applied(clickhouse, name) for (name,) in rows}


def check_steps(taken: dict[str, list[int]]) -> None:
    """Refuse what a newer release has migrated.

    Raises:
        StoreTooNew: It has.
    """
    for table, numbers in taken.items():
        check_known(numbers, _KNOWN[table]() if table in _KNOWN else [])


def migrated(
    clickhouse: ClickHouse,
    tables: Collection[str],
    until: dict[str, list[int]] | None = None,
) -> dict[str, list[int]]:
    """Carry out the migrations of this release that the database lacks.

    Args:
        clickhouse: The database.
        tables: Tables that keep migrations: those of the memory, and where there is one, of the
            market.
        until: By these tables, the migrations to which it is to be brought; to all by default.

    Returns:
        By table, what was carried out.
    """
    return {table: memory.migrate(clickhouse, _steps(table, until), table) for table in tables}


_MEMORY = "migrations"
_KNOWN: dict[str, Callable[[], list[Migration]]] = {
    _MEMORY: memory.known,
    market.TABLE: market.known,
}


def _steps(table: str, until: dict[str, list[int]] | None) -> list[Migration]:
    known = _KNOWN[table]()
    return known if until is None else [step for step in known if step.number in until[table]]
