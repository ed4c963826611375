"""The layers of the market half."""

from __future__ import annotations

from collections.abc import Iterator

from kato.storage.clickhouse.client import ClickHouse
from kato.upkeep.difference import Found


def layer_differences(_clickhouse: ClickHouse) -> Iterator[Found]:
    """None."""
    yield from ()
