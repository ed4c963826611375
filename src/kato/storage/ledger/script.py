"""The ledger's scripts, as a server is asked to run them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib import resources
from typing import Any

from redis.exceptions import NoScriptError

from kato.storage.ledger.servers import Servers

_SCRIPTS = (
    "learn",
    "forget",
    "edit",
    "inherit",
    "clear",
    "undo",
    "undoable",
    "settle",
    "drop",
    "look",
    "facts",
    "carried",
    "state",
    "claim",
    "done",
    "visit",
    "extend",
    "remove",
    "expired",
    "ingest_claim",
    "ingest_done",
    "log_append",
    "log_bounds",
    "rebuild_begin",
    "rebuild_step",
    "rebuild_end",
    "hold",
    "audit_patterns",
    "audit_symbols",
    "audit_totals",
    "audit_journal",
    "mend",
)
_TAKING = ("forget", "clear", "undo", "undoable", "settle")
"""Scripts that take something away or give it back: ``taking.lua`` comes before them."""


class Script:
    """A script, run where the ledger is.

    Args:
        source: Its text.
        servers: Knows where the ledger is.

    Attributes:
        source: Its text.
        sha: The digest by which a server that ran it before knows it.
    """

    def __init__(self, source: str, servers: Servers) -> None:
        self.sha = sha1(source.encode(), usedforsecurity=False).hexdigest()
        self.source = source
        self._servers = servers

    def __call__(self, *, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run it. A node that the ledger has moved to does not know it yet."""
        client: Any = self._servers.client()  # its scripting commands have no types
        try:
            return client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client.eval(self.source, len(keys), *keys, *args)


def scripts(servers: Servers) -> dict[str, Script]:
    """All of them, by name."""
    return {name: Script(_whole_source(name), servers) for name in _SCRIPTS}


def _whole_source(name: str) -> str:
    """A script behind what it shares with others."""
    taking = _source("taking") if name in _TAKING else ""
    return _source("shared") + taking + _source(name)


def _source(name: str) -> str:
    folder = resources.files("kato.storage.ledger") / "scripts"
    return (folder / f"{name}.lua").read_text(encoding="utf-8")
