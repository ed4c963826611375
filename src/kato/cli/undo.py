"""``kato undo`` and ``mark``: what was taken away is given back, and what may be taken away."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kato.cli import options
from kato.cli.confirming import Yes, confirm
from kato.cli.display.console import answers, print_json
from kato.cli.display.text import safe, symbol_text

if TYPE_CHECKING:
    from kato.memory import Undoable

_WORDS = {"forget": "forgotten", "clear": "cleared", "drop": "dropped", "replace": "replaced"}


def undo(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    kb: options.KnowledgeBaseName = "default",
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Let what was learned since give way. Asks first."),
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Only list what can be undone, everywhere.")
    ] = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Give back what was cleared, forgotten or dropped last, just as it was.

    It can be undone for an hour, or as KATO_UNDO_SECONDS says. Asked again, what was taken away
    before that is given back.
    """
    with options.opened(context) as memory:
        if listed:
            _print_changes(memory.undoable(), as_json=json)
            return
        if replace:
            confirm(f"Let what {safe(kb)} holds now give way?", yes=yes)
        undone = memory.undo(kb, replace=replace)
    if json:
        print_json(undone)
    else:
        what = "1 pattern" if undone.pattern else f"{undone.patterns:,} patterns"
        answers().print(Text(f"given back to {safe(kb)}: {what} {_WORDS[undone.kind]}"))


def mark(
    context: typer.Context,
    kb: Annotated[str, typer.Argument(metavar="KB", help="Knowledge base, by name.")],
    disposable: Annotated[
        bool,
        typer.Option("--disposable/--kept", help="Whether a service may drop it."),
    ],
) -> None:
    """Say whether a service may drop a knowledge base, for tests and batches too."""
    with options.opened(context) as memory:
        memory.mark(kb, disposable=disposable)
    answers().print(Text(f"{safe(kb)} is {'disposable' if disposable else 'kept'}"))


def _print_changes(changes: list[Undoable], *, as_json: bool) -> None:
    if as_json:
        print_json(changes)
    elif changes:
        answers().print(_changes_table(changes))
    else:
        answers().print("nothing can be undone")


def _changes_table(changes: list[Undoable]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("knowledge base", overflow="fold")
    for heading in ("change", "patterns", "when", "until"):
        table.add_column(heading)
    for change in changes:
        what = f"{_WORDS[change.kind]} {change.pattern or ''}".strip()
        times = (_clock(change.at), _clock(change.until))
        name = Text(symbol_text(change.knowledge_base))
        table.add_row(name, what, f"{change.patterns:,}", *times)
    return table


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
