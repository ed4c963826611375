"""``kato learn``: sequences from files into a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kato.cli import options
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.progress import progress_bar, reading
from kato.cli.display.text import safe
from kato.cli.reading import Accepted, Columns, Inputs, Item, Rejected
from kato.errors import UnreadableInput
from kato.model.example import Example

NAMED = 20
"""Bad lines that are named; those that follow are only counted."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What ``kato learn`` did; its ``--json`` answer.

    Attributes:
        knowledge_base: Where the sequences went.
        sequences: Sequences (or windows of them) that were given to learn.
        new: Those that were a new pattern.
        known: Those that were known and are more frequent now.
        too_short: Those with fewer than two symbols, which are no pattern.
        rejected: Lines that could not be read.
        rejected_lines: The first of these, with the reason.
        seconds: Time it took, without starting the stores.
    """

    knowledge_base: str
    sequences: int
    new: int
    known: int
    too_short: int
    rejected: int
    rejected_lines: list[Rejected]
    seconds: float


class Intake:
    """Takes the examples out of a stream of items and keeps account of what was rejected.

    Args:
        console: Where bad lines are named.
        strict: Whether the first bad line ends it.

    Attributes:
        accepted: Sequences that were read.
        rejected: Lines that could not be.
        named: The first of these.
    """

    def __init__(self, console: Console, *, strict: bool = False) -> None:
        self._console = console
        self._strict = strict
        self.accepted = 0
        self.rejected = 0
        self.named: list[Rejected] = []

    def examples(self, items: Iterable[Item]) -> Iterator[Example]:
        """The examples among the items.

        Raises:
            UnreadableInput: A line was bad and this is strict, or all of them were.
        """
        for item in items:
            if isinstance(item, Accepted):
                self.accepted += 1
                yield item.example
            else:
                self._reject(item)
        if self.rejected and not self.accepted:
            raise UnreadableInput(
                f"none of {self.rejected:,} lines can be read",
                remedy="is it in another format? See --format in kato learn --help",
            )

    def _reject(self, line: Rejected) -> None:
        if self._strict:
            raise UnreadableInput(_bad_line(line), remedy="correct it, or leave out --strict")
        self.rejected += 1
        if len(self.named) < NAMED:
            self.named.append(line)
            self._console.print(Text(f"bad line: {_bad_line(line)}", "yellow"), soft_wrap=True)


def learn(  # noqa: PLR0913, PLR0917 - a command's options
    context: typer.Context,
    files: options.Files,
    kb: options.KnowledgeBaseName = "default",
    format_name: options.Format = None,
    window: options.WindowSize = None,
    step: options.WindowStep = None,
    strict: options.Strict = False,
    sequence_column: options.SequenceColumn = None,
    symbol_column: options.SymbolColumn = None,
    order_column: options.OrderColumn = None,
    event_column: options.EventColumn = None,
    delimiter: options.Delimiter = None,
    header: options.Header = None,
    json: options.Json = False,
) -> None:
    """Learn sequences from files.

    [bold]lines[/]: symbols by blanks, one sequence a line.
    [bold]spmf[/]: -1 ends an event, -2 a sequence.
    [bold]jsonl[/]: {"events": [["a"], ["b", "c"]], "emotives": {}, "metadata": {}} a line.
    [bold]table[/]: a row a symbol, with columns for sequence, symbol, and perhaps order and event.
    [bold]parquet[/]: the same columns, or one column events.
    [bold]text[/]: words of running text.

    A bad line is named and counted, and the rest goes on.

      kato learn clicks.txt --kb web
      kato learn log.csv --sequence-column user --symbol-column page --order-column time
      zcat huge.jsonl.gz | kato learn - --window 50
    """
    columns = Columns(
        sequence=sequence_column,
        symbol=symbol_column,
        order=order_column,
        event=event_column,
        delimiter=options.delimiter_of(delimiter),
        header=header,
    )
    inputs = options.inputs_of(
        files, format_name=format_name, window=window, step=step, columns=columns
    )
    learned = _learn(context, inputs, kb, strict=strict)
    if json:
        print_json(learned)
    else:
        answers().print(_report(learned))


def _learn(context: typer.Context, inputs: Inputs, name: str, *, strict: bool) -> Learned:
    console = notes()
    intake = Intake(console, strict=strict)
    with options.opened(context) as memory, progress_bar(console, "sequences") as progress:
        knowledge_base = memory.knowledge_base(name)
        began = time.perf_counter()
        items = reading(progress, inputs, "learning")
        report = knowledge_base.learn_many(intake.examples(items))
        seconds = time.perf_counter() - began
    return Learned(
        knowledge_base=name,
        sequences=report.sequences,
        new=report.new,
        known=report.known,
        too_short=report.too_short,
        rejected=intake.rejected,
        rejected_lines=intake.named,
        seconds=seconds,
    )


def _report(learned: Learned) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title = Text(f"learned into {safe(learned.knowledge_base)}", style="bold")
    table.title_justify = "left"
    table.add_column(justify="right")
    table.add_column(style="dim")
    rate = learned.sequences / learned.seconds if learned.seconds else 0.0
    table.add_row(f"{learned.sequences:,}", "sequences")
    table.add_row(f"{learned.new:,}", "new patterns")
    table.add_row(f"{learned.known:,}", "known already, more frequent now")
    table.add_row(f"{learned.too_short:,}", "too short: fewer than two symbols")
    table.add_row(f"{learned.rejected:,}", _rejected_note(learned))
    table.add_row(f"{learned.seconds:,.1f}", f"seconds, {rate:,.0f} sequences a second")
    return table


def _rejected_note(learned: Learned) -> str:
    unnamed = learned.rejected - len(learned.rejected_lines)
    return f"bad lines, the last {unnamed:,} not named" if unnamed else "bad lines"


def _bad_line(line: Rejected) -> str:
    return safe(f"{line.file}, line {line.line}: {line.reason}")
