"""Numbered steps from an empty database to the tables of this release.

A step is a ``.sql`` file; each of its statements may be carried out twice, so a start that was cut
off in the middle is begun again.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib import resources

import msgspec

from kato.errors import StoreTooNew
from kato.storage.clickhouse.client import ClickHouse

TABLE = "migrations"
"""Says which steps of the memory's were taken."""

APPLIED = """
CREATE TABLE IF NOT EXISTS {table:Identifier}
(number UInt32, name String, applied DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY number
"""
"""Makes such a table."""

_TAKEN = "SELECT DISTINCT number FROM {table:Identifier} ORDER BY number"
_TAKE = "INSERT INTO {table:Identifier} (number, name) VALUES ({number:UInt32}, {name:String})"


class Migration(msgspec.Struct, frozen=True):
    """One step.

    Attributes:
        number: Its place in the order, from 1.
        name: What it brings.
        statements: Its SQL, statement by statement.
    """

    number: int
    name: str
    statements: list[str]


def known(package: str = __name__) -> list[Migration]:
    """All steps of this release, in order.

    Args:
        package: Where their files are.

    >>> [step.number for step in known()][:1]
    [1]
    """
    folder = resources.files(package)
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [_parsed(name, (folder / name).read_text(encoding="utf-8")) for name in files]


def applied(clickhouse: ClickHouse, table: str = TABLE) -> list[int]:
    """Numbers of the steps the database has taken, as a table says."""
    clickhouse.command(APPLIED, {"table": table})
    return [number for (number,) in clickhouse.rows(_TAKEN, {"table": table})]


def migrate(
    clickhouse: ClickHouse,
    steps: list[Migration] | None = None,
    table: str = TABLE,
    what: str = "patterns",
) -> list[int]:
    """Take the steps the database has not taken; answers their numbers.

    Args:
        clickhouse: The database.
        steps: The steps of this release; those of the memory by default.
        table: Where it is kept which are taken.
        what: What they make, for the error.

    Raises:
        StoreTooNew: It has taken steps this release does not know.
    """
    steps = known() if steps is None else steps
    taken = applied(clickhouse, table)
    check_known(taken, steps, what)
    pending = [step for step in steps if step.number not in taken]
    for step in pending:
        for statement in step.statements:
            clickhouse.command(statement)
        clickhouse.command(_TAKE, {"table": table, "number": step.number, "name": step.name})
    return [step.number for step in pending]


def check_known(taken: Collection[int], steps: Collection[Migration], what: str = "tables") -> None:
    """Refuse what has taken steps that are not known.

    Raises:
        StoreTooNew: It has.
    """
    unknown = set(taken) - {step.number for step in steps}
    if unknown:
        raise StoreTooNew(
            f"the {what} were written by a newer release (migration {max(unknown)})",
            remedy="upgrade KATO",
        )


def _parsed(file: str, text: str) -> Migration:
    number, name = file.removesuffix(".sql").split("_", 1)
    without_comments = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    statements = [part.strip() for part in without_comments.split(";\n")]
    return Migration(int(number), name, [part for part in statements if part])
