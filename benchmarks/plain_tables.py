"""The table of what each switch of ``KATO_PLAIN`` costs, for ``docs/plain.md``."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.environment import RESULTS


def plain() -> str:
    """Times with nothing plain, and with each switch."""
    found = json.loads((RESULTS / "plain.json").read_text(encoding="utf-8"))
    choices, machine = found["choices"], found["environment"]
    rows = {
        "predict_ms": f"predicting over {found['patterns']:,} patterns",
        "filtered_predict_ms": "the same with three filters",
        "learn_many_ms": f"learning {found['learned']} sequences by one call",
        "carry_ms": "carrying them to ClickHouse",
    }
    lines = [
        "| | fast | " + " | ".join(f"`{name}`" for name in choices if name != "none") + " |",
        "|---|" + "--:|" * len(choices),
        *(_row(what, key, choices) for key, what in rows.items()),
    ]
    note = (
        f"Processor time of the process, for predictions the median of {found['questions']}; "
        "embedded stores, so ClickHouse is in it; compiled code cached; "
        f"{machine['cores']} cores ({machine['cpu']}), Python {machine['python']}: "
        "[plain](../benchmarks/results/plain.json)."
    )
    return "\n".join([*lines, "", note])


def _row(what: str, key: str, choices: dict[str, dict[str, Any]]) -> str:
    fast = choices["none"][key]
    times = [f"{each[key]:,.1f} ms" for name, each in choices.items() if name != "none"]
    return f"| {what} | {fast:,.1f} ms | " + " | ".join(times) + " |"


PLAIN_TABLES = {"plain": plain}
