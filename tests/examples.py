"""The verified cases of the original, by category."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "algorithms-examples.jsonl"

Example = dict[str, Any]


def examples(*categories: str) -> list[Example]:
    """The cases of these categories, in the order of the file."""
    with FILE.open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    return [case for case in cases if case["category"] in categories]


def case_id(case: Example) -> str:
    """What a test of the case is called."""
    return str(case["id"])
