"""Stores that a test may empty: of its module, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.storage import stores
from tests.storage.stores import Backend
from tests.upkeep.commands import run

__all__ = ["run"]

Fresh = Callable[[str, str], Backend]


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Servers that only this module uses."""
    folder = tmp_path_factory.mktemp("own")
    with (
        stores.clickhouse_url(tmp_path_factory.mktemp("clickhouse")) as clickhouse,
        stores.redis_url(tmp_path_factory.mktemp("valkey")) as redis,
    ):
        yield Backend("servers", stores.settings(folder, clickhouse=clickhouse, redis=redis))


@pytest.fixture
def stores_of(own_servers: Backend, tmp_path: Path) -> Fresh:
    """Stores of a kind: embedded ones by name, or the servers of the module."""

    def made(kind: str, name: str) -> Backend:
        return own_servers if kind == "servers" else stores.embedded(tmp_path / name)

    return made
