"""The market's layers, opened when somebody first asks for them."""

from __future__ import annotations

import threading

from kato.market.layers.migrations import migrate
from kato.market.market import Market
from kato.memory import Memory
from kato.storage.clickhouse.client import ClickHouse


class Layers:
    """Over a connection of its own, so that predictions do not wait for candles.

    Args:
        memory: In whose ClickHouse they are.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._clickhouse: ClickHouse | None = None

    def market(self) -> Market:
        """Where to ask; tables that are not there are made.

        Raises:
            StoreUnavailable: ClickHouse does not answer.
            StoreTooNew: A newer release made the tables.
        """
        with self._lock:
            if self._clickhouse is None:
                clickhouse = self._memory.clickhouse()
                try:
                    migrate(clickhouse)
                except BaseException:
                    clickhouse.close()
                    raise
                self._clickhouse = clickhouse
            return Market(self._clickhouse)

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            if self._clickhouse is not None:
                self._clickhouse.close()
                self._clickhouse = None
