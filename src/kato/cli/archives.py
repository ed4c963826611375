"""``kato backup``, ``restore`` and ``upgrade``: the stores as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from kato.cli import options
from kato.cli.confirming import Yes, confirm
from kato.cli.display.console import answers, print_json
from kato.cli.display.text import safe
from kato.errors import InvalidInput
from kato.settings import Settings


def backup(
    context: typer.Context,
    target: Annotated[
        Path, typer.Argument(help="A folder to make; or a file, if it ends in .tar.")
    ],
    since: Annotated[
        Path | None,
        typer.Option(help="An earlier backup, a folder: what has not changed is linked to it."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Copy both stores into one archive, as of one moment, while learning goes on."""
    from kato.memory import Memory  # noqa: PLC0415 - help must not wait for it
    from kato.upkeep.backup import backup as take  # noqa: PLC0415 - as above

    with options.opened(context) as memory:
        if not isinstance(memory, Memory):
            _fetch(context, memory.url, target, since)
            return
        taken = take(memory, target, since)
    if json:
        print_json(taken)
        return
    shared = f", {decimal(taken.taken_over)} shared with {since}" if since else ""
    answers().print(
        safe(f"{target}: {taken.patterns:,} patterns, {decimal(taken.written)} written{shared}"),
        soft_wrap=True,
    )


def _fetch(context: typer.Context, url: str, target: Path, since: Path | None) -> None:
    """Let the service that has the stores open take it."""
    from kato.client.backup import fetch_backup  # noqa: PLC0415 - help must not wait for it

    if since is not None:
        raise InvalidInput("a service sends whole backups", remedy="leave --since out")
    common = context.find_object(options.Common) or options.Common()
    size = fetch_backup(url, common.api_key, target)
    answers().print(safe(f"{target}: {decimal(size)} of {url}"), soft_wrap=True)


def restore(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="What kato backup made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let go of what the stores hold.")
    ] = False,
    sessions: Annotated[bool, typer.Option(help="Whether sessions go on where they were.")] = True,
    yes: Yes = False,
    json: options.Json = False,
) -> None:
    """Put a backup into stores that are empty and that nobody uses."""
    from kato.upkeep.restore import restore as put  # noqa: PLC0415 - help must not wait for it

    if replace:
        confirm("Let go of all that the stores hold?", yes=yes)
    restored = put(source, *_stores(context), replace=replace, sessions=sessions)
    if json:
        print_json(restored)
        return
    answers().print(
        safe(
            f"restored as of {restored.taken}: {restored.rows:,} rows of tables,"
            f" {restored.keys:,} keys of the ledger"
        )
    )


def upgrade(context: typer.Context, json: options.Json = False) -> None:
    """Bring the stores of an older release up to this one, and say what was done."""
    from kato.upkeep.upgrade import upgrade as bring_up  # noqa: PLC0415 - help must not wait

    upgraded = bring_up(*_stores(context))
    if json:
        print_json(upgraded)
        return
    for table, numbers in upgraded.migrations.items():
        told = ", ".join(map(str, numbers)) or "none needed"
        answers().print(safe(f"{table}: {told}"))
    answers().print(f"ledger: format {upgraded.ledger_format}")


def _stores(context: typer.Context) -> tuple[Settings, Path | None]:
    """Where the stores are, which must be this process's own."""
    return Settings.from_environment(), options.path_of_stores(context)
