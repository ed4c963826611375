"""The extra ``market``: what feeds and the log need beside the memory."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from kato.errors import InvalidInput

MODULES: Mapping[str, str] = MappingProxyType(
    {"picows": "picows", "confluent_kafka": "confluent-kafka", "fastavro": "fastavro"}
)
"""The modules, and the packages they are in."""


def missing() -> list[str]:
    """The packages of the extra that are not installed."""
    return [package for module, package in MODULES.items() if find_spec(module) is None]


def require() -> None:
    """Refuse to go on without the extra.

    Raises:
        InvalidInput: It is not installed.
    """
    if names := missing():
        raise InvalidInput(
            f"not installed: {', '.join(names)}", remedy="pip install 'kato[market]'"
        )
