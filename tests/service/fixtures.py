"""A service over the memory that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.stores import Backend

import kato


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores alone: what HTTP does it does whichever stores stand behind it.

    The library's own tests run on both kinds; what depends on servers asks for ``servers``.
    """
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def url(memory: kato.Memory, backend: Backend) -> Iterator[str]:
    """The address of a service."""
    with serving(backend.settings, memory) as base:
        yield base
