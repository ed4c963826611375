"""A progress bar with rate and time left, where somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from kato.cli.reading import Inputs, Item

Thing = TypeVar("Thing")

_EVERY = 64


def progress_bar(console: Console, what: str) -> Progress:
    """A bar; it shows how many ``what`` were done, how fast, and the time left.

    Nothing is shown where the console is no terminal.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        _Rate(what),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def reading(progress: Progress, inputs: Inputs, description: str) -> Iterator[Item]:
    """The items of the inputs, with the bar showing the bytes they were read from."""
    task = progress.add_task(description, total=inputs.size, done=0)
    done = 0
    for done, item in enumerate(inputs, start=1):
        yield item
        if done % _EVERY == 0:
            progress.update(task, completed=inputs.consumed, done=done)
    progress.update(task, completed=inputs.size, done=done)


def counted(
    progress: Progress, things: Iterable[Thing], total: int | None, description: str
) -> Iterator[Thing]:
    """The things, with the bar showing how many of them are done."""
    task = progress.add_task(description, total=total, done=0)
    done = 0
    for done, thing in enumerate(things, start=1):
        yield thing
        progress.update(task, completed=done, done=done)
    progress.update(task, total=done, completed=done, done=done)


class _Rate(ProgressColumn):
    """How many things were done and how many a second."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        done: int = task.fields["done"]
        elapsed = task.elapsed or 0.0
        rate = f", {done / elapsed:,.0f}/s" if elapsed else ""
        return Text(f"{done:,} {self._what}{rate}")
