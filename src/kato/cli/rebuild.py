"""``kato rebuild``: what was lost, from what is left."""

from __future__ import annotations

import typer
from rich.text import Text

from kato.cli import options
from kato.cli.display.console import answers, notes
from kato.cli.display.progress import progress_bar
from kato.cli.options import Common
from kato.settings import Settings

rebuild = typer.Typer(
    name="rebuild", no_args_is_help=True, help="Make what was lost again from what is left."
)


@rebuild.command()
def ledger(context: typer.Context) -> None:
    """Make an empty ledger again from ClickHouse: ids, counters, states.

    What had not reached ClickHouse is lost, and so are sessions. Changes are refused meanwhile. If
    it is cut off, run it again.
    """
    from kato.upkeep.rebuild_ledger import rebuild_ledger  # noqa: PLC0415 - help must not wait

    common = context.find_object(Common) or Common()
    with progress_bar(notes(), "patterns") as progress:
        task = progress.add_task("ledger", total=None, done=0)
        done = rebuild_ledger(
            Settings.from_environment(),
            common.data_dir,
            lambda done, total: progress.update(task, completed=done, total=total, done=done),
        )
    told = f"rebuilt: {done.knowledge_bases:,} knowledge bases, {done.patterns:,} patterns"
    answers().print(Text(told))


@rebuild.command()
def index(context: typer.Context) -> None:
    """Make the files of the recall index again from the sequences."""
    from kato.upkeep.rebuild_index import rebuild_index  # noqa: PLC0415 - help must not wait

    with options.opened_stores(context) as memory, progress_bar(notes(), "ids") as progress:
        task = progress.add_task("index", total=None, done=0)
        indexed = rebuild_index(
            memory,
            lambda done, total: progress.update(task, completed=done, total=total, done=done),
        )
    answers().print(Text(f"rebuilt: {indexed:,} pattern ids in files"))
