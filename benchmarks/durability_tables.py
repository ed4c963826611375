"""The table of what syncing each step costs, for ``docs/operations.md``."""

from __future__ import annotations

import json

from benchmarks.environment import RESULTS


def durability() -> str:
    """Learning under each setting of ``appendfsync``."""
    found = json.loads((RESULTS / "durability.json").read_text(encoding="utf-8"))
    modes, machine, sync = found["modes"], found["environment"], found["sync_ms"]
    rows = {
        "learn_p50_ms": ("one learn, p50", "{:.2f} ms"),
        "learn_p95_ms": ("one learn, p95", "{:.2f} ms"),
        "threads_per_second": (f"learning one by one from {found['threads']} threads", "{:,.0f}/s"),
        "bulk_per_second": ("learning many by one call", "{:,.0f}/s"),
    }
    lines = [
        "| | " + " | ".join(f"`{mode}`" for mode in modes) + " |",
        "|---|" + "--:|" * len(modes),
        *(
            f"| {what} | " + " | ".join(form.format(each[key]) for each in modes.values()) + " |"
            for key, (what, form) in rows.items()
        ),
    ]
    note = (
        f"Medians of {found['rounds']} rounds in turns; to append 300 bytes and sync takes "
        f"{sync['p50']:.2f} ms here (p95 {sync['p95']:.2f}); {machine['cores']} cores "
        f"({machine['cpu']}), Python {machine['python']}: "
        "[durability](../benchmarks/results/durability.json)."
    )
    return "\n".join([*lines, "", note])


DURABILITY_TABLES = {"durability": durability}
