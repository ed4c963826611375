"""How often the next symbol was right, beside the baselines."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from kato.cli.display.text import NOTHING, events_text, symbol_text
from kato.cli.evaluation import Accuracy, Answer

_BAR = 30


def accuracy_table(accuracy: Accuracy) -> Table:
    """The shares of right answers as bars."""
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    rows = (
        ("KATO", accuracy.kato, "bold green"),
        ("order-1 transitions", accuracy.after_last, ""),
        ("most frequent symbol", accuracy.most_frequent, ""),
    )
    for name, share, style in rows:
        bar = Text("█" * round(share * _BAR), style=style or "dim")
        table.add_row(Text(name, style=style), Text(f"{share:.1%}", style=style), bar)
    return table


def answers_table(answers: list[Answer]) -> Table:
    """Answers one by one: what was observed, what KATO says, what came."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("observed", justify="right", no_wrap=True, overflow="ellipsis")
    table.add_column("KATO says")
    table.add_column("it was")
    table.add_column("")
    for answer in answers:
        said = NOTHING if answer.symbol is None else symbol_text(answer.symbol)
        style = "green" if answer.right else "red"
        table.add_row(
            Text(events_text(answer.question.observed)),
            Text(said, style="bold"),
            Text(events_text([answer.question.came])),
            Text("✓" if answer.right else "✗", style=style),
        )
    return table
