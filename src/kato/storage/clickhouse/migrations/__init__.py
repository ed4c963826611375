"""Numbered steps from an empty database to the tables of this release.

A step is a ``.sql`` file; each of its statements may be carried out twice, so a start that was cut
off in the middle is begun again.
"""

from __future__ import annotations

import re
from importlib import resources

import msgspec

from kato.errors import StoreTooNew
from kato.storage.clickhouse.client import ClickHouse

_APPLIED = """
CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY number
"""


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


def known() -> list[Migration]:
    """All steps of this release, in order.

    >>> [step.number for step in known()][:1]
    [1]
    """
    folder = resources.files(__name__)
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [_parsed(name, (folder / name).read_text(encoding="utf-8")) for name in files]


def applied(clickhouse: ClickHouse) -> list[int]:
    """Numbers of the steps the database has taken."""
    clickhouse.command(_APPLIED)
    rows = clickhouse.rows("SELECT DISTINCT number FROM migrations ORDER BY number")
    return [number for (number,) in rows]


def migrate(clickhouse: ClickHouse) -> list[int]:
    """Take the steps the database has not taken; answers their numbers.

    Raises:
        StoreTooNew: It has taken steps this release does not know.
    """
    steps, taken = known(), applied(clickhouse)
    unknown = set(taken) - {step.number for step in steps}
    if unknown:
        raise StoreTooNew(
            f"the patterns were written by a newer release (migration {max(unknown)})",
            remedy="upgrade KATO",
        )
    pending = [step for step in steps if step.number not in taken]
    for step in pending:
        for statement in step.statements:
            clickhouse.command(statement)
        clickhouse.command(
            "INSERT INTO migrations (number, name) VALUES ({number:UInt32}, {name:String})",
            {"number": step.number, "name": step.name},
        )
    return [step.number for step in pending]


def _parsed(file: str, text: str) -> Migration:
    number, name = file.removesuffix(".sql").split("_", 1)
    without_comments = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    statements = [part.strip() for part in without_comments.split(";\n")]
    return Migration(int(number), name, [part for part in statements if part])
