"""A service over the memory that the tests of a module share, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.stores import Backend

import kato
from kato.client import RemoteKnowledgeBase, RemoteMemory, connect


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


@pytest.fixture(scope="module")
def remote(url: str) -> Iterator[RemoteMemory]:
    """The memory through the service."""
    with connect(url) as memory:
        yield memory


@pytest.fixture
def remote_kb(remote: RemoteMemory, kb_name: str) -> RemoteKnowledgeBase:
    """The test's knowledge base through the service."""
    return remote.knowledge_base(kb_name)
