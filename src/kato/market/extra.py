"""The extra ``market``: what feeds and the log need beside the memory."""

from __future__ import annotations

from importlib.util import find_spec

from kato.errors import InvalidInput

MODULES = ("confluent_kafka", "picows")


def missing() -> list[str]:
    """The modules of the extra that are not installed."""
    return [name for name in MODULES if find_spec(name) is None]


def require() -> None:
    """Refuse to go on without the extra.

    Raises:
        InvalidInput: It is not installed.
    """
    if names := missing():
        raise InvalidInput(
            "the market half is not installed: there is no " + ", ".join(names),
            remedy='install it with pip install "kato[market]"',
        )
