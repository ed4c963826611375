"""Recorded answers of the original: how a program is replayed, and when two answers agree.

A program makes a session and takes steps; its last answer is compared. Ids and times are left out,
numbers agree to 1e-6, and what ranks equally may stand in any order.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

FOLDER = Path(__file__).parents[1] / "data" / "golden"

VOLATILE = {
    "created_at",
    "expires_at",
    "message",
    "processor_id",
    "node_id",
    "session_id",
    "time_ms",
    "ttl_seconds",
    "unique_id",
}
"""Keys whose values are made anew each time, or are for people to read."""

RANKED = {"predictions": "potential", "future_potentials": "aggregate_potential"}
"""Lists in order of a number, and that number."""

Case = dict[str, Any]


def cases() -> Iterator[Case]:
    """All programs."""
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def replayed(client: httpx.Client, case: Case, node: str) -> tuple[list[int], Any]:
    """The statuses of a program's steps, and its last answer."""
    names = {"{node}": node}
    given = {"node_id": node} | ({"config": case["config"]} if case["config"] else {})
    answer = client.post("/sessions", json=given)
    if answer.status_code != 200:
        return [], None
    names["{sid}"] = answer.json()["session_id"]
    statuses, body = [], None
    for step in case["steps"]:
        path = quote(_filled(step["path"], names), safe="/?=&%_-.~:+")
        content = _filled(step["json"], names) if "json" in step else None
        answer = client.request(step["method"], path, json=content)
        statuses.append(answer.status_code)
        body = answer.json()
        if "save" in step:
            names[f"{{{step['save']}}}"] = body["session_id"]
    return statuses, body


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{\w+\}", lambda found: names.get(found[0], found[0]), value)
    if isinstance(value, dict):
        return {key: _filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, names) for each in value]
    return value


def difference(wanted: Any, found: Any, most: int, path: str = "") -> str:
    """Where two answers differ; empty if they agree.

    Args:
        wanted: What was recorded.
        found: What is answered.
        most: Predictions that an answer has at most.
        path: Of both.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        return _of_mappings(wanted, found, most, path)
    if isinstance(wanted, list) and isinstance(found, list):
        name = path.rsplit(".", 1)[-1]
        if name in RANKED:
            return _of_ranked(wanted, found, most, path, RANKED[name])
        if len(wanted) != len(found):
            return f"{path}: {len(wanted)} items became {len(found)}"
        pairs = enumerate(zip(wanted, found, strict=True))
        return _first(difference(a, b, most, f"{path}[{i}]") for i, (a, b) in pairs)
    return "" if _equal(wanted, found) else f"{path}: {wanted!r} became {found!r}"


def _of_mappings(wanted: Case, found: Case, most: int, path: str) -> str:
    if set(wanted) != set(found):
        return f"{path}: keys {sorted(set(wanted) ^ set(found))}"
    kept = [key for key in wanted if key not in VOLATILE]
    return _first(difference(wanted[key], found[key], most, f"{path}.{key}") for key in kept)


def _of_ranked(wanted: list[Any], found: list[Any], most: int, path: str, rank: str) -> str:
    """Compare lists whose items may be told in another order where they rank equally."""
    if [_rounded(each[rank]) for each in wanted] != [_rounded(each[rank]) for each in found]:
        return f"{path}: other ranks"
    for value in {_rounded(each[rank]) for each in wanted}:
        ours = sorted((e for e in found if _rounded(e[rank]) == value), key=_identity)
        theirs = sorted((e for e in wanted if _rounded(e[rank]) == value), key=_identity)
        cut = len(wanted) == most and value == _rounded(wanted[-1][rank])
        if cut and [*map(_identity, ours)] != [*map(_identity, theirs)]:
            continue  # which of equals are cut off is no answer's to say
        pairs = zip(theirs, ours, strict=True)
        if differs := _first(difference(a, b, most, f"{path}[]") for a, b in pairs):
            return differs
    return ""


def _identity(item: Case) -> str:
    return str(item["name"] if "name" in item else item["future"])


def _rounded(value: float) -> float:
    return round(value, 6)


def _equal(wanted: Any, found: Any) -> bool:
    numbers = [type(value) in (int, float) for value in (wanted, found)]
    if all(numbers):
        return math.isclose(wanted, found, rel_tol=1e-6, abs_tol=1e-6)
    return type(wanted) is type(found) and bool(wanted == found)


def _first(differences: Iterator[str]) -> str:
    return next(filter(None, differences), "")
