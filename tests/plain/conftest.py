"""Embedded stores: these tests are about what is computed, not about where it is kept."""

from __future__ import annotations

import pytest
from tests.storage import stores
from tests.storage.stores import Backend


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("servers", marks=pytest.mark.deep)]
)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores; in deep runs servers too."""
    if request.param == "servers":
        servers: Backend = request.getfixturevalue("servers")
        return servers
    return stores.embedded(tmp_path_factory.mktemp("embedded"))
