"""Paths below ``/nodes`` for tests."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx


def path(*parts: str) -> str:
    """A path of parts that may hold anything."""
    return "/nodes/" + "/".join(quote(part, safe="") for part in parts)


def taught(client: httpx.Client, node: str, *sequences: Any) -> list[str]:
    """Teach a node; answers the patterns' bare names."""
    wanted = [each if isinstance(each, dict) else {"events": each} for each in sequences]
    answer = client.post(path(node, "learn"), json={"sequences": wanted})
    assert answer.status_code == 200, answer.text
    return [each["pattern_name"].removeprefix("PTRN|") for each in answer.json()["results"]]


def marked(client: httpx.Client, node: str, *, disposable: bool = True) -> dict[str, Any]:
    """Mark a node, or take the mark away."""
    answer = client.put(path(node, "settings"), json={"disposable": disposable})
    assert answer.status_code == 200, answer.text
    settled: dict[str, Any] = answer.json()
    return settled
