"""``kato verify``: whether all that is stored is what a recount says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.text import Text

from kato.cli import options
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.progress import progress_bar
from kato.cli.display.text import safe

if TYPE_CHECKING:
    from kato.memory import Memory
    from kato.upkeep.difference import Difference

LISTED = 1000
"""Differences that JSON lists; more are counted."""


def verify(
    context: typer.Context,
    kb: Annotated[
        str | None, typer.Option("--kb", help="Only this knowledge base; all by default.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set right what follows from something else.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Recount everything from the sequences, and say what differs.

    Others may go on learning meanwhile. Ends with 1 if there is a difference, mended or not.
    """
    listed: list[Difference] = []
    count = mended = 0
    with options.opened_stores(context) as memory, progress_bar(notes(), "patterns") as progress:
        for difference in _differences(memory, kb, repair, progress):
            count += 1
            mended += difference.mended is True
            if len(listed) < LISTED:
                listed.append(difference)
            if not json:
                answers().print(_line(difference), soft_wrap=True)
    if json:
        print_json({"ok": not count, "differences": count, "mended": mended, "listed": listed})
    else:
        answers().print(Text(_summary(count, mended, repair)))
    if count:
        raise typer.Exit(1)


def _differences(
    memory: Memory, kb: str | None, repair: bool, progress: Progress
) -> Iterator[Difference]:
    from kato.upkeep.verify import verify as differences  # noqa: PLC0415 - help must not wait

    task = progress.add_task("verify", total=None, done=0)
    done = 0

    def tell(what: str, patterns: int) -> None:
        nonlocal done
        done += patterns
        progress.update(task, description=what, done=done)

    return differences(memory, kb=kb, repair=repair, progress=tell)


def _line(difference: Difference) -> Text:
    where = difference.where
    if difference.knowledge_base is not None:
        where = f"{difference.knowledge_base!a}, {where}"
    line = Text.assemble((f"{difference.check}: ", "bold red"), safe(where))
    line.append(safe(f": {difference.stored}, should be {difference.expected}"))
    outcome = {None: "", True: "; mended", False: "; cannot be mended"}[difference.mended]
    return line.append(outcome, "dim")


def _summary(count: int, mended: int, repair: bool) -> str:
    if not count:
        return "everything is as it should be"
    told = f"{count:,} differences"
    return f"{told}, {mended:,} mended" if repair else told
