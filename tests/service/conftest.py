"""A service over the memory that the tests of a module share, and a client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.service.fixtures import backend, url  # noqa: F401 - fixtures

Opened = Callable[..., str]


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:  # noqa: F811 - the fixture
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
