"""``kato export`` and ``kato import``: a knowledge base as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kato.cli import options
from kato.cli.confirming import Yes, confirm
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.text import safe

if TYPE_CHECKING:
    from kato.memory.importing import Tally

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="Ends in .parquet, or .ndjson or .jsonl.")
]


def export(
    context: typer.Context,
    file: File,
    kb: options.KnowledgeBaseName = "default",
    json: options.Json = False,
) -> None:
    """Write all patterns of a knowledge base to a file, with all they carry."""
    from kato.upkeep.transfer import export_to  # noqa: PLC0415 - help must not wait for it

    with options.opened_stores(context) as memory:
        options.existing(memory, kb)
        stats = export_to(memory.knowledge_base(kb), file)
    if json:
        print_json(stats)
    else:
        answers().print(safe(f"{file}: {stats.patterns:,} patterns of {kb}"), soft_wrap=True)


def import_(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    file: File,
    kb: options.KnowledgeBaseName = "default",
    replace: Annotated[
        bool, typer.Option("--replace", help="Clear the knowledge base first.")
    ] = False,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Put the patterns of a file into a knowledge base; goes on where it was cut off.

    Rows that cannot be used are named and left out; there were some if it ends with 1.
    """
    from kato.upkeep.transfer import import_from  # noqa: PLC0415 - help must not wait for it

    with options.opened_stores(context) as memory:
        patterns = memory.knowledge_base(kb).stats().patterns if replace else 0
        if patterns:
            confirm(f"Let all {patterns:,} patterns of {safe(kb)} go first?", yes=yes)
        imported = import_from(memory, kb, file, replace=replace)
    if json:
        print_json(imported)
    else:
        _print(imported.tally, kb, imported.resumed_at)
    if imported.tally.bad:
        raise typer.Exit(1)


def _print(tally: Tally, kb: str, resumed_at: int) -> None:
    for bad in tally.bad_rows:
        notes().print(safe(f"line {bad.line:,}: {bad.reason}"), soft_wrap=True)
    told = [f"{tally.new:,} new", f"{tally.merged:,} merged"]
    told += [f"{tally.too_short:,} too short"] if tally.too_short else []
    told += [f"{tally.bad:,} bad"] if tally.bad else []
    again = f" (taken up at row {resumed_at:,})" if resumed_at else ""
    answers().print(safe(f"{kb}: {tally.rows:,} rows{again}: {', '.join(told)}"), soft_wrap=True)
