"""For tests of what HTTP does, whichever stores stand behind it: on embedded ones alone."""

from __future__ import annotations

import pytest
from tests.storage import stores
from tests.storage.stores import Backend


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Stores in a folder and in this process."""
    return stores.embedded(tmp_path_factory.mktemp("embedded"))
