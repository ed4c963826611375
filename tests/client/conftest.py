"""A service over the memory that the tests of a module share, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.service.fixtures import backend, url  # noqa: F401 - fixtures

from kato.client import RemoteKnowledgeBase, RemoteMemory, connect


@pytest.fixture(scope="module")
def remote(url: str) -> Iterator[RemoteMemory]:  # noqa: F811 - the fixture
    """The memory through the service."""
    with connect(url) as memory:
        yield memory


@pytest.fixture
def remote_kb(remote: RemoteMemory, kb_name: str) -> RemoteKnowledgeBase:
    """The test's knowledge base through the service."""
    return remote.knowledge_base(kb_name)
