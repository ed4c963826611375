"""An explanation as a person reads it: the plan, its steps, and the verdict about a pattern."""

from __future__ import annotations

from rich import box
from rich.filesize import decimal
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kato.cli.display.text import NOTHING, safe
from kato.model.explanation import Explanation, Step, Verdict

_DIM = "dim"


def plan_text(explanation: Explanation) -> Text:
    """The plan, why it was chosen, and what it found."""
    text = Text.assemble(("plan      ", _DIM), (explanation.plan, "bold"), f", {explanation.why}\n")
    kept = f"{explanation.ensemble:,} of at most {explanation.room:,} patterns"
    text.append("ensemble  ", _DIM).append(kept)
    if explanation.worst_preliminary is not None:
        text.append(f", the worst with preliminary potential {explanation.worst_preliminary:.6g}")
    return text


def steps_table(explanation: Explanation) -> Table:
    """What each step took and left."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("step", overflow="fold")
    for heading in ("in", "read", "out", "bytes", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("", overflow="fold", style=_DIM)
    for step in explanation.steps:
        table.add_row(
            Text(_name(step)),
            f"{step.candidates_in:,}",
            f"{step.rows_read:,}",
            f"{step.candidates_out:,}",
            decimal(step.bytes_read) if step.bytes_read else NOTHING,
            f"{step.time_ms:.1f}",
            Text(", ".join(f"{name} {count:,}" for name, count in step.details.items())),
        )
    return table


def verdict_panel(verdict: Verdict) -> Panel:
    """Why a pattern is in the answer or not."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style=_DIM, no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("because", Text(safe(verdict.sentence)))
    for name in ("similarity", "preliminary", "rank_value"):
        value = getattr(verdict, name)
        if value is not None:
            rows.add_row(name, f"{value:.6g}")
    return Panel(
        rows,
        box=box.ROUNDED,
        title=Text(verdict.reason),
        title_align="left",
        subtitle=Text(f"pattern {safe(verdict.pattern)}"),
        subtitle_align="right",
        border_style=_DIM,
    )


def _name(step: Step) -> str:
    return step.name if step.round == 1 else f"{step.name}, round {step.round}"
