"""A service over the memory that the tests of a module share, and a client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.service.serving import serving
from tests.storage import stores
from tests.storage.stores import Backend

import kato

Opened = Callable[..., str]


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Embedded stores alone: what HTTP does it does whichever stores stand behind it.

    The library's own tests run on both kinds; what depends on servers asks for ``servers``.
    """
    return stores.embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def url(memory: kato.Memory, backend: Backend) -> Iterator[str]:
    """The base URL of a service."""
    with serving(backend.settings, memory) as base:
        yield base


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture
def opened(client: httpx.Client, kb_name: str) -> Opened:
    """Opens sessions on the test's own node; answers their paths."""

    def opened(**config: Any) -> str:
        answer = client.post("/sessions", json={"node_id": kb_name, "config": config})
        assert answer.status_code == 200, answer.text
        return f"/sessions/{answer.json()['session_id']}"

    return opened
