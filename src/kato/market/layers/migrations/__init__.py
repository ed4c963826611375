"""Numbered steps from an empty database to the market's tables and views.

A statement that begins with ``-- for each exchange`` or ``-- for each timeframe`` is carried out
for each of them, with ``<exchange>``, or ``<timeframe>`` and ``<seconds>``, put in. In others
``<lengths>`` stands for the seconds of all timeframes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources

from kato.market.timeframes import TIMEFRAMES
from kato.market.trade import EXCHANGES
from kato.storage.clickhouse import migrations
from kato.storage.clickhouse.client import ClickHouse
from kato.storage.clickhouse.migrations import Migration

TABLE = "market_migrations"


def known() -> list[Migration]:
    """All steps of this release, in order.

    >>> [step.name for step in known()][:2]
    ['bronze', 'silver']
    """
    folder = resources.files(__name__)
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [_step(name, (folder / name).read_text(encoding="utf-8")) for name in files]


def migrate(clickhouse: ClickHouse) -> list[int]:
    """Take the steps the database has not taken; answers their numbers.

    Raises:
        StoreTooNew: It has taken steps this release does not know.
    """
    return migrations.migrate(clickhouse, known(), TABLE, "trades")


def _step(file: str, text: str) -> Migration:
    number, name = file.removesuffix(".sql").split("_", 1)
    parts = [part.strip() for part in text.split(";\n")]
    return Migration(int(number), name, [one for part in parts if part for one in _each(part)])


def _each(statement: str) -> Iterator[str]:
    """The statement without comments, for each of what it is for."""
    meant = re.search(r"^-- for each (.*)\n", statement, flags=re.MULTILINE)
    bare = re.sub(r"^--.*\n", "", statement, flags=re.MULTILINE)
    for values in _meant(meant[1] if meant else ""):
        yield _put_in(bare, values)


def _meant(kind: str) -> list[Mapping[str, str]]:
    kinds: dict[str, list[Mapping[str, str]]] = {
        "": [{"lengths": ", ".join(str(one.seconds) for one in TIMEFRAMES)}],
        "exchange": [{"exchange": name} for name in EXCHANGES],
        "timeframe": [{"timeframe": one.name, "seconds": str(one.seconds)} for one in TIMEFRAMES],
    }
    return kinds[kind]


def _put_in(statement: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        statement = statement.replace(f"<{name}>", value)
    return statement
