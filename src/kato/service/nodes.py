"""Nodes: what the wire calls a knowledge base."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import Header, Query

DEFAULT_NODE = "default_node"

LONGEST = 60
"""Characters of a label."""

_REPLACED = re.compile(r"""[/\\. "$*<>:|?-]""")


def label_of(node: str, service: str) -> str:
    """What answers about a node call it (``spec/api.md`` 2.2).

    Only a label: knowledge bases are told apart by the node's own name.

    >>> label_of("user/123", "kato")
    'user_123_kato'
    >>> len(label_of("x" * 100, "kato"))
    60
    """
    base, folded = service.replace("-", "_"), _REPLACED.sub("_", node)
    label = f"{folded}_{base}"
    if len(label) <= LONGEST:
        return label
    digest = hashlib.md5(folded.encode(), usedforsecurity=False).hexdigest()[:8]
    return f"{folded[: LONGEST - len(base) - 10]}_{digest}_{base}"


async def node_of(  # else FastAPI asks a thread for it
    node_id: Annotated[
        str | None, Query(description="The node; else the headers say it.", examples=["alice"])
    ] = None,
    x_test_id: Annotated[
        str | None, Header(description="A node whose name begins with `test_`.")
    ] = None,
    x_node_id: Annotated[str | None, Header(description="The node.")] = None,
) -> str:
    """The node that a request outside a session is about."""
    if node_id:
        return node_id
    if x_test_id:
        return x_test_id if x_test_id.startswith("test_") else f"test_{x_test_id}"
    return x_node_id or DEFAULT_NODE
