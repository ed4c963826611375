"""All that a ledger holds of its knowledge bases, in a form that does not depend on its layout."""

from __future__ import annotations

from typing import Any

import msgspec

from kato.memory.engines import Engines
from kato.storage.ledger.connection import SHARD

PARTS = ("emotives", "metadata", "felt", "affinity")


def contents(engines: Engines) -> dict[str, Any]:
    """Of every knowledge base its number and all that is counted, and the last number given."""
    command = engines.connection.command
    names = engines.counters.numbers()
    found: dict[str, Any] = {name: _contents(command, kb) for name, kb in names.items()}
    return {"numbers": names, "last": int(command("GET", f"{SHARD}:numbers") or 0), "held": found}


def _contents(command: Any, kb: int) -> dict[str, Any]:
    key = f"{SHARD}:{kb}"
    totals = {field.decode(): int(value) for field, value in command("HGETALL", key).items()}
    buckets = totals.pop("buckets")
    names: dict[bytes, bytes] = {}
    for bucket in range(buckets):
        names |= command("HGETALL", f"{key}:name:{bucket}")
    frequencies = {}
    for block in range(totals.get("next_pattern", 0) // 64 + 1):
        for field, value in command("HGETALL", f"{key}:freq:{block}").items():
            frequencies[64 * block + int(field)] = int(value)
    totals.pop("removed", None)
    return {
        "totals": {field: number for field, number in totals.items() if number},
        "names": names,
        "frequencies": frequencies,
        "symbols": command("HGETALL", f"{key}:symbol"),
        "counts": command("HGETALL", f"{key}:count"),
        **{part: _unpacked(command("HGETALL", f"{key}:{part}")) for part in PARTS},
    }


def _unpacked(fields: dict[bytes, bytes]) -> dict[bytes, Any]:
    """Values as they mean the same: a script's order of keys and values follows no rule."""
    return {field: _sorted(msgspec.msgpack.decode(value)) for field, value in fields.items()}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: sorted(v) if isinstance(v, list) else v for k, v in sorted(value.items())}
    return value
