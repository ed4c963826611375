"""The ledger is tested on a Redis Cluster too, by the deep tests."""

from __future__ import annotations

import pytest
from tests.storage import stores
from tests.storage.stores import Backend

CLUSTER = pytest.param("cluster", marks=pytest.mark.deep)


@pytest.fixture(scope="module", params=["embedded", "servers", CLUSTER])
def backend(request: pytest.FixtureRequest) -> Backend:
    """One kind of stores after the other."""
    return stores.chosen(request)
