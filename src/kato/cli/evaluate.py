"""``kato evaluate``: how often KATO would be right on files of yours."""

from __future__ import annotations

import time
from collections.abc import Iterable
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import kato
from kato.cli import options
from kato.cli.display.accuracy import accuracy_table
from kato.cli.display.console import answers, notes, print_json
from kato.cli.display.progress import counted, progress_bar, reading
from kato.cli.evaluation import Accuracy, Split, accuracy
from kato.cli.evaluation import answers as ask
from kato.cli.learn import Intake
from kato.cli.reading import Columns, Inputs
from kato.errors import InvalidInput
from kato.model.example import Example

if TYPE_CHECKING:
    from kato.memory import Memory


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found; the ``--json`` answer of ``kato evaluate``.

    Attributes:
        sequences: Sequences of two or more symbols.
        learned: Those of them that were learned; the others were held out.
        patterns: Distinct patterns among those.
        rejected: Lines that could not be read.
        learn_seconds: Time that reading and learning took.
        ledger_bytes: Memory of the ledger afterwards.
        disk_bytes: Bytes of the patterns on disk afterwards.
        accuracy: How often the next symbol was right.
    """

    sequences: int
    learned: int
    patterns: int
    rejected: int
    learn_seconds: float
    ledger_bytes: int
    disk_bytes: int
    accuracy: Accuracy


def evaluate(  # noqa: PLR0913, PLR0917 - a command's options
    files: options.Files,
    questions: Annotated[
        int, typer.Option(min=1, help="How many held-out sequences to ask about.")
    ] = 1000,
    format_name: options.Format = None,
    window: options.WindowSize = None,
    strict: options.Strict = False,
    sequence_column: options.SequenceColumn = None,
    symbol_column: options.SymbolColumn = None,
    order_column: options.OrderColumn = None,
    event_column: options.EventColumn = None,
    delimiter: options.Delimiter = None,
    header: options.Header = None,
    json: options.Json = False,
) -> None:
    """Say how often the next symbol would be right on files of yours.

    Nine of ten sequences are learned into stores that are thrown away afterwards, every tenth is
    held out. For each of those KATO is given up to five events and asked for the next, beside two
    baselines: the symbol that most often came after the last one, and the most frequent symbol.

      kato evaluate clicks.txt
      kato evaluate book.txt --format text --window 15
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
        files, format_name=format_name, window=window, step=None, columns=columns
    )
    evaluated = evaluate_inputs(inputs, questions=questions, strict=strict, console=notes())
    if json:
        print_json(evaluated)
    else:
        answers().print(_summary(evaluated))
        answers().print(accuracy_table(evaluated.accuracy))


def evaluate_inputs(
    inputs: Inputs, *, questions: int, strict: bool = False, console: Console
) -> Evaluated:
    """Learn what is not held out into stores of their own, and ask about the rest.

    Raises:
        UnreadableInput: A line was bad and this is strict, or all of them were.
        InvalidInput: There are too few sequences to hold one out.
    """
    intake = Intake(console, strict=strict)
    with (
        TemporaryDirectory(prefix="kato-") as folder,
        kato.open(folder) as memory,
        progress_bar(console, "sequences") as progress,
    ):
        examples = intake.examples(reading(progress, inputs, "learning"))
        split, seconds = learn_split(memory, examples)
        asked = counted(progress, split.questions(questions), None, "asking")
        knowledge_base = memory.knowledge_base()
        found = accuracy(ask(knowledge_base, split.baselines, asked))
        stores = memory.stats()
        patterns = knowledge_base.stats().patterns
    if not found.questions:
        raise InvalidInput(
            f"{split.sequences} sequences leave nothing to ask", remedy="give ten or more"
        )
    return Evaluated(
        sequences=split.sequences,
        learned=split.sequences - split.held_out,
        patterns=patterns,
        rejected=intake.rejected,
        learn_seconds=seconds,
        ledger_bytes=stores.ledger_bytes,
        disk_bytes=stores.disk_bytes,
        accuracy=found,
    )


def learn_split(memory: Memory, examples: Iterable[Example]) -> tuple[Split, float]:
    """Learn what is not held out into the default knowledge base; the split, and the seconds."""
    split = Split()
    began = time.perf_counter()
    memory.knowledge_base().learn_many(split.learned(examples))
    seconds = time.perf_counter() - began
    memory.flush()
    return split, seconds


def _summary(evaluated: Evaluated) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="dim")
    rate = evaluated.learned / evaluated.learn_seconds if evaluated.learn_seconds else 0.0
    found = evaluated.accuracy
    table.add_row(f"{evaluated.learned:,}", f"sequences learned, {rate:,.0f} a second")
    table.add_row(f"{evaluated.patterns:,}", "distinct patterns among them")
    table.add_row(f"{found.questions:,}", f"questions, {found.milliseconds:.1f} ms each")
    table.add_row(f"{found.answered:.1%}", "of them answered; the others count as wrong")
    table.add_row("", Text())
    return table
