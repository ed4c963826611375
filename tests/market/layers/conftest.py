"""The layers on embedded stores, and ingest step by step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.market.layers.given import Carrier
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.market.layers.migrations import migrate
from kato.storage.clickhouse.client import ClickHouse

_symbols = itertools.count()


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores only; the tests of candles, which need every statement, have both."""
    return stores.embedded(tmp_path_factory.mktemp("layers"))


@pytest.fixture(scope="module")
def clickhouse(memory: kato.Memory) -> Iterator[ClickHouse]:
    """A connection to a ClickHouse with the market's tables."""
    clickhouse = memory.clickhouse()
    migrate(clickhouse)
    yield clickhouse
    clickhouse.close()


@pytest.fixture
def carrier(clickhouse: ClickHouse, memory: kato.Memory) -> Carrier:
    """Ingest of Binance's trades from nothing."""
    return Carrier(clickhouse, memory.ledger())


@pytest.fixture
def symbol() -> str:
    """A symbol nobody else uses, native."""
    return f"S{next(_symbols)}'\"\\☃-USDT"


@pytest.fixture
def symbols() -> Callable[[], str]:
    """Makes more of them."""
    return lambda: f"M{next(_symbols)}-USD"
